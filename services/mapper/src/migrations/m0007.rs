//! Several sources for one person: records that are matched with people, and the values that match them.

use sea_orm_migration::prelude::*;

pub(super) struct KeepRecords;

const RECORDS: &str = "mapper_records";
const VALUES: &str = "mapper_match_values";
const VERDICTS: &str = "mapper_verdicts";
const IDENTITIES: &str = "mapper_identities";

impl MigrationName for KeepRecords {
    fn name(&self) -> &str {
        "m0007_keep_records"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepRecords {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let records = Table::create()
            .table(Alias::new(RECORDS))
            .col(text_column("source"))
            .col(text_column("key"))
            .col(number_column("revision"))
            .col(text_column("state"))
            .col(text_column("matched"))
            .col(ColumnDef::new(Alias::new("person")).text())
            .col(text_column("status"))
            .col(text_column("reason"))
            .col(text_column("candidates"))
            .col(number_column("since"))
            .col(ColumnDef::new(Alias::new("next_due_at")).big_integer())
            .col(text_column("evaluated_with"))
            .primary_key(Index::create().col("source").col("key"))
            .take();
        manager.create_table(records).await?;
        for (name, columns) in [
            ("mapper_records_status", &["status", "since"][..]),
            ("mapper_records_due", &["next_due_at"]),
            ("mapper_records_evaluated", &["evaluated_with"]),
        ] {
            let mut index = Index::create().name(name).table(Alias::new(RECORDS)).to_owned();
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index).await?;
        }
        let values = Table::create()
            .table(Alias::new(VALUES))
            .col(text_column("attribute"))
            .col(text_column("value"))
            .col(number_column("revision"))
            .col(text_column("people"))
            .col(text_column("records"))
            .primary_key(Index::create().col("attribute").col("value"))
            .take();
        manager.create_table(values).await?;
        let verdicts = Table::create()
            .table(Alias::new(VERDICTS))
            .col(text_column("source"))
            .col(text_column("key"))
            .col(text_column("person"))
            .col(ColumnDef::new(Alias::new("same")).boolean().not_null())
            .col(number_column("at"))
            .col(text_column("who"))
            .col(text_column("why"))
            .primary_key(Index::create().col("source").col("key").col("person"))
            .take();
        manager.create_table(verdicts).await?;
        let column = ColumnDef::new(Alias::new("matched")).text().not_null().default("[]").take();
        manager.alter_table(Table::alter().table(Alias::new(IDENTITIES)).add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new("matched");
        manager.alter_table(Table::alter().table(Alias::new(IDENTITIES)).drop_column(column).take()).await?;
        for table in [VERDICTS, VALUES, RECORDS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

fn text_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

fn number_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}
