//! Reads accounts and memberships back at the target that must be gone. Without evidence, they are read soon. With
//! evidence, they are read after an hour and then daily, because an account may come back without our knowledge.
//!
//! The mapper asks about them as long as they must be verified ([`crate::control`]). Due rows go into the queue in the
//! least urgent lane, so that the target's pacer spreads the requests and no leaver waits for them. An account that turns
//! out to be on is switched off by the same call, and a member who is back is removed again. A pause of changes that give
//! access stops no reading. A pause of everything does, and the mapper is then told since when nothing was read.

use lifecycle::{Lane, MembershipKey, ResourceKind};
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError};

use crate::rows::words::RowStatus;
use crate::rows::{edge, load_edges, load_resources, resource, save_edges, save_resources};
use crate::{micros, now};

const MINUTE: i64 = 60 * 1_000_000;
/// The interval between readings of a row without evidence that it is off, in microseconds.
const UNSHOWN_AGAIN_AFTER: i64 = 10 * MINUTE;
/// The time until the first reading of a row with evidence that it is off, and the interval after that.
const FIRST_AFTER: i64 = 60 * MINUTE;
const AGAIN_AFTER: i64 = 20 * 60 * MINUTE;

/// Returns a time to store as the last reading, so that the row is read again after one minute. It is used if a reading
/// led to a change.
pub(crate) fn soon_after(at: i64) -> i64 {
    at.saturating_sub(UNSHOWN_AGAIN_AFTER - MINUTE)
}

/// The rows at one target that are due to be read back.
#[derive(Debug, Default)]
pub(crate) struct DueLooks {
    pub(crate) people: Vec<String>,
    pub(crate) memberships: Vec<MembershipKey>,
}

/// Returns whether an account that must be off is due to be read back.
pub(crate) fn is_account_due(row: &resource::Model, at: i64) -> bool {
    row.is_at_rest() && is_due(shown_off(row), account_looked_at(row), at)
}

/// Returns the time at which the account was shown to be off. A person with another active account is not off.
fn shown_off(row: &resource::Model) -> Option<i64> {
    row.off_evidence_at.filter(|_| !row.has_duplicates())
}

fn account_looked_at(row: &resource::Model) -> Option<i64> {
    row.looked_at.max(row.seen_at.filter(|_| shown_off(row).is_some()))
}

/// Returns the time since which an account that was shown to be off has not been seen, if it is due to be read back.
pub(crate) fn account_unverified_since(row: &resource::Model, at: i64) -> Option<i64> {
    is_account_due(row, at).then(|| row.off_evidence_at.max(account_looked_at(row)))?
}

/// Returns the time since which a membership that was shown to be gone has not been seen, if it is due to be read back.
pub(crate) fn membership_unverified_since(row: &edge::Model, at: i64) -> Option<i64> {
    is_membership_due(row, at).then(|| row.off_evidence_at.max(row.looked_at))?
}

/// Returns whether a membership that must be gone is due to be read back.
pub(crate) fn is_membership_due(row: &edge::Model, at: i64) -> bool {
    row.is_at_rest() && is_due(row.off_evidence_at, row.looked_at, at)
}

/// Returns whether a reading is due. `shown` is the time of the evidence, `looked` the time of the last reading.
fn is_due(shown: Option<i64>, looked: Option<i64>, at: i64) -> bool {
    match (shown, looked) {
        (None, None) => true,
        (None, Some(looked)) => looked.saturating_add(UNSHOWN_AGAIN_AFTER) <= at,
        (Some(shown), Some(looked)) if looked > shown => looked.saturating_add(AGAIN_AFTER) <= at,
        (Some(shown), _) => shown.saturating_add(FIRST_AFTER) <= at,
    }
}

impl DueLooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.memberships.is_empty()
    }

    /// Queues the rows that are still due.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn enqueue(&self, store: &Store, target: &str) -> Result<(), StoreError> {
        let at = micros(now());
        let tx = store.begin().await?;
        let mut rows = load_resources(&tx, target, ResourceKind::User, &self.people, true).await?;
        rows.retain(|_, row| is_account_due(row, at));
        for row in rows.values_mut() {
            // Without a link no request is in doubt: the account is searched for as on the first time.
            row.in_doubt = row.remote_id.is_some();
            (row.looked_at, row.accepted_at, row.attempts) = (Some(at), at, 0);
            row.lane = Lane::Backfill.rank();
            row.enqueue(RowStatus::Pending, at);
        }
        save_resources(&tx, rows.into_values().collect()).await?;
        self.doubt(&tx, target, at).await?;
        tx.commit().await.map_err(StoreError::statement("look at what must be off"))
    }

    /// Marks the due memberships as in doubt, and queues them.
    async fn doubt(&self, tx: &DatabaseTransaction, target: &str, at: i64) -> Result<(), StoreError> {
        for of_group in self.memberships.chunk_by(|one, other| one.group == other.group) {
            let members: Vec<String> = of_group.iter().map(|key| key.person.clone()).collect();
            let mut rows = load_edges(tx, target, &of_group[0].group, &members).await?;
            rows.retain(|_, row| is_membership_due(row, at));
            for row in rows.values_mut() {
                row.doubt(at);
                (row.looked_at, row.accepted_at, row.attempts) = (Some(at), at, 0);
                row.lane = Lane::Backfill.rank();
            }
            save_edges(tx, rows.into_values().collect()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_looked_at_after_an_hour_and_then_daily_and_what_is_not_every_ten_minutes() {
        let hour = 60 * MINUTE;
        for (shown, looked, at, due) in [
            (None, None, 0, true),
            (None, Some(0), 9 * MINUTE, false),
            (None, Some(0), 10 * MINUTE, true),
            (Some(0), None, hour - 1, false),
            (Some(0), None, hour, true),
            (Some(hour), Some(0), 2 * hour, true),
            (Some(0), Some(hour), 20 * hour, false),
            (Some(0), Some(hour), 21 * hour, true),
        ] {
            assert_eq!(is_due(shown, looked, at), due, "{shown:?} {looked:?} {at}");
        }
        // Covers a month of daily readings, and the first after an hour.
        let (mut looked, mut looks) = (None, 0);
        for at in (0..30 * 24).map(|n| n * hour) {
            if is_due(Some(0), looked, at) {
                (looked, looks) = (Some(at), looks + 1);
            }
        }
        assert!(looks <= 37, "{looks} requests in a month");
    }
}
