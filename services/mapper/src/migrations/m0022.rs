//! Findings: problems in people's data that an operator should look at. Everybody is evaluated again, so that existing
//! problems are listed.

use sea_orm_migration::prelude::*;

use crate::rows::STALE;

pub(super) struct KeepFindings;

const FINDINGS: &str = "mapper_findings";
const BY_KIND: &str = "mapper_findings_by_kind";

impl MigrationName for KeepFindings {
    fn name(&self) -> &str {
        "m0022_keep_findings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepFindings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let key = ["person", "kind", "target", "sender", "field"];
        let mut primary = Index::create();
        let mut table = Table::create().table(Alias::new(FINDINGS)).take();
        for column in key {
            table.col(text(column));
            primary.col(column);
        }
        let table = table
            .col(text("detail"))
            .col(ColumnDef::new(Alias::new("since")).big_integer().not_null())
            .primary_key(&mut primary)
            .take();
        manager.create_table(table).await?;
        let mut by_kind = Index::create().name(BY_KIND).table(Alias::new(FINDINGS)).take();
        for column in ["kind", "person", "target", "sender", "field"] {
            by_kind.col(column);
        }
        manager.create_index(by_kind).await?;
        let people = Query::update()
            .table(Alias::new("mapper_identities"))
            .value(Alias::new("evaluated_with"), STALE)
            .take();
        manager.exec_stmt(people).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(FINDINGS)).take()).await
    }
}
