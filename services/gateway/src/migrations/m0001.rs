//! Creates the tables of identity providers' resources, and the outbox.

use sea_orm_migration::prelude::*;

/// The migration that creates the tables of identity providers' resources.
pub(super) struct KeepScimResources;

impl MigrationName for KeepScimResources {
    fn name(&self) -> &str {
        "m0001_keep_scim_resources"
    }
}

const RESOURCES: &str = "gateway_scim_resources";
const MEMBERS: &str = "gateway_scim_members";

/// The name, table, columns and uniqueness of each index.
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
        manager.create_table(resource_table()).await?;
        manager.create_table(member_table()).await?;
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
        store::outbox::create_outbox(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::drop_outbox(manager, crate::SERVICE).await?;
        for table in [MEMBERS, RESOURCES] {
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

fn resource_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(RESOURCES))
        .col(text_column("id").primary_key())
        .col(text_column("source"))
        .col(text_column("kind"))
        .col(text_column("key"))
        .col(text_column("name"))
        .col(ColumnDef::new(Alias::new("external_id")).text())
        .col(text_column("attributes"))
        .col(ColumnDef::new(Alias::new("employed")).boolean().not_null())
        .col(number_column("version"))
        .col(number_column("created_at"))
        .col(number_column("changed_at"))
        .col(ColumnDef::new(Alias::new("answer_due_at")).big_integer())
        .take()
}

fn member_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(MEMBERS))
        .col(text_column("group_id"))
        .col(text_column("member_id"))
        .primary_key(Index::create().col("group_id").col("member_id"))
        .take()
}
