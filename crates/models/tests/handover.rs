//! Checks the promises of the hand-overs in every order of steps and faults. Each mechanism is left out once, to show
//! that the model would notice.

use models::handover::{HandoverModel, ModelAccess, ModelFault, ModelMechanisms};
use stateright::{Checker as _, Model as _};

use ModelAccess::{Off, On};
use ModelFault::{
    AgeOutCommands, AgeOutEvents, CrashMapper, CrashWriter, FillCommands, FillJournal, LoseAnswer,
    RestoreMapper, RestoreWriter, StealLease,
};

const WITHOUT_RESTORE: [ModelFault; 8] = [
    CrashMapper,
    CrashWriter,
    LoseAnswer,
    FillJournal,
    FillCommands,
    AgeOutCommands,
    AgeOutEvents,
    StealLease,
];
const SWITCHED_OFF: &str = "a leaver is switched off";

/// Returns a model of one person who arrives and leaves and one who arrives.
fn model(
    mechanisms: ModelMechanisms,
    mappers: usize,
    faults: &[ModelFault],
    faults_max: u8,
) -> HandoverModel {
    HandoverModel {
        mechanisms,
        histories: [vec![On, Off], vec![On]],
        mappers,
        faults: faults.to_vec(),
        faults_max,
    }
}

/// Returns the names of the promises that the model breaks.
fn broken(model: HandoverModel) -> Vec<&'static str> {
    let checker = model.checker().threads(2).spawn_bfs().join();
    let mut broken: Vec<&'static str> = checker.discoveries().into_keys().collect();
    assert!(broken.contains(&SWITCHED_OFF), "the model does not get as far as a departure");
    broken.retain(|name| *name != SWITCHED_OFF);
    broken.sort_unstable();
    broken
}

const NONE: [&str; 0] = [];
const LEAKS: &str = "at rest every leaver is off or listed";
const RETURNS: &str = "nothing is switched on after a later departure";

#[test]
fn every_promise_holds_with_two_replicas_of_each_service_and_any_one_fault() {
    let faults = [WITHOUT_RESTORE.as_slice(), &[RestoreMapper, RestoreWriter]].concat();
    assert_eq!(broken(model(ModelMechanisms::ALL, 2, &faults, 1)), NONE);
}

/// Returns the number of faults in one run: one for a quick test, more in a soak run.
fn faults_max() -> u8 {
    std::env::var("USHER_MODEL_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[test]
fn every_promise_holds_with_several_faults_one_of_them_a_restored_writer_database() {
    let faults = [WITHOUT_RESTORE.as_slice(), &[RestoreWriter]].concat();
    assert_eq!(broken(model(ModelMechanisms::ALL, 1, &faults, faults_max())), NONE);
}

#[test]
fn every_promise_holds_with_several_faults_one_of_them_a_restored_mapper_database() {
    let faults = [WITHOUT_RESTORE.as_slice(), &[RestoreMapper]].concat();
    assert_eq!(broken(model(ModelMechanisms::ALL, 1, &faults, faults_max())), NONE);
}

fn without(leave_out: impl FnOnce(&mut ModelMechanisms)) -> ModelMechanisms {
    let mut mechanisms = ModelMechanisms::ALL;
    leave_out(&mut mechanisms);
    mechanisms
}

#[test]
fn what_the_first_version_did_is_found() {
    let restored_mapper = without(|m| {
        (m.revisions_follow_the_clock, m.anti_entropy, m.rewinds) = (false, false, false);
    });
    let restored_writer = without(|m| {
        (m.anti_entropy, m.rewinds, m.verifies_before_granting) = (false, false, false);
    });
    let full_journal = without(|m| (m.commands_before_facts, m.anti_entropy) = (false, false));
    let aged_out = without(|m| m.anti_entropy = false);
    let full_commands = without(|m| m.consumed_makes_room = false);
    let cases: [(&str, ModelMechanisms, &[ModelFault], u8, &str); 5] = [
        ("restored mapper", restored_mapper, &[RestoreMapper], 1, LEAKS),
        ("restored writer", restored_writer, &[RestoreWriter], 1, RETURNS),
        ("full JOURNAL", full_journal, &[FillJournal, CrashMapper], 2, LEAKS),
        ("aged-out COMMANDS", aged_out, &[AgeOutCommands], 1, LEAKS),
        ("full COMMANDS", full_commands, &[FillCommands], 1, LEAKS),
    ];
    for (name, mechanisms, faults, faults_max, promise) in cases {
        assert!(broken(model(mechanisms, 1, faults, faults_max)).contains(&promise), "{name}");
    }
}

#[test]
fn a_mechanism_that_is_left_out_is_missed() {
    let cases: [(&str, ModelMechanisms, &[ModelFault], u8); 6] = [
        ("anti-entropy", without(|m| m.anti_entropy = false), &[AgeOutCommands], 1),
        ("separate batches", without(|m| m.commands_before_facts = false), &[FillJournal, CrashMapper], 2),
        ("room", without(|m| m.consumed_makes_room = false), &[FillCommands], 1),
        ("rewinding", without(|m| m.rewinds = false), &[RestoreMapper], 1),
        ("reading before granting", without(|m| m.reads_before_granting = false), &[RestoreMapper], 1),
        ("verifying before granting", without(|m| m.verifies_before_granting = false), &[RestoreWriter], 1),
    ];
    for (name, mechanisms, faults, faults_max) in cases {
        assert_ne!(broken(model(mechanisms, 1, faults, faults_max)), NONE, "{name}");
    }
    // The clock in revisions and anti-entropy each cover a restored mapper. Without both, it leaks access.
    let without_both = without(|m| (m.revisions_follow_the_clock, m.anti_entropy) = (false, false));
    let without_one = without(|m| m.anti_entropy = false);
    assert_eq!(broken(model(without_one, 1, &[RestoreMapper], 1)), NONE);
    assert_ne!(broken(model(without_both, 1, &[RestoreMapper], 1)), NONE);
}

#[test]
fn every_promise_holds_with_any_three_faults_that_neither_restore_a_database_nor_steal_a_lease() {
    let faults: Vec<ModelFault> = WITHOUT_RESTORE.into_iter().filter(|fault| *fault != StealLease).collect();
    assert_eq!(broken(model(ModelMechanisms::ALL, 1, &faults, 3)), NONE);
}
