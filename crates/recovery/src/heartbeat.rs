//! The last sign of life in a database and at the broker.
//!
//! Copies of databases and streams from one moment do not contradict each other when they come back together. They
//! look like a service that has been stopped since that moment. After a long stop, the service cannot tell a stop
//! from a restore.

use std::time::Duration;

use bus::ServiceMark;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, OnConflict, Query};
use sea_orm_migration::prelude::{ColumnDef, SchemaManager, Table};
use store::StoreError;

use crate::words::in_words;
use crate::{Recovery, RecoveryError, RecoveryFinding};

/// Database and broker have shown no sign of life for a long time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleRecords {
    /// The time of the last sign of life in microseconds since the Unix epoch; 0 if none is known.
    pub since: i64,
    /// An explanation for operators.
    pub why: String,
}

/// Decides whether records are stale: `now` is further than `long_stop` from the later one of `database` and
/// `broker`.
///
/// A clock that runs back counts as well: a time in the future does not prove that nothing happened since.
fn judge(database: Option<i64>, broker: Option<i64>, now: i64, long_stop: Duration) -> Option<i64> {
    let last = database.max(broker);
    let is_recent = |at: i64| u128::from(now.abs_diff(at)) <= long_stop.as_micros();
    (!last.is_some_and(is_recent)).then_some(last.unwrap_or(0))
}

impl Recovery {
    /// Returns the reason if the records may be copies from an earlier moment.
    pub(crate) async fn stale(
        &self,
        finding: RecoveryFinding,
        mark: Option<&ServiceMark>,
    ) -> Result<Option<StaleRecords>, RecoveryError> {
        let Some(long_stop) = self.long_stop.filter(|_| finding != RecoveryFinding::Fresh) else {
            return Ok(None);
        };
        let database = load(self.store.reader(), self.service).await?;
        let now = self.store.now().await?;
        let since = judge(database, mark.and_then(|mark| mark.at), now, long_stop);
        Ok(since.map(|since| StaleRecords { since, why: self.stale_in_words(since) }))
    }

    /// Describes stale records for operators.
    fn stale_in_words(&self, since: i64) -> String {
        let service = self.service;
        let last = match since {
            0 => "is not known to have run before".to_owned(),
            at => format!("was last alive at {}", in_words(at)),
        };
        format!("the {service} {last}: it was stopped, or everything was restored from copies of that time")
    }
}

/// Returns the name of the service's heartbeat table.
fn table(service: &str) -> Alias {
    Alias::new(format!("{service}_heartbeat"))
}

/// Creates the service's table; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn create_heartbeat(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    let number = |name: &str| ColumnDef::new(Alias::new(name)).big_integer().not_null().take();
    let create =
        Table::create().table(table(service)).col(number("id").primary_key()).col(number("at")).take();
    manager.create_table(create).await
}

/// Undoes [`create_heartbeat`].
///
/// # Errors
/// Returns the error that the database reports.
pub async fn drop_heartbeat(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    manager.drop_table(Table::drop().table(table(service)).take()).await
}

/// Reads the time at which the service was last alive.
async fn load(connection: &impl ConnectionTrait, service: &str) -> Result<Option<i64>, StoreError> {
    let statement = Query::select().column(Alias::new("at")).from(table(service)).to_owned();
    let failed = StoreError::statement("read when the service was last alive");
    let row = connection.query_one(&statement).await.map_err(&failed)?;
    row.map(|row| row.try_get("", "at")).transpose().map_err(&failed)
}

/// Saves the time at which the service was alive.
pub(crate) async fn save(
    connection: &impl ConnectionTrait,
    service: &str,
    at: i64,
) -> Result<(), StoreError> {
    let statement = Query::insert()
        .into_table(table(service))
        .columns(["id", "at"].map(Alias::new))
        .values_panic([1.into(), at.into()])
        .on_conflict(OnConflict::column(Alias::new("id")).update_column(Alias::new("at")).to_owned())
        .to_owned();
    connection
        .execute(&statement)
        .await
        .map_err(StoreError::statement("keep when the service was last alive"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_the_two_signs_of_life_says_how_long_the_stop_was() {
        let judge = |database, broker| judge(database, broker, 1_000, Duration::from_micros(100));
        assert_eq!(judge(Some(900), Some(100)), None);
        assert_eq!(judge(Some(100), Some(900)), None, "only the database came back");
        assert_eq!(judge(Some(899), Some(100)), Some(899));
        assert_eq!(judge(Some(1_101), None), Some(1_101), "the clock ran back");
        assert_eq!(judge(Some(1_100), None), None);
        assert_eq!(judge(None, None), Some(0), "of an older version");
        assert_eq!(judge(None, Some(950)), None);
    }
}
