//! The configuration of a source that posts events.

use edge::{AccessRule, TokenHash};
use lifecycle::EventKind;
use readings::{DateReader, SourceZone};
use serde::Deserialize;

/// A system that may send events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The name in metrics and logs, and the beginning of the CloudEvents source of its feeds.
    pub name: String,
    /// The hash of its token: `sha256:<64 hex digits>`.
    pub token: TokenHash,
    /// The kinds of subjects that its events may be about; every kind if left out.
    #[serde(default)]
    pub kinds: Option<Vec<SubjectKind>>,
    /// The time zone in which the whole days that it names begin: an IANA name, UTC if left out.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// The CloudEvents `source` values that its events may have, or begin with before a `/`. `/NAME` if empty;
    /// `*` for any value that belongs to no webhook, feed, poll or identity provider. Feeds are not affected.
    #[serde(default)]
    pub ce_source: Vec<String>,
    /// The maximum number of events per second on average; unlimited if left out.
    #[serde(default)]
    pub events_per_second_max: Option<u32>,
    /// The addresses and certificates from which it may connect; any if left out.
    #[serde(default)]
    pub access: AccessRule,
}

fn default_zone() -> String {
    "UTC".to_owned()
}

impl SourceConfig {
    /// Returns the reader for the days that its events name. The time zone was checked before.
    pub(crate) fn dates(&self) -> DateReader {
        DateReader::new(SourceZone::named(&self.time_zone).unwrap_or_default())
    }
}

/// The kind of subject of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A person.
    Worker,
    /// A group.
    Group,
}

impl SubjectKind {
    /// Returns whether events of `kind` are about this kind of subject. Events about a feed match neither.
    pub(crate) fn covers(self, kind: EventKind) -> bool {
        match self {
            Self::Worker => kind.is_worker(),
            Self::Group => kind.is_group(),
        }
    }
}
