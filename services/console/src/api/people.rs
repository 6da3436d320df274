//! People, their records and their changes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Response of `GET /v1/people/{person}/trace`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonTrace {
    /// The person or group of the timeline.
    pub person: PersonName,
    /// Entries of the timeline, oldest first.
    #[serde(rename = "items", alias = "entries")]
    pub entries: Vec<TraceEntry>,
    /// Cursor of the next page, for the parameter `cursor`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "next_cursor")]
    pub next_cursor: Option<String>,
}

/// A person or a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonName {
    /// Key at the source.
    pub key: String,
    /// The person's last known login name, in lower case.
    #[serde(default)]
    pub user_name: Option<String>,
}

/// A fact in the timeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceEntry {
    /// Time of the fact (RFC 3339).
    pub at: String,
    /// The service that reported the fact.
    pub service: String,
    /// The trace that the causing event started (32 hex digits).
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The fact itself. `fact` names it (`merged`, `decided`, `membershipDecided`, `superseded`, `attempted`, `settled`,
    /// `conflict`, `died`, `replayed`, `discarded`); the other members depend on that name.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fact: Map<String, Value>,
}

/// Body of `POST /v1/people/records/resolve`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveRecord {
    /// The source, by its name in `mapper.people`.
    pub source: String,
    /// Key of the record at the source.
    pub key: String,
    /// Key of the person.
    pub person: String,
    /// `true` if the record belongs to the person.
    pub same: bool,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/people/join`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinPeople {
    /// Key of the person who remains, with their accounts.
    pub person: String,
    /// The other key, which belongs to that person from now on.
    pub other: String,
    /// Leaves the accounts of the other key as they are until the person leaves.
    #[serde(default, alias = "leave_accounts")]
    pub leave_accounts: bool,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/schedule/cancel`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelSchedule {
    /// Ids of statements (`sch_...`), or people whose scheduled statements are all cancelled; at most 1,000.
    pub what: Vec<String>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/access-orders`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderAccess {
    /// The person: key, or login name at the source.
    pub person: String,
    /// The order. `off`: disabled at every target immediately; `keep`: never deleted; `same`: a person who returned under another
    /// name is the same person; `different`: a person who arrived with the login of a person long disabled is a different person.
    pub order: String,
    /// Lifts the order.
    #[serde(default)]
    pub lift: bool,
    /// Time at which the order expires (RFC 3339); without it, the order lasts until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}
