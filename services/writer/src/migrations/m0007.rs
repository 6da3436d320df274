//! Adds the notes that precede requests, the guard's permissions for them, and the evidence for accounts that are off.

use sea_orm_migration::prelude::*;

use super::m0001::{flag_column, number_column, optional_text, text_column};

pub(super) struct AddPermissions;

impl MigrationName for AddPermissions {
    fn name(&self) -> &str {
        "m0007_add_permissions"
    }
}

const RESOURCES: &str = "writer_resources";
const REMOVALS: &str = "writer_removals";
const TARGETS: &str = "writer_targets";
const INDEXES: [(&str, &[&str]); 2] = [
    ("writer_resources_access_change", &["target", "access_change"]),
    ("writer_resources_delete_at", &["target", "delete_at"]),
];

fn new_columns() -> [(&'static str, ColumnDef); 9] {
    let nullable = |name: &'static str| ColumnDef::new(Alias::new(name)).big_integer().take();
    [
        (RESOURCES, optional_text("access_change")),
        (RESOURCES, flag_column("reserved").default(false).take()),
        (RESOURCES, nullable("sending_epoch")),
        (RESOURCES, optional_text("off_evidence")),
        (RESOURCES, nullable("off_evidence_at")),
        (RESOURCES, nullable("delete_at")),
        (RESOURCES, optional_text("origin")),
        (REMOVALS, text_column("access_change").default("disable").take()),
        (TARGETS, number_column("noting_epoch").default(0).take()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for AddPermissions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, mut column) in new_columns() {
            let alter = Table::alter().table(Alias::new(table)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        for (name, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(Alias::new(RESOURCES));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index.take()).await?;
        }
        // Rows that wait or are held already keep counting.
        let counted = Expr::cust("removal").or(Expr::cust("held = 'guard'"));
        let waiting = Query::update()
            .table(Alias::new(RESOURCES))
            .value(
                Alias::new("access_change"),
                Expr::cust("CASE WHEN kind = 'group' OR desired LIKE '%\"state\":\"deleted\"%' THEN 'delete' ELSE 'disable' END"),
            )
            .and_where(counted)
            .to_owned();
        manager.execute(waiting).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(Alias::new(RESOURCES)).to_owned()).await?;
        }
        for (table, column) in new_columns() {
            let alter = Table::alter().table(Alias::new(table)).drop_column(column.get_column_name()).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}
