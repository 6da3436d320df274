//! The steps of the mapper: merge, decide, publish and verify.

use super::{
    HandoverModel, InHand, ModelAccess, ModelCommand, ModelDecision, ModelOutboxBatch, ModelStep, ModelWorld,
    PEOPLE, REPLICAS,
};

impl HandoverModel {
    /// Adds the steps that the mapper can take in `world`.
    pub(super) fn mapper_steps(&self, world: &ModelWorld, steps: &mut Vec<ModelStep>) {
        let is_waiting = !world.events_again.is_empty() || world.events_next < world.events.len();
        for replica in 0..self.mappers {
            match world.in_hand[replica] {
                Some(_) => steps.push(ModelStep::Merge { replica }),
                None if is_waiting => steps.push(ModelStep::Take { replica }),
                None => {}
            }
        }
        // Statements that aged out before they were read again may include a departure. An operator decides before
        // access is granted.
        let may_grant = world.mapper_reads_up_to == 0 || !world.loss_is_listed;
        if world.floor() >= world.mapper_reads_up_to && may_grant {
            let is_due =
                |person: &usize| self.wanted_of(world, *person) != world.mapper.decided[*person].wanted;
            steps.extend((0..PEOPLE).filter(is_due).map(|person| ModelStep::Grant { person }));
        }
        let in_memory = world.mapper.outbox.iter().position(|batch| batch.in_memory_of.is_some());
        steps.extend(in_memory.map(|batch| ModelStep::Send { batch }));
        if self.sweepable(world).is_some() {
            steps.push(ModelStep::Sweep);
        }
        if self.mechanisms.consumed_makes_room
            && world.commands_full
            && world.commands_next == world.commands.len()
        {
            steps.push(ModelStep::MakeRoom);
        }
        if self.mechanisms.anti_entropy && world.mapper_has_read_all() && self.differs(world) {
            steps.push(ModelStep::Verify);
        }
    }

    /// Returns the access that the merged statements of the person ask for.
    fn wanted_of(&self, world: &ModelWorld, person: usize) -> ModelAccess {
        let merged = world.mapper.merged[person];
        let last = (u8::BITS - merged.leading_zeros()) as usize;
        if last == 0 { ModelAccess::Nothing } else { self.histories[person][last - 1] }
    }

    /// Returns the index of the outbox batch that a sweep would publish completely.
    fn sweepable(&self, world: &ModelWorld) -> Option<usize> {
        let can_go = |batch: &ModelOutboxBatch| {
            batch.in_memory_of.is_none()
                && !(batch.command.is_some() && world.commands_full)
                && !(batch.fact && world.journal_full)
        };
        let all = world.mapper.outbox.iter();
        // One batch stands for the page that a sweep reads when this mechanism is left out.
        let page = if self.mechanisms.commands_before_facts { usize::MAX } else { 1 };
        all.take(page).position(can_go)
    }

    /// Returns whether the writer's state differs from the decisions and no command is under way that would correct
    /// it.
    fn differs(&self, world: &ModelWorld) -> bool {
        let differs = |person: usize| {
            let (row, decided) = (&world.writer.rows[person], &world.mapper.decided[person]);
            row.wanted != decided.wanted && !world.is_on_its_way(person)
        };
        let is_unverified = !world.writer.verified && !(0..PEOPLE).any(|person| world.is_on_its_way(person));
        (0..PEOPLE).any(differs) || is_unverified
    }

    /// Applies a step of the mapper to `world`.
    pub(super) fn mapper_step(&self, world: &mut ModelWorld, step: ModelStep) {
        match step {
            ModelStep::Take { replica } => {
                let position = world.events_again.pop_first().unwrap_or_else(|| {
                    world.events_next += 1;
                    world.events_next - 1
                });
                let version = world.mapper.version[world.events[position].person];
                world.in_hand[replica] = Some(InHand { position, version });
            }
            ModelStep::Merge { replica } => self.merge(world, replica),
            ModelStep::Grant { person } => self.decide(world, person, None),
            ModelStep::Send { batch } => self.publish(world, batch),
            ModelStep::Sweep => {
                if let Some(batch) = self.sweepable(world) {
                    self.publish(world, batch);
                }
            }
            ModelStep::MakeRoom => world.commands_full = false,
            ModelStep::Verify => self.verify(world),
            ModelStep::BackUpMapper => {
                let mut backup = world.mapper.clone();
                backup.outbox.iter_mut().for_each(|batch| batch.in_memory_of = None);
                world.mapper_backup = Some(backup);
            }
            ModelStep::CrashMapper { replica } => {
                world.faults += 1;
                Self::end_mapper(world, replica);
            }
            ModelStep::FillJournal => {
                world.faults += 1;
                world.journal_full = true;
            }
            ModelStep::FillCommands => {
                world.faults += 1;
                world.commands_full = true;
            }
            ModelStep::AgeOutEvents => {
                world.faults += 1;
                world.events_first = world.events.len();
                world.events_next = world.events.len();
                world.events_again.clear();
                // The mapper detects the gap in the sequence at the next delivery.
                world.loss_is_listed = true;
            }
            ModelStep::RestoreMapper => self.restore_mapper(world),
            _ => {}
        }
    }

