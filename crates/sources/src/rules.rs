//! The compiled settings of an adapter, by which values are read.

use readings::DateReader;
use serde_json::Value;
use time::OffsetDateTime;

use crate::employment::EmploymentRules;
use crate::kind::{AdapterKind, EndDate};
use crate::mapping::{MappedAttributes, RecordMapping};
use crate::meaning::SourceWords;

/// The configured places of values, for the kinds that support this.
#[derive(Debug, Clone, Default)]
pub(crate) struct AdapterPointers {
    pub(crate) events: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) effective_at: Option<String>,
    pub(crate) members: Option<String>,
}

/// The compiled settings of one adapter.
#[derive(Debug, Clone)]
pub(crate) struct AdapterRules {
    pub(crate) kind: AdapterKind,
    pub(crate) dates: DateReader,
    pub(crate) end_date: EndDate,
    pub(crate) mapping: RecordMapping,
    pub(crate) employment: EmploymentRules,
    pub(crate) words: SourceWords,
    pub(crate) notices_max: usize,
    pub(crate) pointers: AdapterPointers,
}

impl AdapterRules {
    /// Returns the attributes of the record of the person `key`.
    pub(crate) fn attributes(&self, record: &Value, key: &str, now: OffsetDateTime) -> MappedAttributes {
        self.mapping.apply(record, key, now)
    }
}
