//! Orphans that may belong to a leaver: found by their names, and left alone.

use lifecycle::{
    AccountLikeness, AccountState, DesiredState, OtherAccount, OtherAccounts, OtherAccountsGap,
    OtherAccountsReply, OtherAccountsRequest, verbs,
};
use serde_json::json;
use store::testing::test_databases;

use crate::world::{TARGET, World, account, active, name_of, person};

impl World {
    async fn other_accounts(&self, key: &str) -> OtherAccounts {
        let request = OtherAccountsRequest { target: TARGET.to_owned(), people: vec![key.to_owned()] };
        let mut reply: OtherAccountsReply = self.ask::<verbs::OtherAccountsVerb>(&request).await.unwrap();
        assert_eq!(reply.people.len(), 1, "{reply:?}");
        reply.people.remove(0).found
    }

    async fn count(&self, sql: &str) -> i64 {
        self.query(sql).await[0].try_get_by_index(0).unwrap()
    }
}

fn told(accounts: &[OtherAccount]) -> Vec<(&str, Option<bool>, AccountLikeness)> {
    accounts.iter().map(|account| (account.login.as_str(), account.active, account.likeness)).collect()
}

fn named(name: &str) -> serde_json::Value {
    json!({ "userName": name, "emails[type eq \"work\"].value": name })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_with_a_leavers_names_are_found_after_a_reconciliation_and_nothing_is_sent_because_of_it() {
    for database in test_databases() {
        let world = World::over(database, "").await;
        for (name, is_on) in [
            ("adm-anna.meier", true),
            ("anna.meier2@example.com", false),
            ("anna.meierhofer@example.com", true),
            ("a.meier-admin@other.example", true),
        ] {
            world.seed(json!({ "userName": name, "active": is_on }));
        }
        let mail = json!([{ "value": "Anna.Meier+old@example.com" }]);
        world.seed(json!({ "userName": "legacy-7", "active": true, "emails": mail }));
        world.want("E-1", 1, DesiredState::User(active("E-1", named("anna.meier@example.com")))).await;
        world.want("E-2", 1, DesiredState::User(active("E-2", named("bo.ek@example.com")))).await;
        let before = world.other_accounts("E-1").await;
        assert_eq!((before.gaps, before.reconciled_at), (vec![OtherAccountsGap::NeverReconciled], None));
        assert!(world.other_accounts("E-9").await.gaps.contains(&OtherAccountsGap::NoName));

        world.reconcile(false).await;
        let off = account(AccountState::Disabled, person("E-1", named("anna.meier@example.com")));
        world.want("E-1", 2, DesiredState::User(off)).await;
        let found = world.other_accounts("E-1").await;
        assert!(found.gaps.is_empty() && found.reconciled_at.is_some(), "{found:?}");
        assert_eq!(
            told(&found.accounts),
            [
                ("legacy-7", Some(true), AccountLikeness::Mail),
                ("adm-anna.meier", Some(true), AccountLikeness::Login),
                ("a.meier-admin@other.example", Some(true), AccountLikeness::Initial),
                ("anna.meier2@example.com", Some(false), AccountLikeness::Login),
            ]
        );
        assert_eq!(found.active(), 3);
        assert!(world.other_accounts("E-2").await.accounts.is_empty());
        world.reconcile(false).await;
        assert!(world.sandbox.state().users["adm-anna.meier"].active, "listed, and left alone");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphan_ends_when_it_is_not_seen_any_more_is_renamed_or_has_an_owner() {
    for database in test_databases() {
        let world = World::over(database, "").await;
        let gone = world.seed(json!({ "userName": "adm-anna.meier", "active": true }));
        let renamed = world.seed(json!({ "userName": "anna.meier-t0", "active": true }));
        let owned = name_of("E-7");
        world.seed(json!({ "userName": owned, "active": true }));
        world.want("E-1", 1, DesiredState::User(active("E-1", named("anna.meier@example.com")))).await;
        world.reconcile(false).await;
        assert_eq!(world.other_accounts("E-1").await.accounts.len(), 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM writer_orphans").await, 3);

        // One of them turns out to belong to a person.
        world.want("E-7", 1, DesiredState::User(active("E-7", json!({})))).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM writer_orphans").await, 2);

        world.delete_user(&gone).await;
        world
            .patch_user(&renamed, json!([{ "op": "replace", "path": "userName", "value": "bo.ek-t0" }]))
            .await;
        world.reconcile(false).await;
        assert_eq!(world.other_accounts("E-1").await.accounts, []);
        assert_eq!(world.count("SELECT COUNT(*) FROM writer_orphans").await, 1);
        let of_others = "SELECT COUNT(*) FROM writer_orphan_keys WHERE name_key LIKE '%meier%'";
        assert_eq!(world.count(of_others).await, 0, "no name is left behind");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_account_with_the_persons_key_is_found_and_more_than_twenty_are_counted() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", named("anna.meier@example.com")))).await;
    world.seed(json!({ "userName": "legacy-7", "externalId": "E-1", "active": true }));
    for number in 10..40 {
        world.seed(json!({ "userName": format!("anna.meier{number}@example.com"), "active": false }));
    }
    world.reconcile(false).await;
    let found = world.other_accounts("E-1").await;
    assert_eq!(told(&found.accounts[..1]), [("legacy-7", Some(true), AccountLikeness::Key)]);
    assert_eq!((found.accounts.len(), found.unnamed, found.active()), (20, 11, 1));
    world.stop().await;
}
