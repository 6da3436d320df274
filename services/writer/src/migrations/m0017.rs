//! Adds memberships that are read back once more after a change of owner, and indexes of the rows to read back.

use sea_orm_migration::prelude::*;

pub(super) struct AddSecondLooks;

impl MigrationName for AddSecondLooks {
    fn name(&self) -> &str {
        "m0017_add_second_looks"
    }
}

const EDGES: &str = "writer_edges";
const COLUMN: &str = "look_again_at";
const INDEXES: [(&str, &str); 2] =
    [("writer_resources_look_again_at", "writer_resources"), ("writer_edges_look_again_at", EDGES)];

#[async_trait::async_trait]
impl MigrationTrait for AddSecondLooks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new(Alias::new(COLUMN)).big_integer().take();
        manager.alter_table(Table::alter().table(Alias::new(EDGES)).add_column(&mut column).take()).await?;
        for (name, table) in INDEXES {
            let sql = format!("CREATE INDEX {name} ON {table} (target, {COLUMN}) WHERE {COLUMN} IS NOT NULL");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(Alias::new(table)).to_owned()).await?;
        }
        let alter = Table::alter().table(Alias::new(EDGES)).drop_column(Alias::new(COLUMN)).take();
        manager.alter_table(alter).await
    }
}
