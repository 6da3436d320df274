//! Login names by which operators find people. Everybody is evaluated again, which writes the names of those who are known.

use sea_orm_migration::prelude::*;

use crate::rows::STALE;

pub(super) struct KeepLogins;

const LOGINS: &str = "mapper_logins";

impl MigrationName for KeepLogins {
    fn name(&self) -> &str {
        "m0034_keep_logins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepLogins {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let table = Table::create()
            .table(Alias::new(LOGINS))
            .col(text("login"))
            .col(text("target"))
            .col(text("person"))
            .primary_key(Index::create().col("login").col("target").col("person"))
            .take();
        manager.create_table(table).await?;
        let by_person = Index::create()
            .name("mapper_logins_by_person")
            .table(Alias::new(LOGINS))
            .col(Alias::new("person"))
            .to_owned();
        manager.create_index(by_person).await?;
        let people = Query::update()
            .table(Alias::new("mapper_identities"))
            .value(Alias::new("evaluated_with"), STALE)
            .take();
        manager.execute(people).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(LOGINS)).take()).await
    }
}
