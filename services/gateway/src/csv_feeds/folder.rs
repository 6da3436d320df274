//! Files that are put into a folder.
//!
//! A file is taken when looks at the folder have seen it unchanged for a while, one file at a time, in order of name. It
//! stays where it is until everything of it is stored and its report is written; a process that ends before that takes it
//! once more as the same run, which says nothing twice.

mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use edge::Problem;
use lifecycle::{FeedRun, FeedRunId};
use tokio_util::sync::CancellationToken;

use super::run::{TakenFeedFile, take_file};
use super::{CsvFeed, FeedReport, FolderConfig};
use crate::http::{AppState, note_file};
use crate::streamed::ToBroker;
use files::{ReadyFile, SeenFiles};

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a file that could not be stored waits, unless it is said how long.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Makes the folders and watches until `soft`.
pub(crate) async fn watch_folder(gate: Arc<AppState>, feed: Arc<CsvFeed>, soft: CancellationToken) {
    let Some(folder) = feed.folder.clone() else { return };
    let mut seen = SeenFiles::default();
    let mut pause = LOOK_EVERY;
    loop {
        tokio::select! {
            () = soft.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = LOOK_EVERY;
        // A file in the middle is dropped when the process stops: it is taken again.
        let look = async {
            match files::next_file(&folder, &mut seen).await {
                Ok(Some(found)) => take_one(&gate, &feed, &folder, &found).await,
                Ok(None) => Ok(TakenFile::Nothing),
                Err(error) => Err(FolderFailure::Folder(error)),
            }
        };
        let looked = tokio::select! {
            () = soft.cancelled() => return,
            looked = look => looked,
        };
        match looked {
            Ok(TakenFile::Nothing) => {}
            Ok(TakenFile::One) => pause = Duration::ZERO, // the next is known to be complete or it is not
            Err(FolderFailure::Folder(error)) => {
                tracing::warn!(source = feed.source, kind = ?error.kind(), "the folder of a feed cannot be used");
                pause = AGAIN_AFTER;
            }
            Err(FolderFailure::NotStored) => pause = AGAIN_AFTER,
        }
    }
}

enum TakenFile {
    Nothing,
    One,
}

enum FolderFailure {
    Folder(io::Error),
    /// It stays where it is.
    NotStored,
}

impl From<io::Error> for FolderFailure {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

async fn take_one(
    gate: &Arc<AppState>,
    feed: &Arc<CsvFeed>,
    folder: &FolderConfig,
    found: &ReadyFile,
) -> Result<TakenFile, FolderFailure> {
    let Some(opened) = files::hash_file(found, feed.file_bytes_max).await? else {
        return Ok(TakenFile::Nothing); // it is not what was seen any more
    };
    let hash = match opened {
        files::OpenedFile::TooLong => {
            let problem = crate::http::file_too_large(feed.file_bytes_max);
            refuse_file(folder, found, &problem).await?;
            note_file(gate, feed, &Err(problem));
            return Ok(TakenFile::One);
        }
        files::OpenedFile::Hash(hash) => hash,
    };
    let turn = feed.turn.lock().await;
    let run = run_of(feed, found, &hash);
    let sha256 = files::checksum_beside(found).await?;
    let bytes = files::file_reader(found).await?;
    let named_by = Some(hash);
    let file = TakenFeedFile { feed: Arc::clone(feed), run, bytes, sha256, named_by };
    let mut sink = ToBroker { gate: Arc::clone(gate), trace: lifecycle::TraceContext::root() };
    let taken = take_file(file, gate.limits, store::clock::now(), &mut sink).await;
    drop(turn);
    note_file(gate, feed, &taken);
    match taken {
        Ok(report) => {
            let to = if report.complete { &folder.done } else { &folder.failed };
            put_away(to, found, &report).await?;
            Ok(TakenFile::One)
        }
        Err(problem) if problem.code() == "malformed_csv" => {
            refuse_file(folder, found, &problem).await?;
            Ok(TakenFile::One)
        }
        Err(_) => Err(FolderFailure::NotStored),
    }
}

/// A file is another one when its name, its time or its content is: the same list of yesterday says something new today.
fn run_of(feed: &CsvFeed, found: &ReadyFile, hash: &str) -> FeedRun {
    let name = format!("file:{}:{}:{hash}", found.name, found.modified.unix_timestamp_nanos());
    // What a file says is as old as the file.
    let begun_at = found.modified.min(store::clock::now());
    FeedRun { feed: feed.name.clone(), run: FeedRunId::of(&feed.source, &name), begun_at, absent: false }
}

async fn put_away(to: &Path, found: &ReadyFile, report: &FeedReport) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report).expect("a report has only text as keys");
    files::put_away(to, found, text).await
}

async fn refuse_file(folder: &FolderConfig, found: &ReadyFile, problem: &Problem) -> io::Result<()> {
    let report = serde_json::json!({ "code": problem.code(), "detail": problem.detail() });
    let text = serde_json::to_string_pretty(&report).expect("a report has only text as keys");
    files::put_away(&folder.failed, found, text).await
}
