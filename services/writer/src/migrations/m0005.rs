//! The requests that failed for a resource or a membership, for its dead letter; dead letters that are tried again, many
//! at a time; and what drifts in the same way again and again.

use sea_orm_migration::prelude::*;

use super::m0001::{number, optional_text, text};

pub(super) struct AddReplays;

impl MigrationName for AddReplays {
    fn name(&self) -> &str {
        "m0005_add_replays"
    }
}

const COLUMNS: [(&str, &str); 4] = [
    ("writer_resources", "failures"),
    ("writer_resources", "drift"),
    ("writer_edges", "failures"),
    ("writer_dead", "failure_group"),
];
const REPLAYS: &str = "writer_replays";
const LETTERS: &str = "writer_replay_letters";

#[async_trait::async_trait]
impl MigrationTrait for AddReplays {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS {
            let mut column = optional_text(column);
            let alter = Table::alter().table(Alias::new(table)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        manager.create_table(replays()).await?;
        let letters = Table::create()
            .table(Alias::new(LETTERS))
            .col(text("replay"))
            .col(text("letter"))
            .primary_key(Index::create().col("replay").col("letter"))
            .take();
        manager.create_table(letters).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [LETTERS, REPLAYS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        for (table, column) in COLUMNS {
            let alter = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

fn replays() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(REPLAYS))
        .col(text("id").primary_key())
        .col(text("state"))
        .col(optional_text("target"))
        .col(optional_text("failure_group"))
        .col(ColumnDef::new(Alias::new("per_second")).big_integer())
        .col(number("total"))
        .col(number("done"))
        .col(text("outcomes"))
        .col(text("who"))
        .col(text("why"))
        .col(number("started_at"))
        .col(ColumnDef::new(Alias::new("ended_at")).big_integer())
        .col(optional_text("runner"))
        .col(number("runner_until"))
        .take()
}
