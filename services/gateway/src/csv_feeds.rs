//! CSV files as feeds: uploaded or found in a folder, read row by row, stored batch by batch.
//!
//! A file goes through three hands, each with a bounded buffer in front of it: whoever brings the bytes (a body's pipe, or a
//! file on disk), a thread that reads rows and says what they mean ([`rows`], [`tell`]), and [`run`], which stores batches of events
//! and waits for each. A full feed ends with an event that says what was seen of it; whether it is believed is not decided
//! here.

mod config;
pub(crate) mod folder;
mod report;
mod rows;
pub(crate) mod run;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use edge::{AccessRule, TokenTable};
use feeds::{CompiledMapping, CsvOptions, FeedGuard};
use readings::SourceZone;

pub use config::{CsvFeedConfig, FeedMode, FolderConfig, RowKind};
pub(crate) use report::{FeedReport, RowFault};

/// A feed of files, ready to be read.
#[derive(Debug)]
pub(crate) struct CsvFeed {
    /// Its name in the path, and what follows `feeds/` in the source of its events.
    pub(crate) name: String,
    /// The source of its events.
    pub(crate) source: String,
    pub(crate) tokens: TokenTable<()>,
    pub(crate) access: AccessRule,
    pub(crate) mode: FeedMode,
    mapping: CompiledMapping,
    csv: CsvOptions,
    guard: FeedGuard,
    zone: SourceZone,
    kinds: Vec<RowKind>,
    pub(crate) file_bytes_max: u64,
    pub(crate) folder: Option<FolderConfig>,
    /// One file at a time.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

/// The feeds by name.
///
/// # Errors
/// What is wrong with one of them.
pub(crate) fn open_feeds(
    configs: Vec<CsvFeedConfig>,
    sources: &[crate::SourceConfig],
) -> Result<HashMap<String, Arc<CsvFeed>>, String> {
    let mut all = HashMap::new();
    for config in configs {
        let feed = config.open(sources)?;
        telemetry::metrics::register_source(&feed.source);
        all.insert(feed.name.clone(), Arc::new(feed));
    }
    Ok(all)
}
