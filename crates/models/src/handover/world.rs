//! The state of the model: streams, databases, processes and the target.

use std::collections::BTreeSet;

use super::{PEOPLE, REPLICAS};

/// The access that an account should have, or has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ModelAccess {
    /// There is no account, or none is known.
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
    /// The position in the person's history, counted from 1.
    pub number: u8,
}

/// A command from the mapper to the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelCommand {
    /// Index of the person.
    pub person: usize,
    /// The revision. Of two commands about one person, the one with the greater revision wins.
    pub revision: u8,
    /// The access that the account should have.
    pub wanted: ModelAccess,
}

/// A row of the mapper's outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelOutboxBatch {
    /// The command in the batch, if there is one.
    pub command: Option<ModelCommand>,
    /// `true` if the batch contains a fact.
    pub fact: bool,
    /// The replica that has the batch in memory and publishes it without a sweep.
    pub in_memory_of: Option<usize>,
}

/// The mapper's decision about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModelDecision {
    /// The revision of the newest command.
    pub revision: u8,
    /// The access that the newest command asks for.
    pub wanted: ModelAccess,
}

/// The mapper's database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct MapperStore {
    /// The merged statements of each person, one bit per statement.
    pub merged: [u8; PEOPLE],
    /// The decision about each person.
    pub decided: [ModelDecision; PEOPLE],
    /// The version of each person's row. It increases with every commit (optimistic concurrency).
    pub version: [u8; PEOPLE],
    /// The outbox batches, oldest first.
    pub outbox: Vec<ModelOutboxBatch>,
    /// The database contains every event before this position.
    pub contains: usize,
}

/// The writer's knowledge of one person's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModelRow {
    /// The revision of the newest command.
    pub revision: u8,
    /// The access that the newest command asks for.
    pub wanted: ModelAccess,
    /// The access that the target last showed.
    pub applied: ModelAccess,
    /// `true` if the row is noted as having a request under way.
    pub sending: bool,
    /// `true` if a request may have been carried out. The account is read before anything else is decided.
    pub in_doubt: bool,
}

/// The writer's database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WriterStore {
    /// The row of each person.
    pub rows: [ModelRow; PEOPLE],
    /// The database contains every command before this position.
    pub contains: usize,
    /// `true` if the database was verified against the mapper's since it was created or restored.
    pub verified: bool,
}

/// The accounts of one person at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ModelAccount {
    /// The number of accounts that the person has.
    pub count: u8,
    /// `true` if the (first) account can be used.
    pub is_on: bool,
}

impl ModelAccount {
    /// Returns the access that the target shows when it is read.
    pub fn shown(self) -> ModelAccess {
        match (self.count, self.is_on) {
            (0, _) => ModelAccess::Nothing,
            (_, true) => ModelAccess::On,
            (_, false) => ModelAccess::Off,
        }
    }
}

/// A request that a writer sent and that has no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelRequest {
    /// The replica that sent the request.
    pub by: usize,
    /// The epoch of the lease under which the request was sent.
    pub epoch: u8,
    /// Index of the person.
    pub person: usize,
    /// The access that the request sets.
    pub to: ModelAccess,
    /// `true` if the target has carried out the request.
    pub is_done: bool,
}

/// The event that a mapper replica is working on, with the version of the person's row that it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InHand {
    /// The event's position in EVENTS.
    pub position: usize,
    /// The version of the person's row.
    pub version: u8,
}

/// The state of the whole system at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ModelWorld {
    /// The number of statements of each person's history that were accepted.
    pub accepted: [u8; PEOPLE],
    /// The messages of EVENTS, from the first one on.
    pub events: Vec<ModelStatement>,
    /// Events before this position have aged out.
    pub events_first: usize,
    /// The position of the next event that the broker delivers.
    pub events_next: usize,
    /// Positions of events that were delivered and will be delivered again.
    pub events_again: BTreeSet<usize>,
    /// The messages of COMMANDS.
    pub commands: Vec<ModelCommand>,
    /// Commands before this position have aged out.
    pub commands_first: usize,
    /// The position of the next command that the broker delivers.
    pub commands_next: usize,
    /// `true` if COMMANDS is full and refuses messages.
    pub commands_full: bool,
    /// `true` if JOURNAL is full and refuses messages.
    pub journal_full: bool,
    /// The mapper's database.
    pub mapper: MapperStore,
    /// The backup of the mapper's database.
    pub mapper_backup: Option<MapperStore>,
    /// The mapper grants nothing before it has read again up to this position.
    pub mapper_reads_up_to: usize,
    /// The event that each replica is working on.
    pub in_hand: [Option<InHand>; REPLICAS],
    /// The writer's database.
    pub writer: WriterStore,
    /// The backup of the writer's database.
    pub writer_backup: Option<WriterStore>,
    /// The epoch of the target's newest lease. It is separate from the rows only to keep restores simple.
    pub epoch: u8,
    /// The epoch of the lease that each replica believes it has.
    pub session: [Option<u8>; REPLICAS],
    /// Requests without an answer.
    pub requests: Vec<ModelRequest>,
    /// The accounts of each person at the target.
    pub target: [ModelAccount; PEOPLE],
    /// `true` for each person whose account was switched off after the last statement, a departure, had been
    /// accepted.
    pub was_off: [bool; PEOPLE],
    /// `true` if a database was restored.
    pub was_restored: bool,
    /// The number of faults that have happened.
    pub faults: u8,
    /// The clock of the model. It increases with every decision.
    pub clock: u8,
    /// `true` if a notice tells operators that statements were lost.
    pub loss_is_listed: bool,
    /// `true` if an account that was off after its person had left was switched on again.
    pub broke_departure: bool,
}

impl ModelWorld {
    /// Returns the position before which the mapper's database contains every event.
    pub fn floor(&self) -> usize {
        let in_hand = self.in_hand.iter().flatten().map(|hand| hand.position);
        in_hand.chain(self.events_again.iter().copied()).min().unwrap_or(self.events_next)
    }

    /// Returns whether the mapper has merged every event that was accepted and that EVENTS still holds.
    pub fn mapper_has_read_all(&self) -> bool {
        self.floor() >= self.events.len()
    }

    /// Returns the replica that owns the target.
    pub fn owner(&self) -> Option<usize> {
        self.session.iter().position(|session| *session == Some(self.epoch) && self.epoch > 0)
    }

    /// Returns whether a command about the person is under way, in the outbox or in COMMANDS.
    pub fn is_on_its_way(&self, person: usize) -> bool {
        let is_of = |command: &ModelCommand| command.person == person;
        self.mapper.outbox.iter().filter_map(|batch| batch.command).any(|command| is_of(&command))
            || self.commands.iter().skip(self.commands_next).any(is_of)
    }

    /// Orders the replicas. They are interchangeable: one world stands for all worlds that differ only in the
    /// replicas' names.
    pub(super) fn order_replicas(&mut self) {
        // The only fact about a lease that matters is whether it is the newest.
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

    /// Removes the commands that the writer has received, and counts positions from zero again.
    pub(super) fn forget_received_commands(&mut self) {
        self.commands.drain(..self.commands_next);
        (self.commands_first, self.commands_next, self.writer.contains) = (0, 0, 0);
    }

    /// Replaces each revision by its rank, because only the order of revisions matters. The clock is not behind any
    /// of them.
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

    /// Returns every revision in the world.
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
