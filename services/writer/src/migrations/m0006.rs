//! Adds groups in groups: the membership as the mapper sent it, apart from the one that follows for the target. Also adds
//! the policy for orphans.

use sea_orm_migration::prelude::*;

use super::m0001::{flag_column, optional_text};

pub(super) struct AddNested;

impl MigrationName for AddNested {
    fn name(&self) -> &str {
        "m0006_add_nested"
    }
}

const EDGES: &str = "writer_edges";
const CONTROLS: &str = "writer_controls";
const ORPHANS: &str = "orphans";
const COLUMNS: [&str; 3] = ["told", "through_groups", "is_group"];

#[async_trait::async_trait]
impl MigrationTrait for AddNested {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let mut column = flag_column(column).default(false).take();
            let alter = Table::alter().table(Alias::new(EDGES)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        let mut orphans = optional_text(ORPHANS);
        let alter = Table::alter().table(Alias::new(CONTROLS)).add_column(&mut orphans).take();
        manager.alter_table(alter).await?;
        let told = Query::update()
            .table(Alias::new(EDGES))
            .value(Alias::new("told"), Expr::col(Alias::new("desired")))
            .to_owned();
        manager.execute(told).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let alter = Table::alter().table(Alias::new(CONTROLS)).drop_column(Alias::new(ORPHANS)).take();
        manager.alter_table(alter).await?;
        for column in COLUMNS {
            let alter = Table::alter().table(Alias::new(EDGES)).drop_column(Alias::new(column)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}
