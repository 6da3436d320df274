//! Stored state that cannot be read is listed, and never carried out in another way.

use lifecycle::{AccountState, DesiredState, QuarantineReply, QuarantineRequest, verbs};
use serde_json::json;

use crate::world::{World, account, active, methods, person};

async fn listed(world: &World) -> Vec<(String, String, bool)> {
    let reply: QuarantineReply = world
        .ask::<verbs::WriterQuarantineVerb>(&QuarantineRequest { limit: 10, cursor: None })
        .await
        .unwrap();
    reply.items.into_iter().map(|item| (item.subject, item.reason, item.departure)).collect()
}

fn unreadable(subject: &str, departure: bool) -> (String, String, bool) {
    (subject.to_owned(), "state_unreadable".to_owned(), departure)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_listed_and_a_switch_off_that_can_be_read_off_it_is_done() {
    let mut world = World::start().await;
    for key in ["E-1", "E-2", "E-3"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    let before = world.sandbox.ledger().len();
    world
        .restart_after(&[
            "UPDATE writer_resources SET desired = '{\"kind\":\"tenant\",\"state\":\"disabled\"}', desired_revision = 2, \
             queued = true, status = 'pending' WHERE subject = 'E-1'",
            "UPDATE writer_resources SET desired = '{\"kind\":\"tenant\",\"state\":\"active\"}', desired_revision = 2, queued = true, \
             status = 'pending' WHERE subject = 'E-2'",
            "UPDATE writer_resources SET applied = '{', queued = true, status = 'pending' WHERE subject = 'E-3'",
        ])
        .await;
    world.until("the leaver is off", async || !world.user("E-1").unwrap().active).await;
    let both = [unreadable("E-1 at crm", true), unreadable("E-2 at crm", false)];
    world.until("both are listed", async || listed(&world).await == both).await;
    assert!(world.user("E-2").unwrap().active);
    world.until("the third is read back", async || {
        let ok = "SELECT subject FROM writer_resources WHERE subject = 'E-3' AND status = 'in_sync' AND applied <> '{'";
        world.query(ok).await.len() == 1
    }).await;
    let sent = world.sandbox.ledger().since(before, 1_000);
    let of_third: Vec<_> =
        sent.into_iter().filter(|entry| entry.external_id.as_deref() == Some("E-3")).collect();
    assert_eq!(methods(&of_third), ["GET"], "{of_third:?}");

    // The mapper sends the desired state again.
    world.want("E-1", 3, DesiredState::User(account(AccountState::Disabled, person("E-1", json!({}))))).await;
    world.want("E-2", 3, DesiredState::User(account(AccountState::Disabled, person("E-2", json!({}))))).await;
    assert!(!world.user("E-2").unwrap().active);
    world.until("nothing is listed any more", async || listed(&world).await.is_empty()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_that_cannot_be_read_lets_nothing_be_taken_away_and_is_listed() {
    let mut world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world
        .restart_after(&["INSERT INTO writer_controls (name, guard, orphans) VALUES ('crm', '{', '[') \
                          ON CONFLICT (name) DO UPDATE SET guard = '{', orphans = '['"])
        .await;
    let (row, sent) = world
        .want("E-1", 2, DesiredState::User(account(AccountState::Disabled, person("E-1", json!({})))))
        .await;
    assert_eq!((row.status.as_deref(), sent.len()), (Some("held"), 0));
    let setting = unreadable("target crm", false);
    world
        .until("both settings are listed", async || {
            listed(&world).await == [setting.clone(), setting.clone()]
        })
        .await;
    world.execute("UPDATE writer_controls SET guard = NULL, orphans = NULL").await;
    world.until("nothing is listed any more", async || listed(&world).await.is_empty()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_with_a_word_that_this_version_does_not_know_is_listed_and_only_switched_off() {
    let mut world = World::start().await;
    for key in ["E-1", "E-2", "E-3", "E-4"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    world.groups(&["G-1"]).await;
    world.members("G-1", 1, &[("E-1", true)]).await;
    world.until("it is a member", async || world.sandbox.state().groups["G-1"].members.len() == 1).await;
    let before = world.sandbox.ledger().len();
    let set = |columns: &str, key: &str| {
        format!("UPDATE writer_resources SET {columns} WHERE subject = '{key}' AND kind = 'user'")
    };
    let changed = "desired = replace(desired, '\"E-', '\"F-'), desired_revision = 2, queued = true";
    let off = "desired = replace(desired, '\"state\":\"active\"', '\"state\":\"disabled\"'), desired_revision = 2, lane = 0";
    let statements = [
        set(&format!("{changed}, status = 'frozen'"), "E-1"),
        set(&format!("{off}, queued = true, status = 'frozen'"), "E-2"),
        set("status = 'held', held = 'by_rota', queued = false, desired_revision = 2", "E-3"),
        set(&format!("{changed}, status = 'pending', origin = 'imported'"), "E-4"),
        "UPDATE writer_edges SET status = 'frozen', desired = false, told = false, queued = true".to_owned(),
    ];
    world.restart_after(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.until("the leaver is off", async || !world.user("E-2").unwrap().active).await;
    let expected =
        [("E-1 at crm", true), ("E-1 at crm", false), ("E-3 at crm", false), ("E-4 at crm", false)];
    let expected: Vec<_> =
        expected.iter().map(|(subject, departure)| unreadable(subject, *departure)).collect();
    world
        .until("what cannot be read is listed", async || {
            let mut found = listed(&world).await;
            found.sort_by_key(|(subject, _, departure)| (subject.clone(), !departure));
            found == expected
        })
        .await;
    let [held] = &world.held_pages(9).await[..] else { panic!("one is held") };
    assert!(held.subject == "E-3" && held.decisions.is_empty() && held.help.is_some(), "{held:?}");
    assert_eq!(world.decide_held(None, true).await.decided, 0);
    let sent = world.sandbox.ledger().since(before, 1_000);
    let changes = sent.iter().filter(|entry| &*entry.method != "GET");
    assert_eq!(changes.count(), 1, "only the leaver: {sent:?}");
    let kept = "SELECT subject FROM writer_resources WHERE status = 'frozen' AND queued AND subject = 'E-1'";
    assert_eq!(world.query(kept).await.len(), 1, "a newer version finds it as it was");

    world.execute("UPDATE writer_resources SET status = 'pending' WHERE status = 'frozen'").await;
    world.execute("UPDATE writer_resources SET origin = 'created', held = NULL").await;
    world.execute("UPDATE writer_edges SET status = 'unsure' WHERE status = 'frozen'").await;
    world.until("nothing is listed any more", async || listed(&world).await.is_empty()).await;
    world.stop().await;
}
