//! CSV files as feeds: uploaded or found in a folder, read row by row, and stored batch by batch.
//!
//! A file passes three stages, each with a bounded buffer in front of it: the byte source (the pipe of a request body, or a file on
//! disk), a thread that reads rows and turns them into events ([`rows`], [`events`]), and [`run`], which stores batches of events and
//! waits for each. A full feed ends with an event that summarises the file. This crate does not decide whether a full feed is
//! plausible.

mod config;
mod events;
pub(crate) mod folder;
pub(crate) mod outcome;
mod report;
mod rows;
pub(crate) mod run;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use edge::{AccessRule, SharedTokenTable};
use feeds::{CompiledMapping, CsvOptions, FeedGuard};
use readings::SourceZone;

pub use config::{CsvFeedConfig, FeedMode, FolderConfig, RowKind};
pub(crate) use report::{FeedReport, RowFault};

/// A feed of CSV files, ready to be read.
#[derive(Debug)]
pub(crate) struct CsvFeed {
    /// The name in the path, and the part after `feeds/` in the source of its events.
    pub(crate) name: String,
    /// The source of its events.
    pub(crate) source: String,
    /// The token that uploads need. Empty for a feed that only has a folder.
    pub(crate) tokens: SharedTokenTable<()>,
    pub(crate) access: AccessRule,
    pub(crate) mode: FeedMode,
    mapping: CompiledMapping,
    csv: CsvOptions,
    guard: FeedGuard,
    /// The feeds that this one replaces.
    replaces: Vec<String>,
    /// The time zone in which days begin.
    zone: SourceZone,
    /// The kinds of rows that the feed may contain.
    kinds: Vec<RowKind>,
    /// The maximum length of a file, in bytes.
    pub(crate) file_bytes_max: u64,
    pub(crate) folder: Option<FolderConfig>,
    /// Locked while a file is taken: one file at a time.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

/// Opens all feeds and returns them by name.
///
/// # Errors
/// Returns a description of the first invalid feed.
pub(crate) fn open_feeds(
    configs: Vec<CsvFeedConfig>,
    sources: &[crate::intake::source::SourceConfig],
) -> Result<HashMap<String, Arc<CsvFeed>>, String> {
    let mut all = HashMap::new();
    for config in configs {
        let feed = config.open(sources)?;
        telemetry::metrics::register_source(&feed.source);
        all.insert(feed.name.clone(), Arc::new(feed));
    }
    Ok(all)
}
