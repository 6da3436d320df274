//! Tables of people, groups, memberships, desired states and the outbox.

use sea_orm_migration::prelude::*;

pub(super) struct CreateMapperTables;

impl MigrationName for CreateMapperTables {
    fn name(&self) -> &str {
        "m0001_create_tables"
    }
}

const TABLES: [&str; 6] =
    ["mapper_inbox", "mapper_poison", "mapper_identities", "mapper_groups", "mapper_edges", "mapper_desired"];

const INDEXES: [(&str, &str, &[&str]); 8] = [
    ("mapper_inbox_received", "mapper_inbox", &["received_at"]),
    ("mapper_identities_due", "mapper_identities", &["next_due_at"]),
    ("mapper_identities_evaluated", "mapper_identities", &["evaluated_with"]),
    ("mapper_groups_due", "mapper_groups", &["next_due_at"]),
    ("mapper_groups_evaluated", "mapper_groups", &["evaluated_with"]),
    ("mapper_edges_due", "mapper_edges", &["next_due_at"]),
    ("mapper_edges_member", "mapper_edges", &["member_key", "present"]),
    ("mapper_desired_subject", "mapper_desired", &["kind", "subject"]),
];

#[async_trait::async_trait]
impl MigrationTrait for CreateMapperTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            inbox_table(),
            poison_table(),
            subject_table("mapper_identities"),
            subject_table("mapper_groups"),
            edge_table(),
            desired_table(),
        ] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index.take()).await?;
        }
        store::outbox::create_outbox(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::drop_outbox(manager, crate::SERVICE).await?;
        for table in TABLES {
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

fn optional_number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().take()
}

fn inbox_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_inbox"))
        .col(text_column("event_id").primary_key())
        .col(number_column("sequence"))
        .col(number_column("received_at"))
        .take()
}

fn poison_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_poison"))
        .col(text_column("message").primary_key())
        .col(text_column("error"))
        .col(number_column("at"))
        .take()
}

fn subject_table(name: &str) -> TableCreateStatement {
    Table::create()
        .table(Alias::new(name))
        .col(text_column("key").primary_key())
        .col(number_column("revision"))
        .col(text_column("state"))
        .col(optional_number("next_due_at"))
        .col(text_column("evaluated_with"))
        .take()
}

fn edge_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_edges"))
        .col(text_column("group_key"))
        .col(text_column("member_key"))
        .col(number_column("version"))
        .col(text_column("state"))
        .col(ColumnDef::new(Alias::new("present")).boolean().not_null())
        .col(number_column("revision"))
        .col(optional_number("next_due_at"))
        .primary_key(Index::create().col("group_key").col("member_key"))
        .take()
}

fn desired_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_desired"))
        .col(text_column("target"))
        .col(text_column("kind"))
        .col(text_column("subject"))
        .col(number_column("revision"))
        .col(text_column("state"))
        .col(text_column("desired"))
        .primary_key(Index::create().col("target").col("kind").col("subject"))
        .take()
}
