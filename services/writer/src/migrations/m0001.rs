//! Creates the first tables.

use sea_orm_migration::prelude::*;

pub(super) struct CreateWriterTables;

impl MigrationName for CreateWriterTables {
    fn name(&self) -> &str {
        "m0001_create_tables"
    }
}

pub(super) const TABLES: [&str; 4] = ["writer_targets", "writer_resources", "writer_edges", "writer_dead"];

#[async_trait::async_trait]
impl MigrationTrait for CreateWriterTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(target_table()).await?;
        manager.create_table(resource_table()).await?;
        manager.create_table(edge_table()).await?;
        manager.create_table(dead_letter_table()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index.take()).await?;
        }
        store::outbox::create_outbox(manager, crate::rows::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::drop_outbox(manager, crate::rows::facts::SERVICE).await?;
        for table in TABLES {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

const INDEXES: [(&str, &str, &[&str]); 6] = [
    ("writer_resources_link", "writer_resources", &["target", "remote_id"]),
    ("writer_resources_queue", "writer_resources", &["target", "queued", "lane", "next_attempt_at"]),
    ("writer_resources_awaits", "writer_resources", &["target", "awaits"]),
    ("writer_edges_queue", "writer_edges", &["target", "queued", "group_subject"]),
    ("writer_edges_member", "writer_edges", &["target", "member_subject"]),
    ("writer_edges_status", "writer_edges", &["target", "status"]),
];

pub(super) fn text_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

pub(super) fn optional_text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().take()
}

pub(super) fn number_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn small_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).small_integer().not_null().take()
}

pub(super) fn flag_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).boolean().not_null().take()
}

fn integer_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).integer().not_null().take()
}

fn target_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_targets"))
        .col(text_column("name").primary_key())
        .col(optional_text("owner"))
        .col(number_column("epoch"))
        .col(number_column("lease_until"))
        .take()
}

fn resource_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_resources"))
        .col(text_column("target"))
        .col(text_column("kind"))
        .col(text_column("subject"))
        .col(text_column("status"))
        .col(flag_column("queued"))
        .col(small_column("lane"))
        .col(number_column("next_attempt_at"))
        .col(integer_column("attempts"))
        .col(number_column("desired_revision"))
        .col(text_column("desired"))
        .col(optional_text("event"))
        .col(optional_text("trace"))
        .col(number_column("accepted_at"))
        .col(number_column("applied_revision"))
        .col(optional_text("applied"))
        .col(optional_text("remote_id"))
        .col(flag_column("in_doubt"))
        .col(optional_text("awaits"))
        .col(optional_text("last_error"))
        .col(optional_text("dead_letter"))
        .primary_key(Index::create().col("target").col("kind").col("subject"))
        .take()
}

fn edge_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_edges"))
        .col(text_column("target"))
        .col(text_column("group_subject"))
        .col(text_column("member_subject"))
        .col(text_column("status"))
        .col(flag_column("queued"))
        .col(small_column("lane"))
        .col(number_column("next_attempt_at"))
        .col(integer_column("attempts"))
        .col(number_column("revision"))
        .col(flag_column("desired"))
        .col(flag_column("applied"))
        .col(flag_column("alone"))
        .col(optional_text("trace"))
        .col(number_column("accepted_at"))
        .col(optional_text("last_error"))
        .col(optional_text("dead_letter"))
        .primary_key(Index::create().col("target").col("group_subject").col("member_subject"))
        .take()
}

fn dead_letter_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_dead"))
        .col(text_column("id").primary_key())
        .col(text_column("target"))
        .col(text_column("kind"))
        .col(text_column("subject"))
        .col(optional_text("member"))
        .col(number_column("revision"))
        .col(text_column("state"))
        .col(number_column("created_at"))
        .take()
}
