//! Orders of operators about a person's access, in addition to statements of sources: off everywhere now, or never
//! deleted.

use serde::{Deserialize, Serialize};

use super::PersonRecord;

/// The kind of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccessOrderKind {
    /// The person's accounts are off at every target.
    Off,
    /// The person's accounts are never deleted: a legal hold.
    Keep,
    /// The person who came back with another name is the same one.
    Same,
    /// The newcomer with the login of a former person is a different person.
    Different,
}

impl AccessOrderKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Off, Self::Keep, Self::Same, Self::Different];

    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Keep => "keep",
            Self::Same => "same",
            Self::Different => "different",
        }
    }
}

/// One order. Times are in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessOrder {
    /// The time at which the order was given.
    pub since: i64,
    /// The time at which the order ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// The orders about one person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessOrders {
    /// The person's accounts are off at every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<AccessOrder>,
    /// The person's accounts are never deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<AccessOrder>,
    /// The person who came back with another name is the same person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same: Option<AccessOrder>,
    /// The newcomer with the login of a former person is a different person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub different: Option<AccessOrder>,
}

impl AccessOrders {
    /// Returns the order of this kind.
    pub fn of(self, kind: AccessOrderKind) -> Option<AccessOrder> {
        match kind {
            AccessOrderKind::Off => self.off,
            AccessOrderKind::Keep => self.keep,
            AccessOrderKind::Same => self.same,
            AccessOrderKind::Different => self.different,
        }
    }

    /// Returns whether there are no orders.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the orders in force at `now` (microseconds).
    pub fn at(self, now: i64) -> Self {
        let in_force =
            |order: Option<AccessOrder>| order.filter(|order| order.until.is_none_or(|until| until > now));
        Self {
            off: in_force(self.off),
            keep: in_force(self.keep),
            same: in_force(self.same),
            different: in_force(self.different),
        }
    }

    /// Returns the time at which the next order ends after `now` (microseconds).
    pub(super) fn next_due(self, now: i64) -> Option<i64> {
        let all = [self.off, self.keep, self.same, self.different];
        let ends = all.into_iter().flatten().filter_map(|order| order.until);
        ends.filter(|until| *until > now).min()
    }
}

impl PersonRecord {
    /// Gives an order that replaces the one before, or lifts it.
    pub fn order_access(&mut self, kind: AccessOrderKind, order: Option<AccessOrder>) {
        match kind {
            AccessOrderKind::Off => self.orders.off = order,
            AccessOrderKind::Keep => self.orders.keep = order,
            AccessOrderKind::Same => self.orders.same = order,
            AccessOrderKind::Different => self.orders.different = order,
        }
    }

    /// Returns the orders that were given and not lifted. Some may have ended.
    pub fn access_orders(&self) -> AccessOrders {
        self.orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_until_its_end_or_until_it_is_lifted_and_its_end_is_a_moment_to_decide_again() {
        let mut person = PersonRecord::default();
        person.order_access(AccessOrderKind::Off, Some(AccessOrder { since: 10, until: Some(20) }));
        person.order_access(AccessOrderKind::Keep, Some(AccessOrder { since: 10, until: None }));
        let view = person.view("E-1", 19);
        assert!(view.orders.off.is_some() && view.orders.keep.is_some());
        assert_eq!(person.next_due(19), Some(20));
        let view = person.view("E-1", 20);
        assert!(view.orders.off.is_none() && view.orders.keep.is_some());
        assert_eq!(person.next_due(20), None);
        person.order_access(AccessOrderKind::Keep, None);
        assert!(person.view("E-1", 20).orders.is_empty());
        let stored: PersonRecord = serde_json::from_str("{\"attributes\":{}}").unwrap();
        assert!(stored.access_orders().is_empty(), "rows of before have none");
    }
}
