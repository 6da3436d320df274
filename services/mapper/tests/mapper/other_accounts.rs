//! Tests of other accounts that may belong to leavers: looked up from the writer, listed and counted while the obligation lasts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bus::Bus;
use lifecycle::export::{EXPORT_COLUMNS, EXPORT_EDGE, ExportPage, ExportRequest};
use lifecycle::{
    AccountEvidence, AccountLikeness, AccountOffEvidence, EventKind, EvidenceReply, EvidenceRequest,
    LeaversReply, LeaversRequest, Obligation, ObligationState, OperatorVerb as _, OtherAccount,
    OtherAccounts, OtherAccountsGap, OtherAccountsOf, OtherAccountsReply, OtherAccountsRequest, verbs,
};
use serde_json::json;
use store::testing::test_databases;
use time::OffsetDateTime;

use crate::operators::ask;
use crate::world::{EVERYBODY, World, event, joined};

/// The answers of a test's writer about each person's other accounts. Everybody's own account is off.
type Others = Arc<Mutex<BTreeMap<String, OtherAccounts>>>;

async fn play_writer(bus: Bus) -> Others {
    let others = Others::default();
    let mut server = bus.serve("writer").await.unwrap();
    let known = Arc::clone(&others);
    tokio::spawn(async move {
        while let Some(request) = server.next().await {
            match request.verb.as_str() {
                verbs::EvidenceVerb::NAME => {
                    let asked: EvidenceRequest = request.question().unwrap();
                    let off = |person: String| AccountEvidence {
                        person,
                        revision: i64::MAX,
                        off: Some(AccountOffEvidence {
                            kind: "answer".to_owned(),
                            at: OffsetDateTime::UNIX_EPOCH,
                        }),
                        waiting: None,
                    };
                    let accounts = asked.people.into_iter().map(off).collect();
                    request.reply(&EvidenceReply { accounts, memberships: Vec::new() }).await;
                }
                verbs::OtherAccountsVerb::NAME => {
                    let asked: OtherAccountsRequest = request.question().unwrap();
                    let of = |person: String| {
                        let found = known.lock().unwrap().get(&person).cloned().unwrap_or_default();
                        OtherAccountsOf { person, found }
                    };
                    let people = asked.people.into_iter().map(of).collect();
                    request.reply(&OtherAccountsReply { people }).await;
                }
                _ => {}
            }
        }
    });
    others
}

fn account(login: &str, active: Option<bool>) -> OtherAccount {
    OtherAccount {
        remote_id: format!("id-{login}"),
        login: login.to_owned(),
        active,
        likeness: AccountLikeness::Login,
        seen_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn say(others: &Others, person: &str, accounts: Vec<OtherAccount>, gaps: Vec<OtherAccountsGap>) {
    let found = OtherAccounts { accounts, gaps, ..OtherAccounts::default() };
    others.lock().unwrap().insert(person.to_owned(), found);
}

async fn listed(world: &World, request: LeaversRequest) -> LeaversReply {
    ask::<verbs::LeaversVerb>(world, LeaversRequest { limit: 100, ..request }).await.unwrap()
}

async fn of(world: &World, person: &str) -> Obligation {
    let states = ObligationState::ALL.to_vec();
    let request = LeaversRequest { person: Some(person.to_owned()), states, ..LeaversRequest::default() };
    listed(world, request).await.leavers.remove(0)
}

async fn until_found(world: &mut World, person: &str, count: usize) -> Obligation {
    let named = person.to_owned();
    let is_so = async move |world: &mut World| {
        of(world, &named).await.other_accounts.is_some_and(|others| others.accounts.len() == count)
    };
    world.until(&format!("{count} other accounts of {person} are listed"), is_so).await;
    of(world, person).await
}

async fn exported(world: &World, pseudonyms: bool) -> BTreeMap<String, String> {
    let request = ExportRequest {
        from: "2000-01-01T00:00:00Z".to_owned(),
        to: "2100-01-01T00:00:00Z".to_owned(),
        pseudonyms,
        after: EXPORT_EDGE.to_owned(),
    };
    let page: ExportPage = ask::<verbs::ExportEvidenceVerb>(world, request).await.unwrap();
    let names = EXPORT_COLUMNS.map(str::to_owned);
    assert_eq!(page.lines[0].fields.len(), names.len());
    names.into_iter().zip(page.lines[0].fields.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_accounts_are_listed_with_a_leaver_counted_and_exported_until_they_are_gone() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let others = play_writer(world.bus.clone()).await;
        say(
            &others,
            "E-1",
            vec![account("adm-e1", Some(true)), account("e1-t0", None), account("e1-old", Some(false))],
            vec![],
        );
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world.settle().await;
        let found = until_found(&mut world, "E-1", 3).await;
        assert_eq!(found.other_accounts.unwrap().accounts[0], account("adm-e1", Some(true)));
        let reply = listed(&world, LeaversRequest { others: true, ..LeaversRequest::default() }).await;
        assert_eq!(reply.leavers.len(), 1, "also when it is proven: {reply:?}");
        let counts = &reply.counts.by_target["crm"];
        assert_eq!((counts.other_accounts, counts.other_accounts_unknown), (2, 0), "on, or not said");

        let line = exported(&world, false).await;
        let named = "adm-e1 (active, login); e1-t0 (not said whether active, login); e1-old (off, login)";
        assert_eq!((&*line["other_accounts"], &*line["other_accounts_active"]), (named, "2"));
        let line = exported(&world, true).await;
        assert_eq!((&*line["other_accounts"], &*line["other_accounts_active"]), ("", "2"), "no names");

        // The other accounts are gone; then the target's accounts are not known any more.
        say(&others, "E-1", vec![], vec![OtherAccountsGap::NeverReconciled]);
        world.execute("UPDATE mapper_other_accounts SET next_check_at = 0").await;
        let found = until_found(&mut world, "E-1", 0).await;
        assert_eq!(found.other_accounts.unwrap().gaps, [OtherAccountsGap::NeverReconciled]);
        let counts = listed(&world, LeaversRequest::default()).await.counts;
        assert_eq!((counts.other_accounts, counts.other_accounts_unknown), (0, 1));
        assert_eq!(exported(&world, false).await["other_accounts_gaps"], "never_reconciled");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_accounts_are_forgotten_when_the_person_is_back_and_when_the_days_of_verification_are_over() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let others = play_writer(world.bus.clone()).await;
        for person in ["E-1", "E-2"] {
            say(&others, person, vec![account("adm", Some(true))], vec![]);
            world.send(&[joined(person, 1, "HR")]).await;
            world.settle().await;
            world.send(&[event(EventKind::WorkerLeft, person, 2, json!({}))]).await;
            world.settle().await;
            until_found(&mut world, person, 1).await;
        }
        let proven = async |world: &mut World| of(world, "E-2").await.state == ObligationState::Proven;
        world.until("E-2 is proven", proven).await;
        world.send(&[joined("E-1", 3, "HR")]).await;
        world.settle().await;
        world.execute("UPDATE mapper_obligations SET verify_until = 1 WHERE subject = 'E-2'").await;
        world.execute("UPDATE mapper_other_accounts SET next_check_at = 0 WHERE subject = 'E-2'").await;
        world
            .until("nothing is kept", async |world: &mut World| {
                listed(world, LeaversRequest::default()).await.counts.other_accounts == 0
            })
            .await;
        assert_eq!(of(&world, "E-1").await.other_accounts, None);
        world.stop_mappers().await;
    }
}
