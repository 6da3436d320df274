//! Adds the value that a resource waits for and another one has, and the keys by which that one is found. Also replaces
//! the index of waiting references by a smaller one.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct AddClaims;

impl MigrationName for AddClaims {
    fn name(&self) -> &str {
        "m0008_add_claims"
    }
}

const RESOURCES: &str = "writer_resources";
const AWAITS: &str = "writer_resources_awaits";
const COLUMNS: [&str; 4] = ["waits_for", "waiting", "name_key", "mail_key"];
/// Indexes of the rows that have a value in the column.
const PARTIAL: [(&str, &str); 4] = [
    ("writer_resources_waits_for", "waits_for"),
    ("writer_resources_name_key", "name_key"),
    ("writer_resources_mail_key", "mail_key"),
    (AWAITS, "awaits"),
];

#[async_trait::async_trait]
impl MigrationTrait for AddClaims {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let mut column = optional_text(column);
            let alter = Table::alter().table(Alias::new(RESOURCES)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        drop_index(manager, AWAITS).await?;
        for (name, column) in PARTIAL {
            let sql =
                format!("CREATE INDEX {name} ON {RESOURCES} (target, {column}) WHERE {column} IS NOT NULL");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in PARTIAL {
            drop_index(manager, name).await?;
        }
        let mut awaits = Index::create();
        awaits.name(AWAITS).table(Alias::new(RESOURCES)).col(Alias::new("target")).col(Alias::new("awaits"));
        manager.create_index(awaits.take()).await?;
        for column in COLUMNS {
            let alter = Table::alter().table(Alias::new(RESOURCES)).drop_column(Alias::new(column)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

async fn drop_index(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table(Alias::new(RESOURCES)).to_owned()).await
}
