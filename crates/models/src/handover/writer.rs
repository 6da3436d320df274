//! The steps of the writer (receive, own, ask, read back, reconcile) and of the target.

use super::{
    HandoverModel, ModelAccess, ModelAccount, ModelRequest, ModelStep, ModelWorld, PEOPLE, REPLICAS,
};

impl HandoverModel {
    /// Adds the steps that the writer and the target can take in `world`.
    pub(super) fn writer_steps(&self, world: &ModelWorld, steps: &mut Vec<ModelStep>) {
        if world.commands_next < world.commands.len() {
            steps.push(ModelStep::Receive);
        }
        match world.owner() {
            None => steps.extend((0..REPLICAS).map(|replica| ModelStep::Own { replica })),
            Some(replica) => {
                for person in 0..PEOPLE {
                    let row = &world.writer.rows[person];
                    if row.in_doubt && !row.sending {
                        steps.push(ModelStep::ReadBack { person });
                    } else if self.may_ask(world, person) {
                        steps.push(ModelStep::Ask { replica, person });
                    } else if !row.sending
                        && row.applied != world.target[person].shown()
                        && row.wanted != ModelAccess::Nothing
                    {
                        steps.push(ModelStep::Reconcile { person });
                    }
                }
            }
        }
        for (index, request) in world.requests.iter().enumerate() {
            steps.push(match request.is_done {
                false => ModelStep::CarryOut { request: index },
                true => ModelStep::Answer { request: index },
            });
        }
    }

    /// Returns whether the owner may send a request about the person.
    fn may_ask(&self, world: &ModelWorld, person: usize) -> bool {
        let row = &world.writer.rows[person];
        if row.sending || row.in_doubt {
            return false;
        }
        match row.wanted {
            ModelAccess::Nothing => false,
            ModelAccess::Off => row.applied == ModelAccess::On,
            ModelAccess::On => {
                let is_allowed = world.writer.verified || !self.mechanisms.verifies_before_granting;
                row.applied != ModelAccess::On && is_allowed
            }
        }
    }

    /// Applies a step of the writer or the target to `world`.
    pub(super) fn writer_step(&self, world: &mut ModelWorld, step: ModelStep) {
        match step {
            ModelStep::Receive => Self::receive(world),
            ModelStep::Own { replica } => Self::own(world, replica),
            ModelStep::Ask { replica, person } => self.ask(world, replica, person),
            ModelStep::CarryOut { request } => self.carry_out(world, request),
            ModelStep::Answer { request } => Self::answer(world, request),
            ModelStep::ReadBack { person } | ModelStep::Reconcile { person } => {
                let shown = world.target[person].shown();
                let row = &mut world.writer.rows[person];
                row.applied = shown;
                row.in_doubt = false;
            }
            ModelStep::BackUpWriter => world.writer_backup = Some(world.writer.clone()),
            ModelStep::CrashWriter { replica, was_carried_out } => {
                world.faults += 1;
                self.end_writer(world, replica, was_carried_out);
            }
            ModelStep::LoseAnswer { request } => {
                world.faults += 1;
                let lost = world.requests.remove(request);
                let row = &mut world.writer.rows[lost.person];
                row.sending &= lost.epoch != world.epoch;
                row.in_doubt = true;
            }
            ModelStep::AgeOutCommands => {
                world.faults += 1;
                world.commands_first = world.commands.len();
                world.commands_next = world.commands.len();
            }
            ModelStep::StealLease { replica } => {
                world.faults += 1;
                Self::own(world, replica);
            }
            ModelStep::RestoreWriter => self.restore_writer(world),
            _ => {}
        }
    }

    /// Receives the next command, and keeps it if its revision is newer.
    fn receive(world: &mut ModelWorld) {
        let command = world.commands[world.commands_next];
        world.commands_next += 1;
        world.writer.contains = world.commands_next;
        let row = &mut world.writer.rows[command.person];
        if command.revision > row.revision {
            row.revision = command.revision;
            row.wanted = command.wanted;
        }
    }

    /// Gives the lease to the replica. Rows with a request under way are in doubt from then on.
    fn own(world: &mut ModelWorld, replica: usize) {
        world.epoch += 1;
        world.session[replica] = Some(world.epoch);
        for row in world.writer.rows.iter_mut().filter(|row| row.sending) {
            row.sending = false;
            row.in_doubt = true;
        }
    }

    /// Notes the row as being sent, and sends the request.
    fn ask(&self, world: &mut ModelWorld, by: usize, person: usize) {
        let row = &mut world.writer.rows[person];
        row.sending = true;
        let to = row.wanted;
        if to == ModelAccess::On && world.was_off[person] && self.has_left(world, person) {
            world.broke_departure = true;
        }
        world.requests.push(ModelRequest { by, epoch: world.epoch, person, to, is_done: false });
    }

    /// Lets the target carry out a request.
    fn carry_out(&self, world: &mut ModelWorld, index: usize) {
        let request = &mut world.requests[index];
        request.is_done = true;
        let request = *request;
        self.change(world, request);
    }

    /// Changes the account at the target as the request asks.
    fn change(&self, world: &mut ModelWorld, request: ModelRequest) {
        let has_left = self.has_left(world, request.person);
        let accounts: &mut ModelAccount = &mut world.target[request.person];
        match request.to {
            ModelAccess::On => {
                // The target refuses a second create with the same login name, and the writer finds the account.
                accounts.count = 1;
                accounts.is_on = true;
            }
            ModelAccess::Off => {
                accounts.is_on = false;
                world.was_off[request.person] |= has_left;
            }
            ModelAccess::Nothing => {}
        }
    }

    /// Receives the answer to a request. An answer under an old epoch only puts the row in doubt.
    fn answer(world: &mut ModelWorld, index: usize) {
        let request = world.requests.remove(index);
        let is_current = request.epoch == world.epoch;
        let row = &mut world.writer.rows[request.person];
        if is_current {
            row.applied = request.to;
            row.sending = false;
        } else {
            // The request of the present owner is answered first; then the row is read back.
            row.in_doubt = true;
            world.session[request.by] = None;
        }
    }

    /// Ends a replica. Its open requests are carried out if `was_carried_out` is set.
    fn end_writer(&self, world: &mut ModelWorld, replica: usize, was_carried_out: bool) {
        let (of_replica, others): (Vec<ModelRequest>, Vec<ModelRequest>) =
            world.requests.drain(..).partition(|request| request.by == replica);
        world.requests = others;
        for request in of_replica.into_iter().filter(|request| !request.is_done && was_carried_out) {
            self.change(world, request);
        }
        world.session[replica] = None;
    }

    /// Restores the writer's database from its backup and sets the consumer back.
    fn restore_writer(&self, world: &mut ModelWorld) {
        let Some(backup) = world.writer_backup.clone() else { return };
        world.faults += 1;
        world.was_restored = true;
        (0..REPLICAS).for_each(|replica| self.end_writer(world, replica, true));
        world.writer = backup;
        world.writer.verified = false;
        for row in world.writer.rows.iter_mut().filter(|row| row.sending) {
            row.sending = false;
            row.in_doubt = true;
        }
        if self.mechanisms.rewinds {
            world.commands_next = world.writer.contains.max(world.commands_first);
        }
    }
}
