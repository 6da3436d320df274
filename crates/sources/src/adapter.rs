//! The configuration of one source's adapter.

use std::collections::BTreeMap;

use readings::{DateForms, DateReader, SourceZone};
use serde::{Deserialize, Serialize};

use crate::employment::{EmploymentMapping, EmploymentRules};
use crate::error::AdapterConfigError;
use crate::kind::{AdapterKind, EndDate};
use crate::mapping::RecordMapping;
use crate::meaning::{ANY, ConfiguredMeaning, SourceWords};
use crate::reader::NoticeReader;
use crate::rules::{AdapterPointers, AdapterRules};
use crate::{MAPPINGS_MAX, NOTICES_MAX, vendor};

/// The adapter for the notices of one source. It is plain data for a configuration file.
///
/// ```yaml
/// kind: json
/// time_zone: Europe/Berlin
/// events: /items
/// key: /employee/number
/// type: /action
/// types: { hire: worker.joined, leave: worker.left, "*": worker.changed }
/// effective_at: /date
/// attributes: { givenName: /employee/first, department: 'Trim([employee.dept])' }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeAdapter {
    /// The sender.
    pub kind: AdapterKind,
    /// The IANA name of the time zone for dates and times that have none.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// The date formats of the source.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dates: DateForms,
    /// A map of Usher's attributes to an expression over the person's record (`[work.department]` selects members of
    /// objects), or to a JSON Pointer into it. It is added to the default mapping of the kind; null removes a default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Option<String>>,
    /// The place of the employment data in a fetched record.
    #[serde(default, skip_serializing_if = "is_default")]
    pub employment: EmploymentMapping,
    /// A map of the source's event types to their meaning. It takes precedence over the known types of the kind; `*`
    /// matches all other types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, ConfiguredMeaning>,
    /// The meaning of a departure's date (`json` and `standard_webhooks`).
    #[serde(default)]
    pub end_date: EndDate,
    /// The maximum number of notices in one body.
    #[serde(default = "notices_max")]
    pub notices_max: usize,
    /// `json`: the pointer to the list of events, from the body. If absent, the body itself is the event, or the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
    /// `json`: the pointer to the id of the person or group, from the event (`standard_webhooks`: from `data`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `json`: the pointer to the event type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind_at: Option<String>,
    /// `json`: the pointer to the id of the notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `json`: the pointer to the time at which the event was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// `json` and `standard_webhooks`: the pointer to the effective date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
    /// `json`: the pointer to the keys of a group's members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<String>,
}

fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

fn default_zone() -> String {
    "UTC".to_owned()
}

fn notices_max() -> usize {
    NOTICES_MAX
}

impl NoticeAdapter {
    /// Returns an adapter of that kind with default settings.
    pub fn new(kind: AdapterKind) -> Self {
        Self {
            kind,
            time_zone: default_zone(),
            dates: DateForms::default(),
            attributes: BTreeMap::new(),
            employment: EmploymentMapping::default(),
            types: BTreeMap::new(),
            end_date: EndDate::default(),
            notices_max: notices_max(),
            events: None,
            key: None,
            kind_at: None,
            id: None,
            at: None,
            effective_at: None,
            members: None,
        }
    }

    /// Checks the adapter and compiles it to a reader.
    ///
    /// # Errors
    /// Returns an error if a setting is wrong, missing, or not supported by this kind.
    pub fn compile(&self) -> Result<NoticeReader, AdapterConfigError> {
        let zone = SourceZone::named(&self.time_zone).ok_or_else(|| {
            let what = format!("is `{}`, which is not a time zone", self.time_zone);
            AdapterConfigError::new("time_zone", what, "write an IANA name such as Europe/Berlin or UTC")
        })?;
        let dates = DateReader::with_forms(zone, &self.dates)
            .map_err(|error| AdapterConfigError::new("dates", error.to_string(), "name one of them"))?;
        if self.notices_max == 0 {
            return Err(AdapterConfigError::new("notices_max", "is 0", "allow at least 1"));
        }
        if self.types.len() > MAPPINGS_MAX {
            let what = format!("has {} entries", self.types.len());
            return Err(AdapterConfigError::new("types", what, format!("name at most {MAPPINGS_MAX}")));
        }
        self.check_settings()?;
        let format = vendor::vendor_format(self.kind);
        let rules = AdapterRules {
            kind: self.kind,
            dates,
            end_date: if self.end_date_counts() { self.end_date } else { EndDate::LastDay },
            mapping: RecordMapping::compile(format.attributes, &self.attributes)?,
            employment: EmploymentRules::compile(self.kind, &self.employment)?,
            words: SourceWords::new(&self.types, format.words),
            notices_max: self.notices_max,
            pointers: self.pointers(),
        };
        Ok(NoticeReader { rules, format })
    }

    fn end_date_counts(&self) -> bool {
        matches!(self.kind, AdapterKind::Json | AdapterKind::StandardWebhooks)
    }

    fn pointers(&self) -> AdapterPointers {
        AdapterPointers {
            events: self.events.clone(),
            key: self.key.clone(),
            kind: self.kind_at.clone(),
            id: self.id.clone(),
            at: self.at.clone(),
            effective_at: self.effective_at.clone(),
            members: self.members.clone(),
        }
    }

    fn check_settings(&self) -> Result<(), AdapterConfigError> {
        let both: &[AdapterKind] = &[AdapterKind::Json, AdapterKind::StandardWebhooks];
        let settings: [(&str, &Option<String>, &[AdapterKind]); 7] = [
            ("events", &self.events, &[AdapterKind::Json]),
            ("key", &self.key, both),
            ("type", &self.kind_at, &[AdapterKind::Json]),
            ("id", &self.id, &[AdapterKind::Json]),
            ("at", &self.at, &[AdapterKind::Json]),
            ("effective_at", &self.effective_at, both),
            ("members", &self.members, &[AdapterKind::Json]),
        ];
        for (name, pointer, kinds) in settings {
            let Some(pointer) = pointer else { continue };
            if !kinds.contains(&self.kind) {
                return Err(AdapterConfigError::new(
                    name,
                    "is not a setting of this kind",
                    "remove it, or use `kind: json`",
                ));
            }
            if !pointer.starts_with('/') && (name != "events" || !pointer.is_empty()) {
                let fix = "write a JSON Pointer such as /employee/id";
                return Err(AdapterConfigError::new(
                    name,
                    "is not a JSON Pointer: it must begin with `/`",
                    fix,
                ));
            }
        }
        if self.end_date != EndDate::default() && !self.end_date_counts() {
            let what = "is not a setting of this kind: the vendor says what the date is";
            return Err(AdapterConfigError::new("end_date", what, "remove it"));
        }
        if self.kind == AdapterKind::Json { self.check_json() } else { Ok(()) }
    }

    fn check_json(&self) -> Result<(), AdapterConfigError> {
        if self.key.is_none() {
            return Err(AdapterConfigError::new(
                "key",
                "is missing",
                "set the pointer to the id of the person: key: /employee/id",
            ));
        }
        if self.types.is_empty() || (self.kind_at.is_none() && !self.types.contains_key(ANY)) {
            let fix = "say what each of their types means: types: { hired: worker.joined, \"*\": worker.changed }, with `type` or with `*` alone";
            return Err(AdapterConfigError::new("types", "does not say what any event means", fix));
        }
        Ok(())
    }
}
