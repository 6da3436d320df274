//! Tests of the number of events in memory while a file is read, and of the events that its rows become.

use std::io::{self, Read};
use std::sync::Arc;

use edge::{Problem, TokenHash};
use lifecycle::{Event, EventKind, FeedRun, FeedRunId};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

use super::run::{TakenFeedFile, take_file};
use super::{CsvFeed, CsvFeedConfig, FeedReport};
use crate::intake::limits::EventLimits;
use crate::intake::received::ReceivedEvent;
use crate::intake::streamed::{BATCH_MAX, BATCHES_WAITING_MAX, BatchSink, StoredBatch};

const BEGUN: OffsetDateTime = datetime!(2026-03-01 10:00 UTC);

fn feed(changes: serde_json::Value) -> Result<CsvFeed, String> {
    let mut config = json!({
        "name": "hr", "mode": "full", "token": TokenHash::of("t").to_string(),
        "mapping": { "key": "id" },
    });
    for (name, value) in changes.as_object().unwrap() {
        config[name] = value.clone();
    }
    serde_json::from_value::<CsvFeedConfig>(config).map_err(|error| error.to_string())?.open(&[])
}

/// Keeps the stored events, up to a batch that it refuses.
#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    batches: usize,
    longest: usize,
    keeps_nothing: bool,
    refuses_from: Option<usize>,
}

impl BatchSink for Kept {
    async fn store(&mut self, batch: Vec<ReceivedEvent>) -> Result<StoredBatch, Problem> {
        if self.refuses_from == Some(self.batches) {
            return Err(Problem::unavailable("not_stored", "no", std::time::Duration::from_secs(1)));
        }
        self.batches += 1;
        self.longest = self.longest.max(batch.len());
        let stored = StoredBatch::new(&batch);
        if !self.keeps_nothing {
            self.events.extend(batch.into_iter().map(|one| one.event));
        }
        Ok(stored)
    }
}

async fn taken(
    feed: CsvFeed,
    bytes: impl Read + Send + 'static,
    kept: &mut Kept,
) -> Result<FeedReport, Problem> {
    let run = FeedRunId::of(&feed.source, "run");
    let run = FeedRun { feed: feed.name.clone(), run, begun_at: BEGUN, absent: false };
    let file = TakenFeedFile { feed: Arc::new(feed), run, bytes, sha256: None, named_by: None };
    take_file(file, EventLimits::default(), BEGUN, kept).await
}

/// A file whose rows are generated while it is read.
struct Made {
    next: usize,
    rows: usize,
    rest: Vec<u8>,
}

