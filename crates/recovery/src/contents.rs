//! The contents that a service's database declares, for a backup, and the mark of a database that comes from a
//! backup.

use sea_orm_migration::prelude::SchemaManager;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};

use crate::tables;

/// The part of a stream that a database contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainedStream {
    /// The name of the stream.
    pub stream: String,
    /// The durable name of the consumer.
    pub durable: String,
    /// The creation time of the stream. See [`bus::StreamPosition::made_at`].
    pub made_at: i64,
    /// The database contains every message up to this sequence.
    pub sequence: i64,
}

/// A stream that was restored from a backup. It counts as another stream from then on, and holds the same messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredStream {
    /// The name of the stream.
    pub stream: String,
    /// The creation time of the stream as of the backup.
    pub made_before: i64,
    /// The creation time of the stream as of the restore.
    pub made_now: i64,
}

/// The contents that a database declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseContents {
    /// The id of the installation that the database belongs to.
    pub installation: String,
    /// The number of times that the installation was restored.
    pub generation: i64,
    /// The position in each stream up to which the database contains it.
    pub positions: Vec<ContainedStream>,
}

/// Returns whether a service has ever kept its own records in the database.
async fn is_known(store: &Store, service: &str) -> Result<bool, StoreError> {
    let manager = SchemaManager::new(store.writer());
    let table = format!("{service}_installation");
    manager
        .has_table(&table)
        .await
        .map_err(StoreError::statement("check whether the service has run with the database"))
}

/// Returns the contents that the database of `service` declares, or `None` if the service has never run with it.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn database_contents(store: &Store, service: &str) -> Result<Option<DatabaseContents>, StoreError> {
    if !is_known(store, service).await? {
        return Ok(None);
    }
    let Some(identity) = tables::load_identity(store.reader(), service).await? else { return Ok(None) };
    let positions = tables::load_positions(store.reader(), service).await?;
    let contained = positions.into_iter().map(|kept| ContainedStream {
        stream: kept.stream,
        durable: kept.durable,
        made_at: kept.made_at,
        sequence: kept.floor,
    });
    Ok(Some(DatabaseContents {
        installation: identity.installation,
        generation: identity.generation,
        positions: contained.collect(),
    }))
}

/// Marks the database of `service` as restored from a backup of `taken_at` (microseconds since the Unix epoch). The
/// next start treats it as an older one, regardless of the mark at the broker. The positions in `streams` stay known.
/// Returns the new generation, or `None` if the service has never run with the database.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn mark_restored(
    store: &Store,
    service: &str,
    taken_at: i64,
    streams: &[RestoredStream],
) -> Result<Option<i64>, StoreError> {
    if !is_known(store, service).await? {
        return Ok(None);
    }
    let tx = store.begin().await?;
    let Some(mut identity) = tables::load_identity(&tx, service).await? else { return Ok(None) };
    identity.generation += 1;
    identity.restored_from = Some(taken_at);
    tables::save_identity(&tx, service, &identity).await?;
    for mut position in tables::load_positions(&tx, service).await? {
        let is_of =
            |one: &&RestoredStream| one.stream == position.stream && one.made_before == position.made_at;
        if let Some(restored) = streams.iter().find(is_of) {
            position.made_at = restored.made_now;
            tables::save_position(&tx, service, &position).await?;
        }
    }
    tx.commit().await.map_err(StoreError::statement("mark a database as restored"))?;
    Ok(Some(identity.generation))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sea_orm_migration::prelude::*;
    use store::testing::test_databases;

    use super::*;
    use crate::tables::{ConsumerPosition, DatabaseIdentity};

    struct Migrator;

    #[async_trait::async_trait]
    impl MigratorTrait for Migrator {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(Tables)]
        }

        fn migration_table_name() -> DynIden {
            "mapper_migrations".into_iden()
        }
    }

    struct Tables;

    impl MigrationName for Tables {
        fn name(&self) -> &str {
            "m0001_tables"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for Tables {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            tables::create_tables(manager, "mapper").await?;
            tables::add_generation(manager, "mapper").await
        }
    }

    fn position(stream: &str, made_at: i64) -> ConsumerPosition {
        ConsumerPosition { stream: stream.to_owned(), durable: "mapper".to_owned(), made_at, floor: 90 }
    }

    #[tokio::test]
    async fn a_marked_database_says_so_and_still_knows_how_much_of_its_streams_it_contains() {
        for database in test_databases() {
            let store = Store::open::<Migrator>(&database.url).await.unwrap();
            assert_eq!(database_contents(&store, "mapper").await.unwrap(), None);
            assert_eq!(database_contents(&store, "gateway").await.unwrap(), None, "it has no tables there");
            assert_eq!(mark_restored(&store, "gateway", 5, &[]).await.unwrap(), None);
            let identity = DatabaseIdentity {
                installation: "one".to_owned(),
                beat: 7,
                clean: true,
                ..DatabaseIdentity::default()
            };
            let tx = store.begin().await.unwrap();
            tables::save_identity(&tx, "mapper", &identity).await.unwrap();
            for one in [position("EVENTS", 1), position("EVENTS_1", 2)] {
                tables::save_position(&tx, "mapper", &one).await.unwrap();
            }
            tx.commit().await.unwrap();
            let restored =
                |stream: &str| RestoredStream { stream: stream.to_owned(), made_before: 1, made_now: 3 };
            let streams = [restored("EVENTS"), restored("EVENTS_1")];
            assert_eq!(mark_restored(&store, "mapper", 5, &streams).await.unwrap(), Some(1));
            assert_eq!(mark_restored(&store, "mapper", 6, &[]).await.unwrap(), Some(2));
            let kept = tables::load_identity(store.reader(), "mapper").await.unwrap();
            assert_eq!(
                kept,
                Some(DatabaseIdentity { generation: 2, restored_from: Some(6), ..identity }),
                "{}",
                database.name
            );
            let made: BTreeMap<String, i64> = database_contents(&store, "mapper")
                .await
                .unwrap()
                .unwrap()
                .positions
                .into_iter()
                .map(|one| (one.stream, one.made_at))
                .collect();
            assert_eq!(
                made,
                BTreeMap::from([("EVENTS".to_owned(), 3), ("EVENTS_1".to_owned(), 2)]),
                "another stream stays another"
            );
        }
    }
}
