//! The configuration of a source that posts events.

use edge::{AccessRule, TokenHash};
use lifecycle::{KindPattern, SenderRights};
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
    /// What it may say. If left out: everything for the first such sender, the least for others.
    #[serde(default)]
    pub may: Option<SenderRights>,
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
    /// Returns what the source may say.
    pub(crate) fn rights(&self) -> SenderRights {
        sender_rights(self.may.as_ref(), self.kinds.as_deref())
    }

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
    /// Returns the event types that are about this kind of subject.
    fn pattern(self) -> KindPattern {
        match self {
            Self::Worker => KindPattern::Workers,
            Self::Group => KindPattern::Groups,
        }
    }
}

/// Returns the rights that `may` and `kinds` of a sender state together.
pub(crate) fn sender_rights(may: Option<&SenderRights>, kinds: Option<&[SubjectKind]>) -> SenderRights {
    let mut rights = may.cloned().unwrap_or_else(SenderRights::everything);
    if let (None, Some(kinds)) = (&rights.kinds, kinds) {
        rights.kinds = Some(kinds.iter().map(|kind| kind.pattern()).collect());
    }
    rights
}
