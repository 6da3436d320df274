//! The time of the next change of a person that an operator would call a change.

use sea_orm_migration::prelude::*;

pub(super) struct KeepSchedule;

const IDENTITIES: &str = "mapper_identities";
const INDEX: &str = "mapper_identities_scheduled";

impl MigrationName for KeepSchedule {
    fn name(&self) -> &str {
        "m0006_keep_schedule"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepSchedule {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new("scheduled_at")).big_integer().take();
        manager.alter_table(Table::alter().table(Alias::new(IDENTITIES)).add_column(column).take()).await?;
        // Never later than the actual time. It is corrected when that time comes.
        let fill = Query::update()
            .table(Alias::new(IDENTITIES))
            .value(Alias::new("scheduled_at"), Expr::col(Alias::new("next_due_at")))
            .to_owned();
        manager.execute(fill).await?;
        let mut index = Index::create().name(INDEX).table(Alias::new(IDENTITIES)).to_owned();
        index.col(Alias::new("scheduled_at")).col(Alias::new("key"));
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table(Alias::new(IDENTITIES)).to_owned()).await?;
        let column = Alias::new("scheduled_at");
        manager.alter_table(Table::alter().table(Alias::new(IDENTITIES)).drop_column(column).take()).await
    }
}
