//! What exists in the model: streams, databases, processes, the target.

use std::collections::BTreeSet;

use super::{PEOPLE, REPLICAS};

/// What an account should be, or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ModelAccess {
    /// There is no account, or nothing is known of one.
    #[default]
    Nothing,
    /// The account can be used.
    On,
    /// The account cannot be used.
    Off,
}

/// One statement of the source about a person. Later statements have greater numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelStatement {
    /// Index of the person.
    pub person: usize,
    /// Position in the person's history, from 1.
    pub number: u8,
}

/// An order from the mapper to the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelCommand {
    /// Index of the person.
    pub person: usize,
    /// Decides between commands about one person.
    pub revision: u8,
    /// What should be true.
    pub wanted: ModelAccess,
}

/// A row of the mapper's outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelOutboxBatch {
    /// The command in it, if there is one.
    pub command: Option<ModelCommand>,
    /// Whether a fact is in it.
    pub fact: bool,
    /// The replica that has it in memory and sends it without a sweep.
    pub in_memory_of: Option<usize>,
}

/// What the mapper decided about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModelDecision {
    /// Of the newest command.
    pub revision: u8,
    /// What it wants.
    pub wanted: ModelAccess,
}

/// The mapper's database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct MapperStore {
    /// By person: the statements that were merged, a bit each.
    pub merged: [u8; PEOPLE],
    /// By person.
    pub decided: [ModelDecision; PEOPLE],
    /// By person: rises with every commit (optimistic concurrency).
    pub version: [u8; PEOPLE],
    /// Oldest first.
    pub outbox: Vec<ModelOutboxBatch>,
    /// Every event before this position is contained.
    pub contains: usize,
}

/// What the writer knows of one person's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModelRow {
    /// Of the newest command.
    pub revision: u8,
    /// What it wants.
    pub wanted: ModelAccess,
    /// What the target last showed.
    pub applied: ModelAccess,
    /// A request is noted as being under way.
    pub sending: bool,
    /// A request may have been carried out: the account is read before anything is decided.
    pub in_doubt: bool,
}

/// The writer's database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WriterStore {
    /// By person.
    pub rows: [ModelRow; PEOPLE],
    /// Every command before this position is contained.
    pub contains: usize,
    /// It was compared with the mapper's database since it was created or restored.
    pub verified: bool,
}

/// One account at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModelAccount {
    /// How many there are for the person.
    pub count: u8,
    /// Whether the (first) account can be used.
    pub is_on: bool,
}

impl ModelAccount {
    /// What the target shows when it is asked.
    pub fn shown(self) -> ModelAccess {
        match (self.count, self.is_on) {
            (0, _) => ModelAccess::Nothing,
            (_, true) => ModelAccess::On,
            (_, false) => ModelAccess::Off,
        }
    }
}

/// A request that a writer sent and has no answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelRequest {
    /// The replica that sent it.
    pub by: usize,
    /// The lease under which it was sent.
    pub epoch: u8,
    /// Index of the person.
    pub person: usize,
    /// What it makes true.
    pub to: ModelAccess,
    /// Whether the target has carried it out.
    pub is_done: bool,
}

/// What a mapper replica has in hand: an event, and the version of the person's row that it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InHand {
    /// Position in EVENTS.
    pub position: usize,
    /// Of the person's row.
    pub version: u8,
}

/// Everything, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ModelWorld {
    /// By person: how much of the history was accepted.
    pub accepted: [u8; PEOPLE],
    /// EVENTS, from its first message on.
    pub events: Vec<ModelStatement>,
    /// Events before this position aged out.
    pub events_first: usize,
    /// The next event that the broker delivers.
    pub events_next: usize,
    /// Delivered, and to be delivered again.
    pub events_again: BTreeSet<usize>,
    /// COMMANDS.
    pub commands: Vec<ModelCommand>,
    /// Commands before this position aged out.
    pub commands_first: usize,
    /// The next command that the broker delivers.
    pub commands_next: usize,
    /// COMMANDS refuses messages.
    pub commands_full: bool,
    /// JOURNAL refuses messages.
    pub journal_full: bool,
    /// The mapper's database.
    pub mapper: MapperStore,
    /// A copy of it.
    pub mapper_backup: Option<MapperStore>,
    /// Nothing is granted before the mapper has read again up to here.
    pub mapper_reads_up_to: usize,
    /// By replica.
    pub in_hand: [Option<InHand>; REPLICAS],
    /// The writer's database.
    pub writer: WriterStore,
    /// A copy of it.
    pub writer_backup: Option<WriterStore>,
    /// The newest lease of the target. It lives apart from the rows only to keep restores simple.
    pub epoch: u8,
    /// By replica: the lease that it believes to have.
    pub session: [Option<u8>; REPLICAS],
    /// Requests without an answer.
    pub requests: Vec<ModelRequest>,
    /// By person.
    pub target: [ModelAccount; PEOPLE],
    /// By person: the account was switched off after the last statement, a departure, had been accepted.
    pub was_off: [bool; PEOPLE],
    /// A database was restored.
    pub was_restored: bool,
    /// Faults that happened.
    pub faults: u8,
    /// Rises with every decision: stands for the clock.
    pub clock: u8,
    /// An operator is told that statements were lost.
    pub loss_is_listed: bool,
    /// Somebody who had left and was off was switched on.
    pub broke_departure: bool,
}

