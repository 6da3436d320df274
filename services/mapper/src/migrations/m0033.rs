//! Possible departures that are not decided yet: unreadable values, and records of people who left.

use sea_orm_migration::prelude::*;

pub(super) struct KeepUndecidedDepartures;

/// Table and column.
const COLUMNS: [(&str, &str); 2] = [("mapper_findings", "departure"), ("mapper_records", "departed")];

impl MigrationName for KeepUndecidedDepartures {
    fn name(&self) -> &str {
        "m0033_keep_undecided_departures"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepUndecidedDepartures {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS {
            let column = ColumnDef::new(Alias::new(column)).boolean().not_null().default(false).take();
            manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).take()).await?;
        }
        // Records that wait for an operator are evaluated again, so that records of people who left are known.
        let again = Query::update()
            .table(Alias::new("mapper_records"))
            .value(Alias::new("evaluated_with"), crate::rows::STALE)
            .and_where(Expr::col(Alias::new("status")).eq("conflict"))
            .to_owned();
        manager.execute(again).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS {
            let column = Alias::new(column);
            manager.alter_table(Table::alter().table(Alias::new(table)).drop_column(column).take()).await?;
        }
        Ok(())
    }
}
