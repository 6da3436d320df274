//! What identity providers see, and the outbox.

use sea_orm_migration::prelude::*;

pub(super) struct KeepScimResources;

impl MigrationName for KeepScimResources {
    fn name(&self) -> &str {
        "m0001_keep_scim_resources"
    }
}

const RESOURCES: &str = "gateway_scim_resources";
const MEMBERS: &str = "gateway_scim_members";

/// Name, table, columns, whether unique.
const INDEXES: [(&str, &str, &[&str], bool); 5] = [
    ("gateway_scim_resources_key", RESOURCES, &["source", "kind", "key"], true),
    ("gateway_scim_resources_name", RESOURCES, &["source", "kind", "name"], true),
    ("gateway_scim_resources_external", RESOURCES, &["source", "kind", "external_id"], false),
    ("gateway_scim_resources_page", RESOURCES, &["source", "kind", "id"], false),
    ("gateway_scim_members_member", MEMBERS, &["member_id"], false),
];

#[async_trait::async_trait]
impl MigrationTrait for KeepScimResources {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(resources()).await?;
        manager.create_table(members()).await?;
        for (name, table, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table));
            if unique {
                index.unique();
            }
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index.take()).await?;
        }
        store::outbox::create(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::drop(manager, crate::SERVICE).await?;
        for table in [MEMBERS, RESOURCES] {
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

fn resources() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(RESOURCES))
        .col(text("id").primary_key())
        .col(text("source"))
        .col(text("kind"))
        .col(text("key"))
        .col(text("name"))
        .col(ColumnDef::new(Alias::new("external_id")).text())
        .col(text("attributes"))
        .col(ColumnDef::new(Alias::new("employed")).boolean().not_null())
        .col(number("version"))
        .col(number("created_at"))
        .col(number("changed_at"))
        .col(ColumnDef::new(Alias::new("answer_due_at")).big_integer())
        .take()
}

fn members() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(MEMBERS))
        .col(text("group_id"))
        .col(text("member_id"))
        .primary_key(Index::create().col("group_id").col("member_id"))
        .take()
}