impl ModelWorld {
    /// The position before which every event is contained in the mapper's database.
    pub fn floor(&self) -> usize {
        let in_hand = self.in_hand.iter().flatten().map(|hand| hand.position);
        in_hand.chain(self.events_again.iter().copied()).min().unwrap_or(self.events_next)
    }

    /// Whether the mapper has merged all that was accepted and held.
    pub fn mapper_has_read_all(&self) -> bool {
        self.floor() >= self.events.len()
    }

    /// The replica that owns the target.
    pub fn owner(&self) -> Option<usize> {
        self.session.iter().position(|session| *session == Some(self.epoch) && self.epoch > 0)
    }

    /// Whether a command about the person is on its way.
    pub fn is_on_its_way(&self, person: usize) -> bool {
        let is_of = |command: &ModelCommand| command.person == person;
        self.mapper.outbox.iter().filter_map(|batch| batch.command).any(|command| is_of(&command))
            || self.commands.iter().skip(self.commands_next).any(is_of)
    }

    /// Replicas are interchangeable: of worlds that differ in their names alone one stands for all.
    pub(super) fn order_replicas(&mut self) {
        // Of a lease it matters only whether it is the newest.
        let newest = self.epoch;
        let rank = |epoch: u8| if epoch == newest { 1 } else { 0 };
        self.session = self.session.map(|session| session.map(rank));
        self.requests.iter_mut().for_each(|request| request.epoch = rank(request.epoch));
        self.epoch = newest.min(1);
        let mapper = |world: &Self, replica: usize| {
            (
                world.in_hand[replica],
                world.mapper.outbox.iter().rposition(|b| b.in_memory_of == Some(replica)),
            )
        };
        let key = |(hand, batch): (Option<InHand>, Option<usize>)| (hand.map(|hand| hand.position), batch);
        if key(mapper(self, 0)) < key(mapper(self, 1)) {
            self.in_hand.swap(0, 1);
            for batch in &mut self.mapper.outbox {
                batch.in_memory_of = batch.in_memory_of.map(|replica| 1 - replica);
            }
        }
        let writer = |world: &Self, replica: usize| {
            (world.session[replica], world.requests.iter().rposition(|request| request.by == replica))
        };
        if writer(self, 0) < writer(self, 1) {
            self.session.swap(0, 1);
            self.requests.iter_mut().for_each(|request| request.by = 1 - request.by);
        }
        self.requests.sort_unstable();
    }

    pub(super) fn forget_received_commands(&mut self) {
        self.commands.drain(..self.commands_next);
        (self.commands_first, self.commands_next, self.writer.contains) = (0, 0, 0);
    }

    /// Only the order of revisions matters: each becomes its rank. The clock is not behind any of them.
    pub(super) fn rank_revisions(&mut self) {
        let mut revisions = self.revisions();
        let mut known: Vec<u8> = revisions.iter().map(|revision| **revision).collect();
        known.extend([0, u8::MAX]);
        known.sort_unstable();
        known.dedup();
        for revision in &mut revisions {
            let rank = known.binary_search(revision).unwrap_or_default();
            **revision = u8::try_from(rank).unwrap_or(u8::MAX);
        }
        self.clock = u8::try_from(known.len() - 2).unwrap_or(u8::MAX);
    }

    fn revisions(&mut self) -> Vec<&mut u8> {
        let mut found: Vec<&mut u8> = Vec::new();
        for store in [Some(&mut self.mapper), self.mapper_backup.as_mut()].into_iter().flatten() {
            found.extend(store.decided.iter_mut().map(|decision| &mut decision.revision));
            let commands = store.outbox.iter_mut().filter_map(|batch| batch.command.as_mut());
            found.extend(commands.map(|command| &mut command.revision));
        }
        for store in [Some(&mut self.writer), self.writer_backup.as_mut()].into_iter().flatten() {
            found.extend(store.rows.iter_mut().map(|row| &mut row.revision));
        }
        found.extend(self.commands.iter_mut().map(|command| &mut command.revision));
        found
    }
}
