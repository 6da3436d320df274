//! Indirect memberships: people in a group through other groups.

use sea_orm_migration::prelude::*;

pub(super) struct KeepIndirectMembers;

const EDGES: &str = "mapper_edges";
/// No policy has this fingerprint, so everybody is decided about once more, which fills in `indirect`.
const BEFORE: &str = "before m0004";

impl MigrationName for KeepIndirectMembers {
    fn name(&self) -> &str {
        "m0004_keep_indirect_members"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepIndirectMembers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new("indirect")).boolean().not_null().default(false).take();
        manager.alter_table(Table::alter().table(Alias::new(EDGES)).add_column(column).take()).await?;
        let mark = Query::update()
            .table(Alias::new("mapper_identities"))
            .value(Alias::new("evaluated_with"), BEFORE)
            .to_owned();
        manager.execute(mark).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new("indirect");
        manager.alter_table(Table::alter().table(Alias::new(EDGES)).drop_column(column).take()).await
    }
}
