//! The gateway's tables, one file per migration.

mod m0001;

use sea_orm_migration::prelude::*;

/// Brings the gateway's tables up to date.
pub(super) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001::KeepScimResources)]
    }

    fn migration_table_name() -> DynIden {
        "gateway_migrations".into_iden()
    }
}
