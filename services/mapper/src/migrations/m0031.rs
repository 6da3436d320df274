//! Logins of people who are off, by hash: a newcomer with one of these logins is held. Everybody is evaluated again, so that
//! the logins of people who are already off are known. Indexes: records by their match value, findings by their age.

use sea_orm_migration::prelude::*;

use crate::rows::STALE;

pub(super) struct KeepFormerLogins;

const LOGINS: &str = "mapper_former_logins";
/// Name, table and columns.
const INDEXES: [(&str, &str, &[&str]); 2] = [
    ("mapper_records_by_matched", "mapper_records", &["matched"]),
    ("mapper_findings_by_since", "mapper_findings", &["kind", "since"]),
];

impl MigrationName for KeepFormerLogins {
    fn name(&self) -> &str {
        "m0031_keep_former_logins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepFormerLogins {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let table = Table::create()
            .table(Alias::new(LOGINS))
            .col(text("login"))
            .col(text("person"))
            .primary_key(Index::create().col("login").col("person"))
            .take();
        manager.create_table(table).await?;
        let by_person = Index::create()
            .name("mapper_former_logins_by_person")
            .table(Alias::new(LOGINS))
            .col(Alias::new("person"))
            .to_owned();
        manager.create_index(by_person).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(Alias::new(table)).take();
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index).await?;
        }
        let people = Query::update()
            .table(Alias::new("mapper_identities"))
            .value(Alias::new("evaluated_with"), STALE)
            .take();
        manager.execute(people).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(Alias::new(table)).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table(Alias::new(LOGINS)).take()).await
    }
}
