//! The writer's steps: receive, own, ask, read back, reconcile; and the target's.

use super::{Access, Accounts, Handover, PEOPLE, REPLICAS, Request, Step, World};

impl Handover {
    pub(super) fn writer_steps(&self, world: &World, steps: &mut Vec<Step>) {
        if world.commands_next < world.commands.len() {
            steps.push(Step::Receive);
        }
        match world.owner() {
            None => steps.extend((0..REPLICAS).map(|replica| Step::Own { replica })),
            Some(replica) => {
                for person in 0..PEOPLE {
                    let row = &world.writer.rows[person];
                    if row.in_doubt && !row.sending {
                        steps.push(Step::ReadBack { person });
                    } else if self.may_ask(world, person) {
                        steps.push(Step::Ask { replica, person });
                    } else if !row.sending
                        && row.applied != world.target[person].shown()
                        && row.wanted != Access::Nothing
                    {
                        steps.push(Step::Reconcile { person });
                    }
                }
            }
        }
        for (index, request) in world.requests.iter().enumerate() {
            steps.push(match request.is_done {
                false => Step::CarryOut { request: index },
                true => Step::Answer { request: index },
            });
        }
    }

    fn may_ask(&self, world: &World, person: usize) -> bool {
        let row = &world.writer.rows[person];
        if row.sending || row.in_doubt {
            return false;
        }
        match row.wanted {
            Access::Nothing => false,
            Access::Off => row.applied == Access::On,
            Access::On => {
                let is_allowed = world.writer.verified || !self.mechanisms.verifies_before_granting;
                row.applied != Access::On && is_allowed
            }
        }
    }

    pub(super) fn writer_step(&self, world: &mut World, step: Step) {
        match step {
            Step::Receive => Self::receive(world),
            Step::Own { replica } => Self::own(world, replica),
            Step::Ask { replica, person } => self.ask(world, replica, person),
            Step::CarryOut { request } => self.carry_out(world, request),
            Step::Answer { request } => Self::answer(world, request),
            Step::ReadBack { person } | Step::Reconcile { person } => {
                let shown = world.target[person].shown();
                let row = &mut world.writer.rows[person];
                row.applied = shown;
                row.in_doubt = false;
            }
            Step::BackUpWriter => world.writer_backup = Some(world.writer.clone()),
            Step::CrashWriter { replica, was_carried_out } => {
                world.faults += 1;
                self.end_writer(world, replica, was_carried_out);
            }
            Step::LoseAnswer { request } => {
                world.faults += 1;
                let lost = world.requests.remove(request);
                let row = &mut world.writer.rows[lost.person];
                row.sending &= lost.epoch != world.epoch;
                row.in_doubt = true;
            }
            Step::AgeOutCommands => {
                world.faults += 1;
                world.commands_first = world.commands.len();
                world.commands_next = world.commands.len();
            }
            Step::StealLease { replica } => {
                world.faults += 1;
                Self::own(world, replica);
            }
            Step::RestoreWriter => self.restore_writer(world),
            _ => {}
        }
    }

    fn receive(world: &mut World) {
        let command = world.commands[world.commands_next];
        world.commands_next += 1;
        world.writer.contains = world.commands_next;
        let row = &mut world.writer.rows[command.person];
        if command.revision > row.revision {
            row.revision = command.revision;
            row.wanted = command.wanted;
        }
    }

    fn own(world: &mut World, replica: usize) {
        world.epoch += 1;
        world.session[replica] = Some(world.epoch);
        for row in world.writer.rows.iter_mut().filter(|row| row.sending) {
            row.sending = false;
            row.in_doubt = true;
        }
    }

    fn ask(&self, world: &mut World, by: usize, person: usize) {
        let row = &mut world.writer.rows[person];
        row.sending = true;
        let to = row.wanted;
        if to == Access::On && world.was_off[person] && self.has_left(world, person) {
            world.broke_departure = true;
        }
        world.requests.push(Request { by, epoch: world.epoch, person, to, is_done: false });
    }

    fn carry_out(&self, world: &mut World, index: usize) {
        let request = &mut world.requests[index];
        request.is_done = true;
        let request = *request;
        self.change(world, request);
    }

    fn change(&self, world: &mut World, request: Request) {
        let has_left = self.has_left(world, request.person);
        let accounts: &mut Accounts = &mut world.target[request.person];
        match request.to {
            Access::On => {
                // A second create of the same login name is refused, and the account is found.
                accounts.count = 1;
                accounts.is_on = true;
            }
            Access::Off => {
                accounts.is_on = false;
                world.was_off[request.person] |= has_left;
            }
            Access::Nothing => {}
        }
    }

    fn answer(world: &mut World, index: usize) {
        let request = world.requests.remove(index);
        let is_current = request.epoch == world.epoch;
        let row = &mut world.writer.rows[request.person];
        if is_current {
            row.applied = request.to;
            row.sending = false;
        } else {
            // What the owner of today has under way is answered first; then the row is read back.
            row.in_doubt = true;
            world.session[request.by] = None;
        }
    }

    fn end_writer(&self, world: &mut World, replica: usize, was_carried_out: bool) {
        let (of_replica, others): (Vec<Request>, Vec<Request>) =
            world.requests.drain(..).partition(|request| request.by == replica);
        world.requests = others;
        for request in of_replica.into_iter().filter(|request| !request.is_done && was_carried_out) {
            self.change(world, request);
        }
        world.session[replica] = None;
    }

    fn restore_writer(&self, world: &mut World) {
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
