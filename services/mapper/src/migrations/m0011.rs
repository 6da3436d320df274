//! Orders of operators about people's access.

use sea_orm_migration::prelude::*;

pub(super) struct KeepOrders;

const ORDERS: &str = "mapper_orders";

impl MigrationName for KeepOrders {
    fn name(&self) -> &str {
        "m0011_keep_orders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepOrders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let table = Table::create()
            .table(Alias::new(ORDERS))
            .col(text("person"))
            .col(text("kind"))
            .col(ColumnDef::new(Alias::new("since")).big_integer().not_null())
            .col(ColumnDef::new(Alias::new("until")).big_integer())
            .col(text("who"))
            .col(text("why"))
            .primary_key(Index::create().col("person").col("kind"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(ORDERS)).take()).await
    }
}
