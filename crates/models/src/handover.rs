//! The way of a departure from the source to the target, with replicas, faults and restored databases.
//!
//! | in the model | in the product |
//! |---|---|
//! | `ModelStep::Accept` | the gateway answers 202 once EVENTS has the event |
//! | `ModelStep::Take`, `ModelStep::Merge` | `mapper::work`: read with a version, merge, decide, store if unchanged, acknowledge |
//! | `ModelStep::Send`, `ModelStep::Sweep` | `relay`: publish an outbox batch from memory, or from the table |
//! | `ModelStep::Receive` | `writer::intake`: keep the command if its revision is newer |
//! | `ModelStep::Own` | `writer::lease`: take the lease, and put rows with a request under way in doubt |
//! | `ModelStep::Ask` | `writer::ownership::ready`, `writer::delivery::call`: note the row as being sent, and send |
//! | `ModelStep::CarryOut`, `ModelStep::Answer` | the target; `writer::results`, refused under an old epoch |
//! | `ModelStep::ReadBack` | `writer::converge`: read the account first if a request may have been carried out |
//! | `ModelStep::Verify` | anti-entropy between mapper and writer |
//! | `ModelStep::Reconcile` | `writer::reconcile`: queue the resources that differ at the target |
//! | [`ModelMechanisms`] | the mechanisms behind the promises; each can be left out |
//!
//! The target keeps login names unique, as RFC 7643 asks for `userName`. It answers a create of an existing account
//! with a conflict, and the writer finds the account. Without unique names, an owner that was paused after its
//! request left could make a second account.

mod mapper;
mod world;
mod writer;

pub use world::*;

use stateright::{Model, Property};

/// The number of people in the model.
pub const PEOPLE: usize = 2;
/// The number of replicas of each service.
pub const REPLICAS: usize = 2;

/// The mechanisms behind the promises. A model that leaves one out shows which promise breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelMechanisms {
    /// A revision is not less than the clock. Without this mechanism it is one more than the revision before.
    pub revisions_follow_the_clock: bool,
    /// The mapper's decisions are compared with the writer's rows, and sent again where they differ.
    pub anti_entropy: bool,
    /// Commands and facts have separate outbox batches, and a sweep reads all of them.
    pub commands_before_facts: bool,
    /// Messages that every consumer has taken are dropped to make room.
    pub consumed_makes_room: bool,
    /// The consumer goes back to the end of a restored database.
    pub rewinds: bool,
    /// A restored mapper grants nothing before it has read again what it had read before the restore.
    pub reads_before_granting: bool,
    /// A restored writer grants nothing before it was verified against the mapper.
    pub verifies_before_granting: bool,
}

impl ModelMechanisms {
    /// Every mechanism, as in the product.
    pub const ALL: Self = Self {
        revisions_follow_the_clock: true,
        anti_entropy: true,
        commands_before_facts: true,
        consumed_makes_room: true,
        rewinds: true,
        reads_before_granting: true,
        verifies_before_granting: true,
    };
}

/// A fault that the environment can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelFault {
    /// A mapper replica ends; its event is delivered again.
    CrashMapper,
    /// A writer replica ends; its request may or may not have been carried out.
    CrashWriter,
    /// The answer to a request does not arrive.
    LoseAnswer,
    /// JOURNAL is full and refuses messages.
    FillJournal,
    /// COMMANDS is full and refuses messages.
    FillCommands,
    /// Commands age out before the writer takes them.
    AgeOutCommands,
    /// Events age out before the mapper takes them.
    AgeOutEvents,
    /// The mapper's database is restored from its backup.
    RestoreMapper,
    /// The writer's database is restored from its backup.
    RestoreWriter,
    /// A replica takes the lease although its owner is alive.
    StealLease,
}

