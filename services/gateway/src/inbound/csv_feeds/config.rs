//! The configuration of a CSV feed, and its validation.

use std::path::PathBuf;
use std::sync::Arc;

use edge::{AccessRule, SharedTokenTable, TokenHash};
use feeds::{CsvOptions, FeedGuard, FeedMapping, RowState};
use lifecycle::SenderRights;
use readings::SourceZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CsvFeed;
use crate::intake::source::SourceConfig;

/// A feed of an HR system's CSV files, uploaded to `/v1/feeds/csv/{name}` or put into a folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvFeedConfig {
    /// The name in the path, in metrics and in logs.
    pub name: String,
    /// The hash of the token that uploads need: `sha256:<64 hex digits>`.
    #[serde(default)]
    pub token: Option<TokenHash>,
    /// The source whose token uploads need, instead of a token of the feed's own.
    #[serde(default)]
    pub source: Option<String>,
    /// Full or delta: whether a file lists every person.
    pub mode: FeedMode,
    /// The meaning of the columns.
    pub mapping: FeedMapping,
    /// The format of the file: encoding, separator, header and trailer.
    #[serde(default)]
    pub csv: CsvOptions,
    /// The conditions that a full file must meet before a person who is not in it counts as departed.
    #[serde(default)]
    pub guard: FeedGuard,
    /// The full feeds and lists that this full feed replaces, by their former names. People whom they listed and who are not in
    /// a file of this feed count as missing in it.
    #[serde(default)]
    pub replaces: Vec<String>,
    /// The time zone in which the days of `mapping.effective_at` begin.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// The kinds of rows that the feed may contain; every kind if left out.
    #[serde(default)]
    pub kinds: Option<Vec<RowKind>>,
    /// What its rows may say. If left out, what its `source` may say; without a `source`, everything for the first such
    /// sender, the least for others.
    #[serde(default)]
    pub may: Option<SenderRights>,
    /// A folder that is watched for files.
    #[serde(default)]
    pub folder: Option<FolderConfig>,
    /// The maximum length of a file, in bytes.
    #[serde(default = "file_bytes")]
    pub file_bytes_max: u64,
    /// The addresses and certificates from which uploads may come; any if left out.
    #[serde(default)]
    pub access: AccessRule,
}

fn default_zone() -> String {
    "UTC".to_owned()
}

/// Enough for a company of a million people, with one kilobyte for each person.
fn file_bytes() -> u64 {
    1 << 30
}

/// Full or delta: whether a file lists every person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedMode {
    /// The file lists every person. A person who was listed before and is missing has left, if the file passes its guard.
    Full,
    /// The file lists changes. A person who is not in it stays unchanged.
    Delta,
}

/// The kind of statement that a row makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// The person is employed and has these attributes.
    Upsert,
    /// The person has left.
    Left,
    /// The person's record was erased.
    Deleted,
}

impl RowKind {
    const ALL: [Self; 3] = [Self::Upsert, Self::Left, Self::Deleted];

    /// Returns the kind of a row in this state, or `None` for a row that is ignored.
    pub(super) fn of(state: RowState) -> Option<Self> {
        match state {
            RowState::Upsert | RowState::PreHire => Some(Self::Upsert),
            RowState::Left | RowState::Inactive => Some(Self::Left),
            RowState::Deleted => Some(Self::Deleted),
            RowState::Ignored => None,
        }
    }
}

/// A watched folder and its target folders; all must be on one file system.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// The folder in which files arrive. Subfolders, hidden files, symbolic links and names
    /// that end in `.part` or `.tmp` are ignored; `NAME.sha256` is the checksum of `NAME`.
    pub path: PathBuf,
    /// The folder for files that were taken; created if missing.
    pub done: PathBuf,
    /// The folder for files that could not be read, or not completely.
    pub failed: PathBuf,
}

impl CsvFeedConfig {
    /// Returns the first fault of the feed, if any.
    pub(crate) fn fault(&self, sources: &[SourceConfig]) -> Option<String> {
        self.clone().open(sources).err()
    }

    /// Returns the token for uploads, if the feed has one: its own, or that of its source.
    pub(crate) fn upload_token(&self, sources: &[SourceConfig]) -> Option<TokenHash> {
        let of_source = || sources.iter().find(|source| self.source.as_ref() == Some(&source.name));
        self.token.or_else(|| of_source().map(|source| source.token))
    }

    /// Validates the configuration and opens the feed.
    pub(super) fn open(self, sources: &[SourceConfig]) -> Result<CsvFeed, String> {
        let wrong = |fault: &dyn std::fmt::Display| format!("the feed {}: {fault}", self.name);
        let token = match (&self.token, &self.source) {
            (Some(_), Some(_)) => return Err(wrong(&"give it a `token` or a `source`, not both")),
            (Some(token), None) => Some(*token),
            (None, Some(name)) => match sources.iter().find(|source| source.name == *name) {
                Some(source) if self.may.is_none() && !source.rights().covers_people() => {
                    return Err(wrong(&format!(
                        "the source {name} may not send events about people (`kinds` or `may`)"
                    )));
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
        if self.mode == FeedMode::Delta && !self.replaces.is_empty() {
            return Err(wrong(&"only a `full` feed can replace another one: leave out `replaces`"));
        }
        if let Some(folder) = &self.folder {
            folder.check().map_err(|fault| wrong(&fault))?;
        }
        let of_source = sources.iter().find(|source| self.source.as_ref() == Some(&source.name));
        let access = match of_source {
            // A token that is restricted to certain addresses must not be usable here from other addresses.
            Some(source) if self.access.is_open() => source.access.clone(),
            _ => self.access.clone(),
        };
        let mapping = self.mapping.compile().map_err(|error| wrong(&format!("mapping.{error}")))?;
        let zone = parse_zone(&self.time_zone).map_err(|fault| wrong(&fault))?;
        let tokens = SharedTokenTable::new(token.into_iter().map(|token| (token, ())).collect());
        Ok(CsvFeed {
            source: format!("feeds/{}", self.name),
            name: self.name,
            tokens,
            access,
            mode: self.mode,
            mapping,
            csv: self.csv,
            guard: self.guard,
            replaces: self.replaces,
            zone,
            kinds: self.kinds.unwrap_or_else(|| RowKind::ALL.to_vec()),
            file_bytes_max: self.file_bytes_max,
            folder: self.folder,
            turn: Arc::default(),
        })
    }
}

impl FolderConfig {
    /// Checks the paths of the folder without accessing them.
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

/// Parses an IANA time zone name.
fn parse_zone(name: &str) -> Result<SourceZone, String> {
    SourceZone::named(name).ok_or_else(|| {
        format!("time_zone {name:?} is no time zone: write an IANA name such as Europe/Berlin")
    })
}
