//! Accounts and members that must be off are read back at the target: one that came back is found, and few requests are sent.

use lifecycle::{
    AccountEvidence, AccountOffEvidence, AccountState, DesiredState, EvidenceReply, EvidenceRequest,
    MembershipEvidence, MembershipKey, ResourceKind, verbs,
};
use scim::TargetProfile;
use serde_json::json;

use crate::world::{TARGET, World, account, active, group, name_of, person};

const OFF_LONG_AGO: &str =
    "UPDATE writer_resources SET off_evidence_at = 1000, looked_at = NULL, seen_at = NULL";
const OUT_LONG_AGO: &str = "UPDATE writer_edges SET off_evidence_at = 1000, looked_at = NULL";

/// Lets a minute pass for memberships that were changed a moment ago.
const LOOK_NOW: &str = "UPDATE writer_edges SET looked_at = NULL WHERE status = 'in_sync'";

fn off(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

fn at(evidence: &AccountOffEvidence) -> i64 {
    lifecycle::unix_micros(evidence.at)
}

impl World {
    async fn verify(&self, person: &str, groups: &[&str]) -> (AccountEvidence, Option<MembershipEvidence>) {
        let key = |group: &&str| MembershipKey { group: (*group).to_owned(), person: person.to_owned() };
        let memberships = groups.iter().map(key).collect();
        let request =
            EvidenceRequest { target: TARGET.to_owned(), people: vec![person.to_owned()], memberships };
        let mut reply: EvidenceReply = self.ask::<verbs::EvidenceVerb>(&request).await.unwrap();
        (reply.accounts.remove(0), reply.memberships.pop())
    }

    async fn until_off(&self, person: &str, after: i64) -> AccountOffEvidence {
        self.until("the account is shown to be off", async || {
            self.verify(person, &[]).await.0.off.is_some_and(|off| at(&off) > after)
        })
        .await;
        self.verify(person, &[]).await.0.off.unwrap()
    }

    /// Waits until the member is shown to be out, and skips the minute after which a removed member is read once more.
    async fn until_out(&self, person: &str, after: i64) -> AccountOffEvidence {
        self.until("the member is shown to be out", async || {
            self.execute(LOOK_NOW).await;
            let evidence = self.verify(person, &["G-1"]).await.1.unwrap();
            evidence.off.is_some_and(|off| at(&off) > after)
        })
        .await;
        self.verify(person, &["G-1"]).await.1.unwrap().off.unwrap()
    }

    fn is_in(&self, person: &str) -> bool {
        self.sandbox.state().groups["SEC-1"].members.contains(&name_of(person))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_came_back_is_found_at_the_next_look_and_off_again() {
    let world = World::start().await;
    for key in ["E-1", "E-2", "E-3"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    world.want("E-1", 2, off("E-1")).await;
    world.want("E-2", 2, DesiredState::User(account(AccountState::Deleted, person("E-2", json!({}))))).await;
    assert_eq!(world.until_off("E-1", 0).await.kind, "answer");
    assert!(world.user("E-2").is_none());

    // Repeated verifications send no request before it is due.
    let before = world.sandbox.ledger().len();
    for _ in 0..10 {
        world.verify("E-1", &[]).await;
        world.verify("E-2", &[]).await;
    }
    assert_eq!(world.row(ResourceKind::User, "E-1").await.status.as_deref(), Some("in_sync"));
    assert_eq!(world.sandbox.ledger().len(), before);

    // The accounts are enabled again by hand, and by just-in-time provisioning.
    let id = world.user("E-1").unwrap().id;
    world.patch_user(&id, json!([{ "op": "replace", "path": "active", "value": true }])).await;
    world.seed(json!({ "userName": name_of("E-2"), "active": true }));
    world.execute(OFF_LONG_AGO).await;
    let before = world.sandbox.ledger().len();
    assert_eq!(world.until_off("E-1", 1_000).await.kind, "read_back", "an answer was disproved");
    assert!(!world.user("E-1").unwrap().active);
    let sent = world.sandbox.ledger().since(before, 100).len();
    assert!(sent <= 3, "one look, one change, and another look: {sent}");
    world.until_off("E-2", 1_000).await;
    assert!(world.user("E-2").is_none_or(|user| !user.active), "who was deleted came back");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_still_off_costs_one_request_and_keeps_its_first_evidence() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("E-1", 2, off("E-1")).await;
    world.execute(OFF_LONG_AGO).await;
    let before = world.sandbox.ledger().len();
    world.verify("E-1", &[]).await;
    let looked = "SELECT subject FROM writer_resources WHERE looked_at IS NOT NULL AND status = 'in_sync'";
    world.until("it was looked at", async || !world.query(looked).await.is_empty()).await;
    assert_eq!(world.sandbox.ledger().since(before, 100).len(), 1);
    assert_eq!(at(&world.verify("E-1", &[]).await.0.off.unwrap()), 1_000);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_was_taken_out_is_proven_by_the_member_list_and_found_again_when_back() {
    let asked = r#"{ "name": "asked", "membership": { "readable": false, "asked_by": "members.value" } }"#;
    let blind = r#"{ "name": "blind", "membership": { "readable": false } }"#;
    for (profile, evidence) in [("", "member_list"), (asked, "member_list"), (blind, "accepted")] {
        let world = match profile {
            "" => World::start().await,
            json => World::of_profile(&TargetProfile::parse(json, "odd").unwrap()).await,
        };
        world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
        world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
        world.members("G-1", 1, &[("E-1", true)]).await;
        world.until("the member is in", async || world.is_in("E-1")).await;
        assert!(world.verify("E-1", &["G-1"]).await.1.unwrap().off.is_none(), "{evidence}");
        world.members("G-1", 2, &[("E-1", false)]).await;
        assert_eq!(world.until_out("E-1", 0).await.kind, evidence);
        assert!(!world.is_in("E-1"));
        if evidence == "accepted" {
            world.stop().await;
            continue;
        }
        let id = world.user("E-1").unwrap().id;
        let group_id = world.sandbox.state().groups["SEC-1"].id.clone();
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        world.patch_group(&group_id, add).await;
        assert!(world.is_in("E-1"));
        world.execute(OUT_LONG_AGO).await;
        world.verify("E-1", &["G-1"]).await;
        world.until("the member is out again", async || !world.is_in("E-1")).await;
        // A target that accepts the removal and does nothing is not asked without a pause.
        let changed = "SELECT status FROM writer_edges WHERE off_evidence IS NULL AND status = 'in_sync'";
        world.until("it was changed", async || !world.query(changed).await.is_empty()).await;
        let before = world.sandbox.ledger().len();
        for _ in 0..5 {
            assert!(world.verify("E-1", &["G-1"]).await.1.unwrap().off.is_none());
        }
        assert_eq!(world.sandbox.ledger().len(), before);
        assert_eq!(world.until_out("E-1", 1_000).await.kind, "member_list");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_account_is_off_or_who_never_had_one_has_no_use_of_the_group() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
    world.members("G-1", 1, &[("E-1", true), ("E-9", true)]).await;
    world.until("the member is in", async || world.is_in("E-1")).await;
    world.want("E-1", 2, off("E-1")).await;
    world.members("G-1", 2, &[("E-1", false), ("E-9", false)]).await;
    let evidence = world.until_out("E-1", 0).await.kind;
    assert!(matches!(&*evidence, "account_off" | "member_list"), "{evidence}");
    assert_eq!(world.until_out("E-9", 0).await.kind, "never_member");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_what_gives_access_stops_no_look_and_a_pause_of_everything_says_since_when_there_was_none()
{
    let world = World::start().await;
    for key in ["E-1", "E-2"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    let grace = DesiredState::User(lifecycle::DesiredAccount {
        delete_grace_days: Some(30),
        ..account(AccountState::Deleted, person("E-2", json!({})))
    });
    world.want("E-1", 2, off("E-1")).await;
    world.want("E-2", 2, grace).await;
    let enable = async |key: &str| {
        let id = world.user(key).unwrap().id;
        world.patch_user(&id, json!([{ "op": "replace", "path": "active", "value": true }])).await;
    };
    let pause = |scope: &str| {
        format!(
            "UPDATE writer_controls SET paused_by = 'ann', paused_why = 'why', paused_at = 1, paused_scope = '{scope}'"
        )
    };

    // Changes that give access are paused.
    world.pause(true).await;
    world.execute(&pause("grants")).await;
    for key in ["E-1", "E-2"] {
        enable(key).await;
        world.execute(OFF_LONG_AGO).await;
        world.until_off(key, 1_000).await;
        assert!(!world.user(key).unwrap().active, "{key}");
    }

    // Everything is paused.
    world.execute(&pause("everything")).await;
    world.execute(OFF_LONG_AGO).await;
    enable("E-1").await;
    let before = world.sandbox.ledger().len();
    for _ in 0..3 {
        let account = world.verify("E-1", &[]).await.0;
        let waiting = account.waiting.unwrap();
        assert_eq!((at(&account.off.unwrap()), waiting.reason), (1_000, lifecycle::WaitingFor::Pause));
        assert_eq!(
            waiting.detail.as_deref(),
            Some("not verified since 1970-01-01T00:00:00.001Z: by ann: why")
        );
    }
    assert_eq!(world.sandbox.ledger().len(), before, "nothing is sent");
    world.pause(false).await;
    world.until_off("E-1", 1_000).await;
    assert!(!world.user("E-1").unwrap().active);
    assert!(world.verify("E-1", &[]).await.0.waiting.is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_was_to_go_while_the_group_was_gone_is_taken_out_when_it_is_back_with_the_member_inside()
{
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
    world.members("G-1", 1, &[("E-1", true)]).await;
    world.until("the member is in", async || world.is_in("E-1")).await;
    let absent = lifecycle::GroupResource { exists: false, ..group("SEC-1") };
    world.want("G-1", 2, DesiredState::Group(absent)).await;
    world.until("the group is gone", async || !world.sandbox.state().groups.contains_key("SEC-1")).await;

    // The group is restored at the target by hand, with the member, and is wanted again without that member.
    let id = world.user("E-1").unwrap().id;
    world.sandbox.seed_group(json!({ "displayName": "SEC-1", "members": [{ "value": id }] })).unwrap();
    assert!(world.is_in("E-1"));
    world.want("G-1", 3, DesiredState::Group(group("SEC-1"))).await;
    world.members("G-1", 4, &[("E-1", false)]).await;
    world.until_out("E-1", 0).await;
    assert!(!world.is_in("E-1"));
    world.stop().await;
}