/// The model of the hand-over.
#[derive(Debug, Clone)]
pub struct HandoverModel {
    /// The mechanisms that are built in.
    pub mechanisms: ModelMechanisms,
    /// The history of each person: `On` for an arrival, `Off` for a departure, in the order of the statements.
    pub histories: [Vec<ModelAccess>; PEOPLE],
    /// The number of mapper replicas that take events, at most [`REPLICAS`].
    pub mappers: usize,
    /// The faults that can happen.
    pub faults: Vec<ModelFault>,
    /// The maximum number of faults in one run.
    pub faults_max: u8,
}

/// One step of a process, of the source, or of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table above says what each of them is")]
pub enum ModelStep {
    Accept { person: usize },
    Take { replica: usize },
    Merge { replica: usize },
    Grant { person: usize },
    Send { batch: usize },
    Sweep,
    MakeRoom,
    Receive,
    Own { replica: usize },
    Ask { replica: usize, person: usize },
    CarryOut { request: usize },
    Answer { request: usize },
    ReadBack { person: usize },
    Verify,
    Reconcile { person: usize },
    BackUpMapper,
    BackUpWriter,
    CrashMapper { replica: usize },
    CrashWriter { replica: usize, was_carried_out: bool },
    LoseAnswer { request: usize },
    FillJournal,
    FillCommands,
    AgeOutCommands,
    AgeOutEvents,
    RestoreMapper,
    RestoreWriter,
    StealLease { replica: usize },
}

impl HandoverModel {
    /// Returns whether the person's last statement is a departure that was accepted.
    pub fn has_left(&self, world: &ModelWorld, person: usize) -> bool {
        let history = &self.histories[person];
        usize::from(world.accepted[person]) == history.len() && history.last() == Some(&ModelAccess::Off)
    }

    /// Adds the steps that happen by themselves sooner or later.
    fn progress(&self, world: &ModelWorld, steps: &mut Vec<ModelStep>) {
        // Statements about different people do not depend on each other: one order between them stands for all.
        let is_to_come =
            |person: &usize| usize::from(world.accepted[*person]) < self.histories[*person].len();
        let next = (0..PEOPLE).filter(is_to_come).min_by_key(|person| world.accepted[*person]);
        steps.extend(next.map(|person| ModelStep::Accept { person }));
        self.mapper_steps(world, steps);
        self.writer_steps(world, steps);
    }

    /// Adds the faults and backups that the environment can cause in `world`.
    fn environment(&self, world: &ModelWorld, steps: &mut Vec<ModelStep>) {
        if world.faults >= self.faults_max {
            return;
        }
        let can = |fault: ModelFault| self.faults.contains(&fault);
        // At most one database is restored, and only once.
        if world.mapper_backup.is_none() && world.writer_backup.is_none() && !world.was_restored {
            let backups = [
                (ModelFault::RestoreMapper, ModelStep::BackUpMapper),
                (ModelFault::RestoreWriter, ModelStep::BackUpWriter),
            ];
            steps.extend(backups.into_iter().filter(|(fault, _)| can(*fault)).map(|(_, step)| step));
        }
        for replica in 0..REPLICAS {
            let has_batches = world.mapper.outbox.iter().any(|batch| batch.in_memory_of == Some(replica));
            if can(ModelFault::CrashMapper) && (world.in_hand[replica].is_some() || has_batches) {
                steps.push(ModelStep::CrashMapper { replica });
            }
            if can(ModelFault::CrashWriter) && world.session[replica].is_some() {
                let is_open = world.requests.iter().any(|request| request.by == replica && !request.is_done);
                steps.push(ModelStep::CrashWriter { replica, was_carried_out: false });
                if is_open {
                    steps.push(ModelStep::CrashWriter { replica, was_carried_out: true });
                }
            }
            // Without a request under way, a stolen lease is a hand-over like any other.
            let is_busy = |owner: usize| world.requests.iter().any(|request| request.by == owner);
            let is_stolen = world.owner().is_some_and(|owner| owner != replica && is_busy(owner));
            if can(ModelFault::StealLease) && is_stolen {
                steps.push(ModelStep::StealLease { replica });
            }
        }
        if can(ModelFault::LoseAnswer) {
            steps.extend((0..world.requests.len()).map(|request| ModelStep::LoseAnswer { request }));
        }
        let single = [
            (ModelFault::FillJournal, !world.journal_full, ModelStep::FillJournal),
            (ModelFault::FillCommands, !world.commands_full, ModelStep::FillCommands),
            (
                ModelFault::AgeOutCommands,
                world.commands_next < world.commands.len(),
                ModelStep::AgeOutCommands,
            ),
            (ModelFault::AgeOutEvents, world.events_next < world.events.len(), ModelStep::AgeOutEvents),
            (
                ModelFault::RestoreMapper,
                world.mapper_backup.is_some() && !world.was_restored,
                ModelStep::RestoreMapper,
            ),
            (
                ModelFault::RestoreWriter,
                world.writer_backup.is_some() && !world.was_restored,
                ModelStep::RestoreWriter,
            ),
        ];
        let possible = single.into_iter().filter(|(fault, is_possible, _)| *is_possible && can(*fault));
        steps.extend(possible.map(|(_, _, step)| step));
    }

