//! `mapper_orders`: orders of operators about people's access, for lists. Decisions use the copy in the person's state.

use lifecycle::{AccessOrderKind, AccessOrderStatus};
use sea_orm::entity::prelude::*;

use crate::moment_of;

/// One order about one person's access.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_orders")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// An [`AccessOrderKind`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// Microseconds since the Unix epoch.
    pub(crate) since: i64,
    pub(crate) until: Option<i64>,
    #[sea_orm(column_type = "Text")]
    pub(crate) who: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Converts the order for operators.
    pub(crate) fn told(self, now: i64) -> AccessOrderStatus {
        let order = AccessOrderKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind);
        // An order of another version is in the person's state as well, which cannot be read then and is in the quarantine.
        let why = match order {
            Some(_) => self.why,
            None => format!("an order `{}` of another version of Usher: {}", self.kind, self.why),
        };
        AccessOrderStatus {
            person: self.person,
            order: order.unwrap_or(AccessOrderKind::Off),
            in_force: self.until.is_none_or(|until| until > now),
            since: moment_of(self.since),
            until: self.until.map(moment_of),
            who: self.who,
            why,
        }
    }
}
