//! Orders of operators about a person's access.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::AccessOrderKind;

/// The maximum number of orders in one [`AccessOrdersReply`].
pub const ACCESS_ORDERS_MAX: u64 = 1_000;

/// Gives or lifts an order; answered by an [`AccessOrderStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderAccessRequest {
    /// The person's key, or login name at the source.
    pub person: String,
    /// The kind of order.
    pub order: AccessOrderKind,
    /// `true` to lift the order, `false` to give it.
    #[serde(default)]
    pub lift: bool,
    /// The time at which the order ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// An order about a person's access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessOrderStatus {
    /// The key of the person.
    pub person: String,
    /// The kind of order.
    pub order: AccessOrderKind,
    /// `true` if the order is in force.
    pub in_force: bool,
    /// The time at which the order was given or lifted.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The time at which the order ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// The operator who gave or lifted the order.
    pub who: String,
    /// The reason that the operator gave.
    pub why: String,
}

/// Asks the mapper for orders; answered by an [`AccessOrdersReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessOrdersRequest {
    /// Only orders of this kind.
    pub order: Option<AccessOrderKind>,
    /// The maximum number of orders; the mapper answers with at most [`ACCESS_ORDERS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// Orders that were not lifted, in order of person. Orders that have ended are marked as such.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessOrdersReply {
    /// The orders of this page.
    #[serde(rename = "items", alias = "orders")]
    pub orders: Vec<AccessOrderStatus>,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
