//! Other accounts that may belong to leavers: what the writer knows of them, one row per target and person.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

pub(super) struct KeepOtherAccounts;

const TABLE: &str = "mapper_other_accounts";

/// Existing leavers are looked up at once.
const FILL: &str = "INSERT INTO mapper_other_accounts (target, subject, next_check_at, active, incomplete) \
     SELECT DISTINCT target, subject, 0, 0, TRUE FROM mapper_obligations \
     WHERE member_of = '' AND ended_at IS NULL";

impl MigrationName for KeepOtherAccounts {
    fn name(&self) -> &str {
        "m0032_keep_other_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepOtherAccounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(Alias::new(name));
        let table = Table::create()
            .table(Alias::new(TABLE))
            .col(column("target").text().not_null())
            .col(column("subject").text().not_null())
            .col(column("next_check_at").big_integer().not_null())
            .col(column("active").big_integer().not_null())
            .col(column("incomplete").boolean().not_null())
            .col(column("found").text())
            .primary_key(Index::create().col("target").col("subject"))
            .take();
        manager.create_table(table).await?;
        for name in ["next_check_at", "active", "incomplete"] {
            let index = Index::create()
                .name(format!("{TABLE}_{name}"))
                .table(Alias::new(TABLE))
                .col(Alias::new(name))
                .take();
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared(FILL).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(TABLE)).take()).await
    }
}
