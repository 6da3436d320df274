//! What is known, what was asked for, and the outbox.

use sea_orm_migration::prelude::*;

pub(super) struct CreateTables;

impl MigrationName for CreateTables {
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
impl MigrationTrait for CreateTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [inbox(), poison(), subjects("mapper_identities"), subjects("mapper_groups"), edges(), desired()]
        {
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
        store::outbox::create(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::drop(manager, crate::SERVICE).await?;
        for table in TABLES {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

fn text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

fn number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn optional_number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().take()
}

fn inbox() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_inbox"))
        .col(text("event_id").primary_key())
        .col(number("sequence"))
        .col(number("received_at"))
        .take()
}

fn poison() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_poison"))
        .col(text("message").primary_key())
        .col(text("error"))
        .col(number("at"))
        .take()
}

fn subjects(name: &str) -> TableCreateStatement {
    Table::create()
        .table(Alias::new(name))
        .col(text("key").primary_key())
        .col(number("revision"))
        .col(text("state"))
        .col(optional_number("next_due_at"))
        .col(text("evaluated_with"))
        .take()
}

fn edges() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_edges"))
        .col(text("group_key"))
        .col(text("member_key"))
        .col(number("version"))
        .col(text("state"))
        .col(ColumnDef::new(Alias::new("present")).boolean().not_null())
        .col(number("revision"))
        .col(optional_number("next_due_at"))
        .primary_key(Index::create().col("group_key").col("member_key"))
        .take()
}

fn desired() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("mapper_desired"))
        .col(text("target"))
        .col(text("kind"))
        .col(text("subject"))
        .col(number("revision"))
        .col(text("state"))
        .col(text("desired"))
        .primary_key(Index::create().col("target").col("kind").col("subject"))
        .take()
}
