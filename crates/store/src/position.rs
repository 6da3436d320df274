//! Positions in lists of messages that several services keep, each in its own table.

use sea_orm::sea_query::{Cond, Condition, Expr, ExprTrait};

/// The position after a message in a list of all services: departures first, then the oldest, then by service and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPosition {
    /// `true` if the message removes access and the list puts such messages first.
    pub is_departure: bool,
    /// The time of the message, in microseconds since the Unix epoch.
    pub at: i64,
    /// The service that has the message.
    pub service: String,
    /// The id within the service.
    pub id: String,
}

impl ListPosition {
    /// Parses the text of a cursor. Returns `None` if no answer had it.
    pub fn parse(cursor: &str) -> Option<Self> {
        let (is_departure, at, service, id) = serde_json::from_str(cursor).ok()?;
        Some(Self { is_departure, at, service, id })
    }

    /// Returns the text of the cursor.
    pub fn to_cursor(&self) -> String {
        serde_json::json!([self.is_departure, self.at, self.service, self.id]).to_string()
    }

    /// Returns the condition for the rows of `service` with these times and ids that come after the position, among
    /// those that are departures or among those that are not.
    fn later_rows(&self, service: &str, at: &'static str, id: &'static str) -> Condition {
        let later = Cond::any().add(Expr::col(at).gt(self.at));
        match service.cmp(self.service.as_str()) {
            std::cmp::Ordering::Less => later,
            std::cmp::Ordering::Equal => {
                later.add(Expr::col(at).eq(self.at).and(Expr::col(id).gt(self.id.as_str())))
            }
            std::cmp::Ordering::Greater => later.add(Expr::col(at).eq(self.at)),
        }
    }

    /// Returns the condition for the quarantined items of `service` after the position.
    pub(crate) fn items_after(&self, service: &str) -> Condition {
        let same = Cond::all()
            .add(Expr::col("departure").eq(self.is_departure))
            .add(self.later_rows(service, "at", "id"));
        match self.is_departure {
            true => Cond::any().add(Expr::col("departure").eq(false)).add(same),
            false => same,
        }
    }

    /// Returns the condition for the outbox rows of `service` after the position.
    pub(crate) fn outbox_rows_after(&self, service: &str) -> Condition {
        self.later_rows(service, "created_at", "id")
    }
}

/// Cuts a list that was read with one row more than `limit` to `limit` rows. Returns whether there is a next page.
pub fn cut_to_limit<T>(rows: &mut Vec<T>, limit: u64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}
