//! Tests of evidence: its export, and the chain in which each change of an obligation is an entry.

use lifecycle::export::{
    ChainAnchor, ChainReport, ChainRequest, EXPORT_COLUMNS, EXPORT_EDGE, EvidenceKeys, ExportPage,
    ExportRequest, check_chain,
};
use lifecycle::{Actor, EventKind, ObligationState, RetryOutcome, verbs};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::leavers::{play_writer, say, until_state};
use crate::operators::ask;
use crate::quarantine;
use crate::world::{EVERYBODY, World, event, joined};

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_exported_in_pages_that_are_chained_and_signed_and_a_new_key_signs_after_a_rotation() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let people: Vec<String> = (0..501).map(|number| format!("E-{number}")).collect();
    let all: Vec<_> = people.iter().map(|person| joined(person, 1, "HR")).collect();
    world.send(&all).await;
    world.settle().await;
    let all: Vec<_> =
        people.iter().map(|person| event(EventKind::WorkerLeft, person, 2, json!({}))).collect();
    world.send(&all).await;
    world.settle().await;
    let rotate = Actor { who: "alice".to_owned(), why: "yearly".to_owned() };
    let keys: EvidenceKeys = ask::<verbs::EvidenceKeysVerb>(&world, ()).await.unwrap();
    let first = page(&world, EXPORT_EDGE).await;
    assert_eq!((first.lines.len(), &first.seal.key), (500, &keys.keys[0].key));
    let after: EvidenceKeys = ask::<verbs::RotateEvidenceKeyVerb>(&world, rotate).await.unwrap();
    assert_eq!(after.keys[1..], keys.keys);
    let second = page(&world, &first.seal.upto).await;
    assert_eq!((second.lines.len(), &second.seal.key), (1, &after.keys[0].key));
    assert_eq!(second.seal.upto, EXPORT_EDGE);
    check_chain(&[first.clone(), second]).unwrap();
    assert!(check_chain(std::slice::from_ref(&first)).is_err());
    let named = &first.lines[0].fields;
    assert_eq!(named.len(), EXPORT_COLUMNS.len());
    assert!(named[2].is_empty() && named[3].len() == 64, "people are pseudonyms: {named:?}");
    world.stop_mappers().await;
}

async fn chain(world: &World, anchors: &[ChainAnchor]) -> ChainReport {
    ask::<verbs::CheckChainVerb>(world, ChainRequest { anchors: anchors.to_vec() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_obligations_is_a_chain_in_which_a_row_that_was_changed_or_removed_shows() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let accounts = play_writer(world.bus.clone()).await;
        world.start_mapper().await;
        let people: Vec<String> = (0..20).map(|number| format!("E-{number}")).collect();
        world.send(&people.iter().map(|person| joined(person, 1, "HR")).collect::<Vec<_>>()).await;
        world.settle().await;
        assert_eq!(chain(&world, &[]).await, ChainReport::default());
        let left = people.iter().map(|person| event(EventKind::WorkerLeft, person, 2, json!({})));
        world.send(&left.collect::<Vec<_>>()).await;
        world.settle().await;
        for person in &people {
            say(&accounts, person, Some("read_back"), None);
        }
        for person in &people {
            until_state(&mut world, person, ObligationState::Proven).await;
        }
        let whole = chain(&world, &[]).await;
        assert_eq!((whole.entries, whole.head.sequence, whole.broken.as_deref()), (40, 40, None));
        let exported = page(&world, EXPORT_EDGE).await.seal.chain;
        assert_eq!(exported, whole.head);
        let text = world.query("SELECT entry FROM mapper_chain WHERE sequence = 1").await;
        let text: String = text[0].try_get("", "entry").unwrap();
        assert!(!text.contains("E-"), "people are hashes: {text}");

        world.execute("CREATE TABLE kept AS SELECT * FROM mapper_chain").await;
        let last = whole.head.sequence;
        for (sql, found) in [
            ("UPDATE mapper_chain SET entry = 'x' WHERE sequence = 7".to_owned(), "entry 7 was changed"),
            ("DELETE FROM mapper_chain WHERE sequence = 7".to_owned(), "entry 7 was removed"),
            (format!("DELETE FROM mapper_chain WHERE sequence = {last}"), "entry 40 was removed"),
        ] {
            world.execute(&sql).await;
            let broken = chain(&world, &[]).await.broken.unwrap();
            assert!(broken.contains(found), "{broken}");
            world.execute("DELETE FROM mapper_chain").await;
            world.execute("INSERT INTO mapper_chain SELECT * FROM kept").await;
        }
        // A forged end of the chain does not match the export.
        world.execute("DELETE FROM mapper_chain WHERE sequence > 30").await;
        let end = "UPDATE mapper_chain_heads SET sequence = 30, \
            hash = (SELECT hash FROM mapper_chain WHERE sequence = 30)";
        world.execute(end).await;
        assert_eq!(chain(&world, &[]).await.broken, None);
        let broken = chain(&world, &[exported]).await.broken.unwrap();
        assert!(broken.contains("ends at entry 30"), "{broken}");
        world.stop_mappers().await;
    }
}

async fn page(world: &World, after: &str) -> ExportPage {
    ask::<verbs::ExportEvidenceVerb>(world, page_request(after)).await.unwrap()
}

fn page_request(after: &str) -> ExportRequest {
    ExportRequest {
        from: "2000-01-01T00:00:00Z".to_owned(),
        to: "2100-01-01T00:00:00Z".to_owned(),
        pseudonyms: true,
        after: after.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_read_is_listed_and_no_older_key_signs_instead_of_it() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        let keys = async || ask::<verbs::EvidenceKeysVerb>(&world, ()).await.unwrap();
        let first = keys().await;
        let actor = Actor { who: "alice".to_owned(), why: "yearly".to_owned() };
        ask::<verbs::RotateEvidenceKeyVerb>(&world, actor).await.unwrap();
        let newest = "(SELECT max(name) FROM mapper_settings WHERE name LIKE 'evidence_key:%')";
        let kept = format!("UPDATE mapper_settings SET value = 'z' || value WHERE name = {newest}");
        world.execute(&kept).await;
        assert_eq!(keys().await, first, "what can be read is listed as before");
        let listed = quarantine::listed(&world).await;
        let [item] = &listed.items[..] else { panic!("one item: {listed:?}") };
        assert!(item.id.contains("evidence_key/evidence_key:"), "{item:?}");
        assert_eq!(quarantine::retry(&world, &item.id).await, RetryOutcome::Refused);
        let asked = ask::<verbs::ExportEvidenceVerb>(&world, page_request(EXPORT_EDGE)).await;
        assert!(asked.is_err(), "an older key does not sign");

        let mended = format!("UPDATE mapper_settings SET value = substr(value, 2) WHERE name = {newest}");
        world.execute(&mended).await;
        assert_eq!(page(&world, EXPORT_EDGE).await.seal.key, keys().await.keys[0].key);
        assert_eq!(quarantine::retry(&world, &item.id).await, RetryOutcome::Done);
        assert_eq!(quarantine::listed(&world).await.items, []);
        world.stop_mappers().await;
    }
}