impl Read for Made {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && self.next <= self.rows {
            self.rest = match self.next {
                0 => b"id,mail,department\n".to_vec(),
                n => format!("E-{n},e{n}@x.org,Sales\n").into_bytes(),
            };
            self.next += 1;
        }
        let length = self.rest.len().min(into.len());
        into[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

#[tokio::test]
async fn ten_and_a_hundred_thousand_rows_are_never_in_memory_at_the_same_time() {
    for rows in [10_000, 100_000] {
        let mut kept = Kept { keeps_nothing: true, ..Kept::default() };
        let file = Made { next: 0, rows, rest: Vec::new() };
        let report = taken(feed(json!({})).unwrap(), file, &mut kept).await.unwrap();
        assert_eq!((report.rows, report.events, report.bad_rows), (rows as u64, rows as u64, 0));
        assert_eq!(kept.longest, BATCH_MAX);
        // One batch is filled, one waits, one is handed over and one is stored.
        let most = (BATCHES_WAITING_MAX + 3) * BATCH_MAX;
        assert!(report.buffered_max <= most, "{} of {most}", report.buffered_max);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_stored_is_read_no_further() {
    let mut kept = Kept { refuses_from: Some(2), ..Kept::default() };
    let file = Made { next: 0, rows: usize::MAX - 1, rest: Vec::new() };
    let refused = taken(feed(json!({})).unwrap(), file, &mut kept).await.unwrap_err();
    assert_eq!((refused.status().as_u16(), kept.batches), (503, 2));
    assert!(kept.events.iter().all(|event| event.kind != EventKind::FeedCompleted));
}

#[tokio::test]
async fn each_row_becomes_the_event_that_it_means() {
    let mapping = json!({
        "key": "id", "active": "CBool([status] = \"here\")", "effective_at": "[from]",
        "attributes": { "mail": "[mail]", "manager": "[boss]" },
        "operation": { "column": "op" },
    });
    let changes = json!({ "mapping": mapping, "mode": "delta", "time_zone": "Europe/Berlin" });
    let file = "id,mail,boss,status,from,op\n\
                1,a@x,,here,2026-06-30,add\n\
                2,b@x,1,gone,,update\n\
                3,,,,,delete\n\
                1,c@x,,here,,update\n";
    let mut kept = Kept::default();
    let report = taken(feed(changes).unwrap(), file.as_bytes(), &mut kept).await.unwrap();
    assert_eq!((report.events, report.people, report.errors.len()), (4, 3, 0), "{report:?}");
    let said: Vec<(EventKind, &str)> =
        kept.events.iter().map(|event| (event.kind, event.subject.as_str())).collect();
    let expected = [
        (EventKind::WorkerSnapshot, "1"),
        (EventKind::WorkerLeft, "2"),
        (EventKind::WorkerDeleted, "3"),
        (EventKind::WorkerSnapshot, "1"),
    ];
    assert_eq!(said, expected);
    let [first, second, _, again] = kept.events.as_slice() else { panic!("four") };
    assert_eq!(first.attributes["active"], json!(true));
    assert_eq!(first.attributes["manager"], json!(null));
    assert_eq!(first.effective_at, datetime!(2026-06-29 22:00 UTC), "midnight in Berlin");
    assert_eq!(second.effective_at, BEGUN);
    assert!(again.time > first.time && again.feed.is_none(), "the later of two rows counts");
}

#[tokio::test]
async fn a_row_that_turned_inactive_says_so_as_of_the_file_and_a_wrong_one_keeps_its_person_listed() {
    let mapping = json!({ "key": "id", "active": "[status]", "effective_at": "[from]", "attributes": { "mail": "[mail]" } });
    let file = "id,mail,status,from\n\
                1,a@x,inactive,2026-02-27\n\
                2,b@x,inactive,soon\n\
                3,c@x,seconded,\n\
                4,d@x,active,yesterday\n";
    let mut kept = Kept::default();
    let report =
        taken(feed(json!({ "mapping": mapping })).unwrap(), file.as_bytes(), &mut kept).await.unwrap();
    assert_eq!(
        (report.rows, report.bad_rows, report.people, report.errors.len()),
        (4, 3, 4, 3),
        "{report:?}"
    );
    let said: Vec<_> =
        kept.events.iter().map(|event| (event.subject.as_str(), event.kind, event.dated)).collect();
    use lifecycle::StatementDating::{Explicit, Observed};
    let expected = [
        ("1", EventKind::WorkerLeft, Some(Explicit)),
        ("1", EventKind::WorkerLeft, Some(Observed)),
        ("2", EventKind::WorkerLeft, Some(Observed)),
        ("3", EventKind::WorkerChanged, Some(Observed)),
        ("4", EventKind::WorkerChanged, Some(Observed)),
    ];
    assert_eq!(said[..5], expected);
    assert_eq!(kept.events[0].effective_at, datetime!(2026-02-27 0:00 UTC));
    assert_eq!(kept.events[1].effective_at, BEGUN);
    let unread = |index: usize| kept.events[index].unread.len();
    assert_eq!([0, 1, 2, 3, 4].map(unread), [0, 0, 1, 1, 1]);
    let end = feeds::FileCompletion::from_attributes(&kept.events[5].attributes).unwrap();
    assert_eq!((end.seen.bad_rows, end.people.count), (3, 4), "nobody has left because of a wrong cell");
}

#[tokio::test]
async fn a_full_file_ends_with_what_was_seen_of_it_and_reading_it_again_says_the_same() {
    let mut first = Kept::default();
    let file = "id,mail\n1,a@x\n2,b@x\n,nobody\n";
    let replacing = feed(json!({ "replaces": ["people"] })).unwrap();
    let report = taken(replacing, file.as_bytes(), &mut first).await.unwrap();
    assert_eq!((report.rows, report.bad_rows, report.complete), (3, 1, true));
    assert_eq!((report.errors[0].line, report.errors[0].column.as_deref()), (4, Some("id")));
    let end = first.events.last().unwrap();
    let completion = feeds::FileCompletion::from_attributes(&end.attributes).unwrap();
    assert_eq!((end.kind, end.subject.as_str()), (EventKind::FeedCompleted, "hr"));
    assert_eq!((completion.seen.keys_distinct, completion.people.count), (2, 2));
    assert_eq!(completion.replaces, ["people"]);
    let mut again = Kept::default();
    taken(feed(json!({})).unwrap(), file.as_bytes(), &mut again).await.unwrap();
    let ids = |kept: &Kept| kept.events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&again));
    let mut other = Kept::default();
    taken(feed(json!({})).unwrap(), &b"id,mail\n1,z@x\n2,b@x\n"[..], &mut other).await.unwrap();
    assert_ne!(ids(&first)[0], ids(&other)[0], "what says something else is something else");
    assert_eq!(ids(&first)[1], ids(&other)[1]);
}

#[tokio::test]
async fn a_file_that_ends_in_the_middle_says_so() {
    let mut kept = Kept::default();
    let file = "id,mail\n1,a@x\n2,\"b@";
    let report = taken(feed(json!({})).unwrap(), file.as_bytes(), &mut kept).await.unwrap();
    assert!(!report.complete && report.notes[0].contains("quoted"), "{report:?}");
    let end = kept.events.last().unwrap();
    assert!(!feeds::FileCompletion::from_attributes(&end.attributes).unwrap().seen.complete);
}

#[tokio::test]
async fn a_file_that_is_written_to_while_it_is_read_never_ends() {
    let feed = feed(json!({})).unwrap();
    let run = FeedRunId::of(&feed.source, "run");
    let run = FeedRun { feed: feed.name.clone(), run, begun_at: BEGUN, absent: false };
    let bytes = &b"id\n1\n"[..];
    let named_by = Some("0".repeat(64));
    let file = TakenFeedFile { feed: Arc::new(feed), run, bytes, sha256: None, named_by };
    let mut kept = Kept::default();
    let refused = take_file(file, EventLimits::default(), BEGUN, &mut kept).await.unwrap_err();
    assert_eq!(refused.code(), "body_broken");
    assert!(kept.events.iter().all(|event| event.kind != EventKind::FeedCompleted));
}

#[test]
fn a_feed_that_cannot_work_is_refused_with_what_to_do() {
    let cases = [
        (json!({ "token": null }), "token"),
        (json!({ "token": null, "source": "nobody" }), "no source called"),
        (json!({ "source": "hr" }), "not both"),
        (json!({ "mapping": { "key": [] } }), "mapping.key"),
        (json!({ "mapping": { "key": "id", "active": "CBool(" } }), "mapping.active"),
        (json!({ "time_zone": "Mars/Olympus" }), "IANA"),
        (json!({ "guard": { "shrink_percent_max": 101 } }), "percent"),
        (json!({ "file_bytes_max": 0 }), "file_bytes_max"),
        (json!({ "folder": { "path": "/a", "done": "/a", "failed": "/b" } }), "watched"),
        (json!({ "colour": "red" }), "colour"),
    ];
    for (changes, word) in cases {
        let fault = feed(changes).unwrap_err();
        assert!(fault.contains(word), "{word} is not in: {fault}");
    }
}
