//! Watches a folder for files and takes them as feed runs.
//!
//! A file is taken once repeated scans of the folder have seen it unchanged for a while, one file at a
//! time, in order of name. It stays in the folder until all of it is stored and its report is written.
//! If the process ends before that, the file is taken again as the same run, which adds no event twice.

mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use edge::Problem;
use lifecycle::{FeedRun, FeedRunId};
use tokio_util::sync::CancellationToken;

use super::outcome::{file_too_large, note_file};
use super::run::{TakenFeedFile, take_file};
use super::{CsvFeed, FeedReport, FolderConfig};
use crate::intake::state::IntakeState;
use crate::intake::streamed::ToBroker;
use files::{ReadyFile, SeenFiles};

/// The interval between scans of the folder.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The delay before a file that could not be stored is tried again, unless the error names one.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Creates the folders and watches until `soft`.
pub(crate) async fn watch_folder(intake: Arc<IntakeState>, feed: Arc<CsvFeed>, soft: CancellationToken) {
    let Some(folder) = feed.folder.clone() else { return };
    let mut seen = SeenFiles::default();
    let mut pause = LOOK_EVERY;
    loop {
        tokio::select! {
            () = soft.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = LOOK_EVERY;
        // A file in progress is dropped when the process stops, and is taken again later.
        let look = async {
            match files::next_file(&folder, &mut seen).await {
                Ok(Some(found)) => take_one(&intake, &feed, &folder, &found).await,
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
            Ok(TakenFile::One) => pause = Duration::ZERO, // the next file is complete or not; no need to wait
            Err(FolderFailure::Folder(error)) => {
                tracing::warn!(source = feed.source, kind = ?error.kind(), "the folder of a feed cannot be used");
                pause = AGAIN_AFTER;
            }
            Err(FolderFailure::NotStored) => pause = AGAIN_AFTER,
        }
    }
}

/// The result of one scan of the folder: a file was handled, or there was none.
enum TakenFile {
    /// No file was complete.
    Nothing,
    /// A file was taken or refused, and moved.
    One,
}

/// The reason why a scan of the folder failed.
enum FolderFailure {
    /// The folder or a file in it cannot be accessed.
    Folder(io::Error),
    /// The file could not be stored and stays in the folder.
    NotStored,
}

impl From<io::Error> for FolderFailure {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

/// Takes one file and moves it with its report to the folder for its outcome.
async fn take_one(
    intake: &Arc<IntakeState>,
    feed: &Arc<CsvFeed>,
    folder: &FolderConfig,
    found: &ReadyFile,
) -> Result<TakenFile, FolderFailure> {
    let Some(opened) = files::hash_file(found, feed.file_bytes_max).await? else {
        return Ok(TakenFile::Nothing); // the file has changed since the scan
    };
    let hash = match opened {
        files::OpenedFile::TooLong => {
            let problem = file_too_large(feed.file_bytes_max);
            refuse_file(folder, found, &problem).await?;
            note_file(intake, feed, &Err(problem));
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
    let mut sink = ToBroker { intake: Arc::clone(intake), trace: lifecycle::TraceContext::root() };
    let taken = take_file(file, intake.limits, store::clock::now(), &mut sink).await;
    drop(turn);
    note_file(intake, feed, &taken);
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

/// Identifies a run by the file's name, modification time and content: yesterday's list with a new time makes new statements today.
fn run_of(feed: &CsvFeed, found: &ReadyFile, hash: &str) -> FeedRun {
    let name = format!("file:{}:{}:{hash}", found.name, found.modified.unix_timestamp_nanos());
    // The statements of a file are as old as the file.
    let begun_at = found.modified.min(store::clock::now());
    FeedRun { feed: feed.name.clone(), run: FeedRunId::of(&feed.source, &name), begun_at, absent: false }
}

/// Writes the report of a taken file, and moves the file to the folder `to`.
async fn put_away(to: &Path, found: &ReadyFile, report: &FeedReport) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report).expect("a report has only text as keys");
    files::put_away(to, found, text).await
}

/// Writes the problem of a refused file, and moves the file to the folder for failed files.
async fn refuse_file(folder: &FolderConfig, found: &ReadyFile, problem: &Problem) -> io::Result<()> {
    let report = serde_json::json!({ "code": problem.code(), "detail": problem.detail() });
    let text = serde_json::to_string_pretty(&report).expect("a report has only text as keys");
    files::put_away(&folder.failed, found, text).await
}
