//! The writer's tables.

mod m0001;
mod m0002;
mod m0003;
mod m0004;
mod m0005;
mod m0006;
mod m0007;
mod m0008;
mod m0009;
mod m0010;
mod m0011;
mod m0015;
mod m0016;
mod m0017;
mod m0018;
mod m0019;
mod m0020;
mod m0021;
mod m0025;

use sea_orm_migration::prelude::*;

/// Brings the writer's tables up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001::CreateTables),
            Box::new(m0002::AddSafety),
            Box::new(m0003::AddReconcile),
            Box::new(m0004::AddUnseen),
            Box::new(m0005::AddReplays),
            Box::new(m0006::AddNested),
            Box::new(m0007::AddPermissions),
            Box::new(m0008::AddClaims),
            Box::new(m0009::AddReferences),
            Box::new(m0010::AddOutboxLanes),
            Box::new(m0011::KeepQuarantine),
            Box::new(m0015::AddVigilance),
            Box::new(m0016::AddVerifications),
            Box::new(m0017::AddSecondLooks),
            Box::new(m0018::AddCircuit),
            Box::new(m0019::AddLooks),
            Box::new(m0020::KeepOrphans),
            Box::new(m0021::KeepGeneration),
            Box::new(m0025::KeepHeartbeat),
        ]
    }

    fn migration_table_name() -> DynIden {
        "writer_migrations".into_iden()
    }
}

#[cfg(test)]
mod tests {
    use store::Store;

    use super::*;
    use crate::migrations::m0001::TABLES;

    #[tokio::test]
    async fn migrations_go_up_down_and_up_again_on_every_database() {
        for database in store::testing::databases() {
            let store = Store::open::<Migrator>(&database.url).await.unwrap();
            Migrator::down(store.writer(), None).await.unwrap();
            for table in TABLES {
                let there = SchemaManager::new(store.writer()).has_table(table).await.unwrap();
                assert!(!there, "{}: {table} is left", database.name);
            }
            Migrator::up(store.writer(), None).await.unwrap();
            assert!(SchemaManager::new(store.writer()).has_table(TABLES[0]).await.unwrap());
        }
    }
}
