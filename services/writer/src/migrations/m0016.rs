//! Adds the time of the last verification of the desired state, and the extent to which the database contains the streams.

use sea_orm_migration::prelude::*;

use super::m0001::{number_column, text_column};

pub(super) struct AddVerifications;

const TABLE: &str = "writer_verifications";

impl MigrationName for AddVerifications {
    fn name(&self) -> &str {
        "m0016_add_verifications"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddVerifications {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new(TABLE))
            .col(text_column("target").primary_key())
            .col(number_column("verified_at"))
            .col(number_column("needed_since"))
            .col(text_column("why"))
            .take();
        manager.create_table(table).await?;
        recovery::create_tables(manager, crate::rows::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::drop_tables(manager, crate::rows::facts::SERVICE).await?;
        manager.drop_table(Table::drop().table(Alias::new(TABLE)).take()).await
    }
}