    /// Ends a replica: its event is delivered again, and its outbox batches are left to the sweep.
    fn end_mapper(world: &mut ModelWorld, replica: usize) {
        world.events_again.extend(world.in_hand[replica].take().map(|hand| hand.position));
        let of_replica = world.mapper.outbox.iter_mut().filter(|batch| batch.in_memory_of == Some(replica));
        of_replica.for_each(|batch| batch.in_memory_of = None);
    }

    /// Merges the event in the replica's hands and decides, unless another replica changed the person in the
    /// meantime.
    fn merge(&self, world: &mut ModelWorld, replica: usize) {
        let Some(hand) = world.in_hand[replica].take() else { return };
        let statement = world.events[hand.position];
        let person = statement.person;
        if world.mapper.version[person] != hand.version {
            // Another replica committed first: read the person's row again.
            world.in_hand[replica] = Some(InHand { version: world.mapper.version[person], ..hand });
            return;
        }
        world.mapper.merged[person] |= 1 << (statement.number - 1);
        world.mapper.version[person] += 1;
        world.mapper.contains = world.mapper.contains.max(world.floor().min(hand.position));
        let wanted = self.wanted_of(world, person);
        let is_behind = world.mapper_reads_up_to > 0
            && (world.floor() < world.mapper_reads_up_to || world.loss_is_listed);
        // While the mapper reads again what it had read before, it only revokes access.
        if wanted != world.mapper.decided[person].wanted && (!is_behind || wanted == ModelAccess::Off) {
            self.decide(world, person, Some(replica));
        }
    }

    /// Stores a decision about the person and puts its command into the outbox.
    fn decide(&self, world: &mut ModelWorld, person: usize, replica: Option<usize>) {
        world.clock += 1;
        let before = world.mapper.decided[person].revision;
        let revision = if self.mechanisms.revisions_follow_the_clock {
            (before + 1).max(world.clock)
        } else {
            before + 1
        };
        let wanted = self.wanted_of(world, person);
        world.mapper.decided[person] = ModelDecision { revision, wanted };
        self.put(world, ModelCommand { person, revision, wanted }, replica);
    }

    /// Puts a command into the outbox.
    fn put(&self, world: &mut ModelWorld, command: ModelCommand, in_memory_of: Option<usize>) {
        let command = Some(command);
        if self.mechanisms.commands_before_facts {
            world.mapper.outbox.push(ModelOutboxBatch { command, fact: false, in_memory_of });
            // Facts that JOURNAL refuses are dropped in the end. The model does not follow them any further.
        } else {
            world.mapper.outbox.push(ModelOutboxBatch { command, fact: true, in_memory_of });
        }
    }

    /// Publishes the parts of an outbox batch that their streams accept, and removes the batch when both parts are
    /// published.
    fn publish(&self, world: &mut ModelWorld, index: usize) {
        let batch = &mut world.mapper.outbox[index];
        batch.in_memory_of = None;
        let batch = *batch;
        let command_goes = !world.commands_full;
        let fact_goes = !(batch.fact && world.journal_full);
        if let Some(command) = batch.command.filter(|_| command_goes) {
            // JetStream drops a repeated message by its id.
            if !world.commands[world.commands_next..].contains(&command) {
                world.commands.push(command);
            }
        }
        if command_goes && fact_goes {
            world.mapper.outbox.remove(index);
        }
    }

    /// Sends the decision again for every person whose row at the writer differs (anti-entropy).
    fn verify(&self, world: &mut ModelWorld) {
        let mut is_same = true;
        for person in 0..PEOPLE {
            let (row, decided) = (world.writer.rows[person], world.mapper.decided[person]);
            if row.wanted == decided.wanted || world.is_on_its_way(person) {
                is_same &= !world.is_on_its_way(person);
                continue;
            }
            is_same = false;
            // While a loss is listed, a decision may be out of date; it is repeated only if it revokes access.
            if world.loss_is_listed && decided.wanted != ModelAccess::Off {
                continue;
            }
            world.clock += 1;
            let revision = (row.revision.max(decided.revision) + 1).max(world.clock);
            world.mapper.decided[person].revision = revision;
            self.put(world, ModelCommand { person, revision, wanted: decided.wanted }, None);
        }
        if is_same {
            world.writer.verified = true;
        }
    }

    /// Restores the mapper's database from its backup and sets the consumer back.
    fn restore_mapper(&self, world: &mut ModelWorld) {
        let Some(backup) = world.mapper_backup.clone() else { return };
        world.faults += 1;
        world.was_restored = true;
        (0..REPLICAS).for_each(|replica| Self::end_mapper(world, replica));
        let had_read_up_to = world.events_next;
        world.mapper = backup;
        if self.mechanisms.rewinds {
            world.events_next = world.mapper.contains.max(world.events_first);
            world.events_again.clear();
            if world.mapper.contains < world.events_first {
                world.loss_is_listed = true;
            }
            if self.mechanisms.reads_before_granting {
                world.mapper_reads_up_to = had_read_up_to;
            }
        }
    }
}
