//! The gateway's tables, one file per migration.

mod m0001;
mod m0002;
mod m0003;
mod m0004;
mod m0007;
#[cfg(test)]
mod tests;

use sea_orm_migration::prelude::*;

/// Brings the gateway's tables up to date.
pub(crate) struct GatewayMigrator;

#[async_trait::async_trait]
impl MigratorTrait for GatewayMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001::KeepScimResources),
            Box::new(m0002::KeepWantedRecords),
            Box::new(m0003::KeepPolls),
            Box::new(m0004::AddGatewayOutboxLanes),
            Box::new(m0007::CreateGatewayPositions),
        ]
    }

    fn migration_table_name() -> DynIden {
        "gateway_migrations".into_iden()
    }
}
