//! Wrong clocks: of one replica, and of a mapper.

use std::time::Duration;

use lifecycle::{AccountState, DesiredState, Fact, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;
use time::OffsetDateTime;

use crate::world::{World, account, active, group, person};

/// Returns a query for rows with a `column` more than a minute away from the database's clock.
fn apart(table: &str, column: &str) -> String {
    format!(
        "SELECT 1 FROM {table} WHERE abs({column} - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) > 60000000"
    )
}

fn disabled(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_goes_by_the_clock_of_the_database_whatever_that_of_the_process_says() {
    for seconds in [300, -300] {
        let Some(database) = store::testing::postgres_database() else { return };
        store::clock::shift_process_clock(seconds * 1_000_000);
        let world = World::over(database, "").await;
        world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
        let busy =
            InjectedFault::Status { status: 500, retry_after: None, scim_type: None, after_work: false };
        world.sandbox.faults().inject(FaultRule::new(busy).method("PATCH").times(2));
        let (row, _) = world.want("E-1", 2, disabled("E-1")).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"), "{seconds}");
        for (table, column) in [
            ("writer_resources", "next_attempt_at"),
            ("writer_resources", "off_evidence_at"),
            ("writer_targets", "lease_until"),
        ] {
            assert!(world.query(&apart(table, column)).await.is_empty(), "{seconds}: {table}.{column}");
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_no_clock_has_reached_is_refused_unless_it_takes_access_away_and_freezes_no_one() {
    let world = World::start().await;
    let now = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap();
    let far = now + i64::try_from(Duration::from_secs(3 * 86_400).as_micros()).unwrap();
    for key in ["E-1", "E-2"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 1, &[("E-2", true)]).await;
    world.until("the member is in", async || world.sandbox.state().groups["G-1"].members.len() == 1).await;

    // The command is refused and reported, and does not block later decisions made with a sound clock.
    world.send("E-1", far, DesiredState::User(active("E-1", json!({ "title": "far" })))).await;
    world.members("G-1", far, &[("E-1", true)]).await;
    for of in [ResourceKind::User, ResourceKind::Membership] {
        let is_it = |fact: &Fact| matches!(fact, Fact::Refused { kind, revision, .. } if (*kind, *revision) == (of, far));
        world.told("it is refused", |record| record.subject == "E-1" && is_it(&record.fact)).await;
    }
    world.want("E-1", now, DesiredState::User(active("E-1", json!({ "title": "now" })))).await;
    assert_eq!(world.attributes("E-1")["title"], json!("now"));
    assert_eq!(world.sandbox.state().groups["G-1"].members.len(), 1);

    // A removal of access is carried out all the same, and the person's row goes on from there.
    world.want("E-2", far, disabled("E-2")).await;
    world.members("G-1", far, &[("E-2", false)]).await;
    world
        .until("off, and out", async || {
            !world.user("E-2").unwrap().active && world.sandbox.state().groups["G-1"].members.is_empty()
        })
        .await;
    world.want("E-2", far + 1, DesiredState::User(active("E-2", json!({})))).await;
    assert!(world.user("E-2").unwrap().active);
    assert_eq!(world.row(ResourceKind::User, "E-2").await.revision, far + 1);
    world.stop().await;
}
