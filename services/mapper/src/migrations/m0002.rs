//! Managers of people, and settings that all replicas share.

use sea_orm_migration::prelude::*;

pub(super) struct KeepManagers;

const IDENTITIES: &str = "mapper_identities";
const SETTINGS: &str = "mapper_settings";
const INDEX: &str = "mapper_identities_manager";
/// No policy has this fingerprint, so everybody is decided about once more, which fills in `manager`. It differs from the
/// mark of stale rows, so that an upgrade stays in the backfill lane.
const BEFORE: &str = "before m0002";

impl MigrationName for KeepManagers {
    fn name(&self) -> &str {
        "m0002_keep_managers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepManagers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new("manager")).text().take();
        manager.alter_table(Table::alter().table(Alias::new(IDENTITIES)).add_column(column).take()).await?;
        let index =
            Index::create().name(INDEX).table(Alias::new(IDENTITIES)).col(Alias::new("manager")).take();
        manager.create_index(index).await?;
        for table in [IDENTITIES, "mapper_groups"] {
            let mark = Query::update()
                .table(Alias::new(table))
                .value(Alias::new("evaluated_with"), BEFORE)
                .to_owned();
            manager.execute(mark).await?;
        }
        let settings = Table::create()
            .table(Alias::new(SETTINGS))
            .col(ColumnDef::new(Alias::new("name")).text().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("value")).text().not_null())
            .take();
        manager.create_table(settings).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(SETTINGS)).take()).await?;
        manager.drop_index(Index::drop().name(INDEX).table(Alias::new(IDENTITIES)).to_owned()).await?;
        let column = Alias::new("manager");
        manager.alter_table(Table::alter().table(Alias::new(IDENTITIES)).drop_column(column).take()).await
    }
}
