//! Orders of operators about a person's access.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::AccessOrderKind;

/// Most orders in one [`AccessOrdersReply`].
pub const ACCESS_ORDERS_MAX: u64 = 1_000;

/// Gives or lifts an order; answered by an [`AccessOrderStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderAccessRequest {
    /// Key, or login name at the source.
    pub person: String,
    /// What is ordered.
    pub order: AccessOrderKind,
    /// The order is lifted.
    #[serde(default)]
    pub lift: bool,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// Who, and why.
    pub actor: Actor,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessOrderStatus {
    /// Key of the person.
    pub person: String,
    /// What is ordered.
    pub order: AccessOrderKind,
    /// It is in force.
    pub in_force: bool,
    /// When it was given, or lifted.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// Who gave or lifted it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// Asks the mapper for orders; answered by an [`AccessOrdersReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessOrdersRequest {
    /// Only those of this kind.
    pub order: Option<AccessOrderKind>,
    /// How many; the mapper answers with at most [`ACCESS_ORDERS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// Orders that were not lifted, in order of person. One that has ended says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessOrdersReply {
    /// A page of them.
    pub orders: Vec<AccessOrderStatus>,
    /// There is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
