//! What is configured of a feed, and what can be wrong with it.

use std::path::PathBuf;
use std::sync::Arc;

use edge::{AccessRule, TokenHash, TokenTable};
use feeds::{CsvOptions, FeedGuard, FeedMapping, RowState};
use readings::SourceZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CsvFeed;
use crate::SourceConfig;
use crate::config::SubjectKind;

/// Files of an HR system that are uploaded to `/v1/feeds/csv/{name}` or put into a folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvFeedConfig {
    /// Its name in the path, in metrics and logs.
    pub name: String,
    /// `sha256:<64 hex digits>` of the token that uploads need.
    #[serde(default)]
    pub token: Option<TokenHash>,
    /// The source whose token uploads need, instead of a token of its own.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether a file lists everybody.
    pub mode: FeedMode,
    /// What the columns mean.
    pub mapping: FeedMapping,
    /// How the file is written.
    #[serde(default)]
    pub csv: CsvOptions,
    /// What a full file must look like before somebody who is not in it has left.
    #[serde(default)]
    pub guard: FeedGuard,
    /// Where the days that `mapping.effective_at` gives begin at midnight.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// What rows may say; anything if left out.
    #[serde(default)]
    pub kinds: Option<Vec<RowKind>>,
    /// A folder that is watched for files.
    #[serde(default)]
    pub folder: Option<FolderConfig>,
    /// Longest file, in bytes.
    #[serde(default = "file_bytes")]
    pub file_bytes_max: u64,
    /// From where, and with which certificate, it may come; from anywhere if left out.
    #[serde(default)]
    pub access: AccessRule,
}

fn default_zone() -> String {
    "UTC".to_owned()
}

/// A company of a million people, with a kilobyte about each.
fn file_bytes() -> u64 {
    1 << 30
}

/// Whether a file lists everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedMode {
    /// It does: who was listed before and is not any more has left, if the file can be believed.
    Full,
    /// It has what changed; who is not in it is left alone.
    Delta,
}

/// What a row may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// The person is employed, and this is what is true of them.
    Upsert,
    /// The person left.
    Left,
    /// The record of the person was erased.
    Deleted,
}

impl RowKind {
    const ALL: [Self; 3] = [Self::Upsert, Self::Left, Self::Deleted];

    /// What a row says; nothing if it says nothing.
    pub(super) fn of(state: RowState) -> Option<Self> {
        match state {
            RowState::Upsert | RowState::PreHire => Some(Self::Upsert),
            RowState::Left | RowState::Inactive => Some(Self::Left),
            RowState::Deleted => Some(Self::Deleted),
            RowState::Ignored => None,
        }
    }
}

/// A folder that is watched, and where files go from there; all on one file system.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// Where files arrive. Folders in it, hidden files, symbolic links and what ends in `.part` or `.tmp` are left alone;
    /// `NAME.sha256` is the checksum of `NAME`.
    pub path: PathBuf,
    /// Where files go that were taken; made if need be.
    pub done: PathBuf,
    /// Where files go that could not be read, or not to their end.
    pub failed: PathBuf,
}

impl CsvFeedConfig {
    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self, sources: &[SourceConfig]) -> Option<String> {
        self.clone().open(sources).err()
    }

    pub(super) fn open(self, sources: &[SourceConfig]) -> Result<CsvFeed, String> {
        let wrong = |fault: &dyn std::fmt::Display| format!("the feed {}: {fault}", self.name);
        let token = match (&self.token, &self.source) {
            (Some(_), Some(_)) => return Err(wrong(&"give it a `token` or a `source`, not both")),
            (Some(token), None) => Some(*token),
            (None, Some(name)) => match sources.iter().find(|source| source.name == *name) {
                Some(source)
                    if source.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&SubjectKind::Worker)) =>
                {
                    return Err(wrong(&format!("the source {name} may not speak of people (`kinds`)")));
                }
                Some(source) => Some(source.token),
                None => return Err(wrong(&format!("there is no source called {name:?}"))),
            },
            (None, None) if self.folder.is_some() => None,
            (None, None) => return Err(wrong(&"give it a `token`, a `source` or a `folder`")),
        };
        if self.file_bytes_max == 0 {
            return Err(wrong(&"file_bytes_max must not be 0"));
        }
        if self.guard.shrink_percent_max > 100 || self.guard.bad_rows_percent_max > 100 {
            return Err(wrong(&"a share in `guard` must be at most 100 percent"));
        }
        if let Some(folder) = &self.folder {
            folder.check().map_err(|fault| wrong(&fault))?;
        }
        let of_source = sources.iter().find(|source| self.source.as_ref() == Some(&source.name));
        let access = match of_source {
            // Whoever may use the token only from there may not use it here from elsewhere.
            Some(source) if self.access.is_open() => source.access.clone(),
            _ => self.access.clone(),
        };
        let mapping = self.mapping.compile().map_err(|error| wrong(&format!("mapping.{error}")))?;
        let zone = parse_zone(&self.time_zone).map_err(|fault| wrong(&fault))?;
        let tokens = TokenTable::new(token.into_iter().map(|token| (token, ())).collect());
        Ok(CsvFeed {
            source: format!("feeds/{}", self.name),
            name: self.name,
            tokens,
            access,
            mode: self.mode,
            mapping,
            csv: self.csv,
            guard: self.guard,
            zone,
            kinds: self.kinds.unwrap_or_else(|| RowKind::ALL.to_vec()),
            file_bytes_max: self.file_bytes_max,
            folder: self.folder,
            turn: Arc::default(),
        })
    }
}

impl FolderConfig {
    fn check(&self) -> Result<(), String> {
        let places = [&self.path, &self.done, &self.failed];
        for (index, place) in places.iter().enumerate() {
            if place.as_os_str().is_empty() {
                return Err("the `path`, `done` and `failed` of the folder must not be empty".to_owned());
            }
            if index > 0 && **place == self.path {
                return Err("`done` and `failed` must not be the folder that is watched".to_owned());
            }
        }
        Ok(())
    }
}

fn parse_zone(name: &str) -> Result<SourceZone, String> {
    SourceZone::named(name).ok_or_else(|| {
        format!("time_zone {name:?} is no time zone: write an IANA name such as Europe/Berlin")
    })
}
