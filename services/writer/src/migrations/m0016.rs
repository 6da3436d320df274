//! When what was decided was last compared with what is known here, and how much of the streams the database contains.

use sea_orm_migration::prelude::*;

use super::m0001::{number, text};

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
            .col(text("target").primary_key())
            .col(number("verified_at"))
            .col(number("needed_since"))
            .col(text("why"))
            .take();
        manager.create_table(table).await?;
        recovery::create(manager, crate::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::drop(manager, crate::facts::SERVICE).await?;
        manager.drop_table(Table::drop().table(Alias::new(TABLE)).take()).await
    }
}
