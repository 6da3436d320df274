//! Adds the limits on removals: held rows, removals that were carried out, pauses.

use sea_orm_migration::prelude::*;

use super::m0001::{flag_column, number_column, optional_text, text_column};

pub(super) struct AddSafety;

impl MigrationName for AddSafety {
    fn name(&self) -> &str {
        "m0002_add_safety"
    }
}

const RESOURCES: &str = "writer_resources";
const REMOVALS: &str = "writer_removals";
const CONTROLS: &str = "writer_controls";
const COLUMNS: [&str; 5] = ["planned", "removal", "held", "held_at", "approved_revision"];
const INDEXES: [(&str, &str, &[&str]); 3] = [
    ("writer_resources_removal", RESOURCES, &["target", "removal", "queued"]),
    ("writer_resources_status", RESOURCES, &["target", "status"]),
    ("writer_removals_at", REMOVALS, &["target", "at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for AddSafety {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            flag_column("planned").default(false).take(),
            flag_column("removal").default(false).take(),
            optional_text("held"),
            ColumnDef::new(Alias::new("held_at")).big_integer().take(),
            number_column("approved_revision").default(0).take(),
        ];
        for mut column in columns {
            let alter = Table::alter().table(Alias::new(RESOURCES)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table(Alias::new(REMOVALS))
                    .col(text_column("target"))
                    .col(text_column("kind"))
                    .col(text_column("subject"))
                    .col(number_column("at"))
                    .primary_key(Index::create().col("target").col("kind").col("subject").col("at"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Alias::new(CONTROLS))
                    .col(text_column("name").primary_key())
                    .col(optional_text("guard"))
                    .col(optional_text("paused_by"))
                    .col(optional_text("paused_why"))
                    .col(ColumnDef::new(Alias::new("paused_at")).big_integer())
                    .take(),
            )
            .await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(Alias::new(table)).to_owned()).await?;
        }
        for table in [CONTROLS, REMOVALS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        for column in COLUMNS {
            let alter = Table::alter().table(Alias::new(RESOURCES)).drop_column(Alias::new(column)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}
