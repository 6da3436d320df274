//! The reasons why an account that must be off is waiting, as far as the writer knows them, with the words of
//! docs/leavers.md.

use lifecycle::{AccountState, DesiredState, ResourceKind, WaitingFor};
use serde_json::json;

use crate::world::{World, account, active, person};

/// The rows that the mapper's tests cover.
const OF_THE_MAPPER: [WaitingFor; 10] = [
    WaitingFor::FirstCheck,
    WaitingFor::Writer,
    WaitingFor::Delivery,
    WaitingFor::Target,
    WaitingFor::Outbox,
    WaitingFor::Refusal,
    WaitingFor::Unread,
    WaitingFor::Match,
    WaitingFor::Feed,
    WaitingFor::Unknown,
];
/// The reasons that `leavers` covers, in the order in which they occur.
const IN_LEAVERS: [WaitingFor; 6] = [
    WaitingFor::Pause,
    WaitingFor::Circuit,
    WaitingFor::Hold,
    WaitingFor::Rejection,
    WaitingFor::Conflict,
    WaitingFor::DeadLetter,
];
/// The reasons that `disproofs` covers.
const IN_DISPROOFS: [WaitingFor; 1] = [WaitingFor::Duplicate];
/// The reasons that occur only while an owner is being replaced.
const IN_PASSING: [WaitingFor; 1] = [WaitingFor::Owner];
/// The stored form of a row that waits for each reason.
const STORED: [(WaitingFor, &str); 4] = [
    (WaitingFor::Queue, "status = 'pending', queued = true, next_attempt_at = 9000000000000000"),
    (WaitingFor::Retry, "status = 'retrying', queued = true, next_attempt_at = 9000000000000000"),
    (WaitingFor::Reference, "status = 'waiting', queued = false"),
    (WaitingFor::Evidence, "status = 'in_sync', queued = false, looked_at = 9000000000000000"),
];

/// Returns the reason, its words and the person who can help, row by row.
fn documented() -> Vec<[String; 3]> {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/leavers.md");
    let text = std::fs::read_to_string(page).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| reason |")).skip(2);
    let cells = |row: &str| {
        let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', ""));
        std::array::from_fn(|_| cells.next().unwrap())
    };
    rows.take_while(|row| row.starts_with('|')).map(cells).collect()
}

fn off(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_of_the_page_is_what_an_account_says_that_waits_for_it() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("E-1", 2, off("E-1")).await;
    let mut shown = Vec::new();
    for (reason, stored) in STORED {
        let sql =
            format!("UPDATE writer_resources SET off_evidence = NULL, off_evidence_at = NULL, {stored}");
        world.execute(&sql).await;
        world.until_waiting("E-1", 2, reason).await;
        shown.push(reason);
    }
    // State that cannot be read is quarantined, however it was stored.
    world
        .execute("UPDATE writer_resources SET desired = '{', queued = true, status = 'pending', next_attempt_at = 0")
        .await;
    world.pause(true).await;
    world.pause(false).await;
    let detail = world.until_waiting("E-1", 2, WaitingFor::Quarantine).await;
    assert!(detail.starts_with("writer:writer_resources/crm/user/E-1: "), "{detail}");
    shown.push(WaitingFor::Quarantine);

    for [reason, words, helper] in documented() {
        let known = WaitingFor::named(&reason);
        let elsewhere = [&OF_THE_MAPPER[..], &IN_LEAVERS, &IN_DISPROOFS, &IN_PASSING].concat();
        let is_shown = elsewhere.contains(&known) || shown.contains(&known);
        assert!(is_shown, "{reason} is shown by no test");
        if known != WaitingFor::Unknown {
            assert_eq!((words.as_str(), helper.as_str()), (known.in_words(), known.helper().in_words()));
        }
    }
    world.settled(ResourceKind::User, "E-1", 2).await;
    world.stop().await;
}
