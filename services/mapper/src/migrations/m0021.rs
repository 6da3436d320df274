//! Verifications, leases for work that only one replica does at a time, and the positions in the streams that the database
//! contains.

use sea_orm_migration::prelude::*;

pub(super) struct KeepVerifications;

const TABLE: &str = "mapper_verifications";

impl MigrationName for KeepVerifications {
    fn name(&self) -> &str {
        "m0021_keep_verifications"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepVerifications {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new(TABLE))
            .col(ColumnDef::new(Alias::new("target")).text().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("began_at")).big_integer().not_null())
            .col(ColumnDef::new(Alias::new("report")).text().not_null())
            .take();
        manager.create_table(table).await?;
        store::lease::create_leases(manager, crate::SERVICE).await?;
        recovery::create_tables(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::drop_tables(manager, crate::SERVICE).await?;
        store::lease::drop_leases(manager, crate::SERVICE).await?;
        manager.drop_table(Table::drop().table(Alias::new(TABLE)).take()).await
    }
}
