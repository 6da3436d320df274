//! The first tables.

use sea_orm_migration::prelude::*;

pub(super) struct CreateTables;

impl MigrationName for CreateTables {
    fn name(&self) -> &str {
        "m0001_create_tables"
    }
}

pub(super) const TABLES: [&str; 4] = ["writer_targets", "writer_resources", "writer_edges", "writer_dead"];

#[async_trait::async_trait]
impl MigrationTrait for CreateTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(targets()).await?;
        manager.create_table(resources()).await?;
        manager.create_table(edges()).await?;
        manager.create_table(dead()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index.take()).await?;
        }
        store::outbox::create(manager, crate::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::drop(manager, crate::facts::SERVICE).await?;
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

pub(super) fn text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

pub(super) fn optional_text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().take()
}

pub(super) fn number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn small(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).small_integer().not_null().take()
}

pub(super) fn flag(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).boolean().not_null().take()
}

fn integer(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).integer().not_null().take()
}

fn targets() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_targets"))
        .col(text("name").primary_key())
        .col(optional_text("owner"))
        .col(number("epoch"))
        .col(number("lease_until"))
        .take()
}

fn resources() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_resources"))
        .col(text("target"))
        .col(text("kind"))
        .col(text("subject"))
        .col(text("status"))
        .col(flag("queued"))
        .col(small("lane"))
        .col(number("next_attempt_at"))
        .col(integer("attempts"))
        .col(number("desired_revision"))
        .col(text("desired"))
        .col(optional_text("event"))
        .col(optional_text("trace"))
        .col(number("accepted_at"))
        .col(number("applied_revision"))
        .col(optional_text("applied"))
        .col(optional_text("remote_id"))
        .col(flag("in_doubt"))
        .col(optional_text("awaits"))
        .col(optional_text("last_error"))
        .col(optional_text("dead_letter"))
        .primary_key(Index::create().col("target").col("kind").col("subject"))
        .take()
}

fn edges() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_edges"))
        .col(text("target"))
        .col(text("group_subject"))
        .col(text("member_subject"))
        .col(text("status"))
        .col(flag("queued"))
        .col(small("lane"))
        .col(number("next_attempt_at"))
        .col(integer("attempts"))
        .col(number("revision"))
        .col(flag("desired"))
        .col(flag("applied"))
        .col(flag("alone"))
        .col(optional_text("trace"))
        .col(number("accepted_at"))
        .col(optional_text("last_error"))
        .col(optional_text("dead_letter"))
        .primary_key(Index::create().col("target").col("group_subject").col("member_subject"))
        .take()
}

fn dead() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("writer_dead"))
        .col(text("id").primary_key())
        .col(text("target"))
        .col(text("kind"))
        .col(text("subject"))
        .col(optional_text("member"))
        .col(number("revision"))
        .col(text("state"))
        .col(number("created_at"))
        .take()
}