    /// Removes from a world the state that can no longer make a difference, so that equivalent worlds are equal.
    fn simplify(&self, world: &mut ModelWorld) {
        let can_restore = |fault: ModelFault| {
            self.faults.contains(&fault) && world.faults < self.faults_max && !world.was_restored
        };
        if !can_restore(ModelFault::RestoreMapper) {
            world.mapper_backup = None;
        }
        if !can_restore(ModelFault::RestoreWriter) {
            world.writer_backup = None;
            world.forget_received_commands();
        }
        if self.mechanisms.revisions_follow_the_clock {
            world.rank_revisions();
        }
        world.order_replicas();
    }

    /// Returns whether no step is left that happens by itself.
    fn is_at_rest(&self, world: &ModelWorld) -> bool {
        let mut steps = Vec::new();
        self.progress(world, &mut steps);
        steps.is_empty()
    }
}

impl Model for HandoverModel {
    type State = ModelWorld;
    type Action = ModelStep;

    fn init_states(&self) -> Vec<ModelWorld> {
        // The first start verifies two empty databases.
        let writer = WriterStore { verified: true, ..WriterStore::default() };
        vec![ModelWorld { writer, ..ModelWorld::default() }]
    }

    fn actions(&self, world: &ModelWorld, steps: &mut Vec<ModelStep>) {
        self.progress(world, steps);
        self.environment(world, steps);
    }

    fn next_state(&self, world: &ModelWorld, step: ModelStep) -> Option<ModelWorld> {
        let mut next = world.clone();
        if let ModelStep::Accept { person } = step {
            next.accepted[person] += 1;
            let number = next.accepted[person];
            next.events.push(ModelStatement { person, number });
            return Some(next);
        }
        self.mapper_step(&mut next, step);
        self.writer_step(&mut next, step);
        self.simplify(&mut next);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a person has at most one account", |_: &Self, world: &ModelWorld| {
                world.target.iter().all(|accounts| accounts.count <= 1)
            }),
            Property::always(
                "nothing is switched on after a later departure",
                |_: &Self, world: &ModelWorld| !world.broke_departure,
            ),
            Property::always("at rest every leaver is off or listed", |model: &Self, world: &ModelWorld| {
                let is_on = |person: usize| world.target[person].shown() == ModelAccess::On;
                let leaks = (0..PEOPLE).any(|person| model.has_left(world, person) && is_on(person));
                !leaks || world.loss_is_listed || !model.is_at_rest(world)
            }),
            Property::sometimes("a leaver is switched off", |_: &Self, world: &ModelWorld| {
                world.was_off.iter().any(|was_off| *was_off)
            }),
        ]
    }
}
