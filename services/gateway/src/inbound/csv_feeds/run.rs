//! Takes one file: reads its bytes and publishes its events to the broker.

use std::io::Read;
use std::sync::Arc;

use edge::{JsonPointer, Problem};
use feeds::FileCompletion;
use lifecycle::{Event, EventId, EventKind, FeedRun};
use time::OffsetDateTime;

use super::report::FeedReport;
use super::rows::{FileNotRead, FileReading, WasRead};
use super::{CsvFeed, FeedMode};
use crate::intake::limits::EventLimits;
use crate::intake::received::{EventPlace, ReceivedEvent};
use crate::intake::streamed::{BatchSink, BatchWriter, BufferedEvents};

/// The file to take.
pub(crate) struct TakenFeedFile<R> {
    pub(crate) feed: Arc<CsvFeed>,
    pub(crate) run: FeedRun,
    pub(crate) bytes: R,
    /// The expected SHA-256 of the file, in hexadecimal digits.
    pub(crate) sha256: Option<String>,
    /// The SHA-256 in the run's id, if it contains one. A different hash means that the file
    /// was written to while it was read, and that the part that was read is not the whole file.
    pub(crate) named_by: Option<String>,
}

/// Takes a file: stores its good rows, and for a full feed the completion event.
///
/// # Errors
/// Returns an error if the file cannot be read, or if not everything is known to be stored. Events
/// that were stored are recognised as duplicates when the file is taken again as the same run.
pub(crate) async fn take_file<R: Read + Send + 'static>(
    file: TakenFeedFile<R>,
    limits: EventLimits,
    accepted_at: OffsetDateTime,
    sink: &mut impl BatchSink,
) -> Result<FeedReport, Problem> {
    let TakenFeedFile { feed, run, bytes, sha256, named_by } = file;
    let buffered = Arc::new(BufferedEvents::default());
    let (batches, mut incoming) = BatchWriter::new(Arc::clone(&buffered));
    let reading =
        FileReading { feed: Arc::clone(&feed), run: run.clone(), limits, accepted_at, sha256, batches };
    let reading = tokio::task::spawn_blocking(move || reading.read(bytes));
    let (mut events, mut duplicates, mut unchanged) = (0, 0, 0);
    while let Some(mut batch) = incoming.recv().await {
        let stored = sink.store(std::mem::take(&mut batch.events)).await?;
        events += stored.events();
        duplicates += stored.duplicates();
        unchanged += stored.unchanged;
    }
    let WasRead { mut report, completion } = match reading.await {
        Ok(Ok(read)) => read,
        Ok(Err(FileNotRead::Malformed(problem))) => return Err(problem),
        Ok(Err(FileNotRead::Stopped)) => {
            return Err(Problem::bad_request("body_broken", "the file broke off"));
        }
        Err(_) => return Err(Problem::internal()),
    };
    if named_by.is_some_and(|hash| hash != report.sha256) {
        return Err(Problem::bad_request("body_broken", "the file was written to while it was read"));
    }
    if feed.mode == FeedMode::Full {
        let end = publish_completion(&feed, run, &completion, &report.sha256, accepted_at);
        sink.store(vec![end]).await?;
    }
    (report.events, report.duplicates, report.unchanged) = (events, duplicates, unchanged);
    report.buffered_max = buffered.events_max();
    Ok(report)
}

/// Creates the completion event of a full feed. Its id includes the hash of the
/// content, because an earlier upload under the same key may have been truncated.
fn publish_completion(
    feed: &CsvFeed,
    run: FeedRun,
    completion: &FileCompletion,
    sha256: &str,
    accepted_at: OffsetDateTime,
) -> ReceivedEvent {
    let source_event_id = format!("{}:end:{sha256}", run.run);
    let event = Event {
        id: EventId::of(&feed.source, &source_event_id),
        source: feed.source.clone(),
        source_event_id,
        kind: EventKind::FeedCompleted,
        subject: feed.name.clone(),
        time: run.begun_at,
        effective_at: run.begun_at,
        accepted_at,
        sender: feed.source.clone(),
        dated: None,
        attributes: completion.to_attributes(),
        members: None,
        feed: Some(run),
        withdraws: false,
        unread: Vec::new(),
    };
    ReceivedEvent { event, place: EventPlace::Operation(JsonPointer::root()), trace: None, content: None }
}
