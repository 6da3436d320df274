//! One file, from its bytes to the broker.

use std::io::Read;
use std::sync::Arc;

use edge::{Pointer, Problem};
use feeds::Completion;
use lifecycle::{Event, EventId, EventKind, FeedRun};
use time::OffsetDateTime;

use super::report::FeedReport;
use super::rows::{NotRead, Reading, WasRead};
use super::{CsvFeed, Mode};
use crate::Limits;
use crate::received::{Place, Received};
use crate::streamed::{Batches, Buffered, Sink};

/// What is to be taken.
pub(crate) struct File<R> {
    pub(crate) feed: Arc<CsvFeed>,
    pub(crate) run: FeedRun,
    pub(crate) bytes: R,
    /// The hash that it should have: hexadecimal digits.
    pub(crate) sha256: Option<String>,
    /// The hash that the run is named by, if it is: a file that has another one was written to while it was read, and what
    /// was seen of it is not the whole.
    pub(crate) named_by: Option<String>,
}

/// Takes a file: stores its good rows, and for a full feed what was seen of it.
///
/// # Errors
/// When it cannot be read or not everything is known to be stored; what was stored is recognised when the file is taken
/// again as the same run.
pub(crate) async fn take<R: Read + Send + 'static>(
    file: File<R>,
    limits: Limits,
    accepted_at: OffsetDateTime,
    sink: &mut impl Sink,
) -> Result<FeedReport, Problem> {
    let File { feed, run, bytes, sha256, named_by } = file;
    let buffered = Arc::new(Buffered::default());
    let (batches, mut incoming) = Batches::new(Arc::clone(&buffered));
    let reading = Reading { feed: Arc::clone(&feed), run: run.clone(), limits, accepted_at, sha256, batches };
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
        Ok(Err(NotRead::Malformed(problem))) => return Err(problem),
        Ok(Err(NotRead::Stopped)) => return Err(Problem::bad_request("body_broken", "the file broke off")),
        Err(_) => return Err(Problem::internal()),
    };
    if named_by.is_some_and(|hash| hash != report.sha256) {
        return Err(Problem::bad_request("body_broken", "the file was written to while it was read"));
    }
    if feed.mode == Mode::Full {
        let end = completed(&feed, run, &completion, &report.sha256, accepted_at);
        sink.store(vec![end]).await?;
    }
    (report.events, report.duplicates, report.unchanged) = (events, duplicates, unchanged);
    report.buffered_max = buffered.events_max();
    Ok(report)
}

/// Says that this was all. Named by the content as well: what was sent first under the same key may have been cut.
fn completed(
    feed: &CsvFeed,
    run: FeedRun,
    completion: &Completion,
    sha256: &str,
    accepted_at: OffsetDateTime,
) -> Received {
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
    Received { event, place: Place::Operation(Pointer::root()), trace: None, content: None }
}
