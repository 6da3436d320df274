//! Obligations of memberships: the group that a person must not be in. Also the chain of all changes of obligations.

use sea_orm_migration::prelude::*;

pub(super) struct KeepMembershipObligations;

const OBLIGATIONS: &str = "mapper_obligations";
const MEMBER_OF: &str = "member_of";
/// An account that is kept by policy twice has two obligations of one revision.
const OLD_INDEX: &str = "mapper_obligations_account";
const NEW_INDEX: &str = "mapper_obligations_subject";

const CHAIN: &str = "mapper_chain";
const HEADS: &str = "mapper_chain_heads";

fn chain_table() -> TableCreateStatement {
    let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
    Table::create()
        .table(Alias::new(CHAIN))
        .col(ColumnDef::new(Alias::new("sequence")).big_integer().not_null().primary_key())
        .col(ColumnDef::new(Alias::new("at")).big_integer().not_null())
        .col(text("kind"))
        .col(text("about"))
        .col(text("entry"))
        .col(text("before"))
        .col(text("hash"))
        .take()
}

fn head_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(HEADS))
        .col(ColumnDef::new(Alias::new("name")).text().not_null().primary_key())
        .col(ColumnDef::new(Alias::new("sequence")).big_integer().not_null())
        .col(ColumnDef::new(Alias::new("hash")).text().not_null())
        .take()
}

/// The chain begins empty.
fn first_head() -> InsertStatement {
    let columns = ["name", "sequence", "hash"].map(Alias::new);
    let values: [SimpleExpr; 3] = ["chain".into(), 0_i64.into(), "".into()];
    Query::insert().into_table(Alias::new(HEADS)).columns(columns).values_panic(values).take()
}

impl MigrationName for KeepMembershipObligations {
    fn name(&self) -> &str {
        "m0029_keep_membership_obligations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepMembershipObligations {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new(MEMBER_OF)).text().not_null().default("").take();
        manager.alter_table(Table::alter().table(Alias::new(OBLIGATIONS)).add_column(column).take()).await?;
        manager.drop_index(Index::drop().name(OLD_INDEX).table(Alias::new(OBLIGATIONS)).to_owned()).await?;
        let index = Index::create()
            .name(NEW_INDEX)
            .table(Alias::new(OBLIGATIONS))
            .col(Alias::new("subject"))
            .col(Alias::new("ended_at"))
            .take();
        manager.create_index(index).await?;
        manager.create_table(chain_table()).await?;
        manager.create_table(head_table()).await?;
        manager.execute(first_head()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [HEADS, CHAIN] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        manager.drop_index(Index::drop().name(NEW_INDEX).table(Alias::new(OBLIGATIONS)).to_owned()).await?;
        let index = Index::create()
            .name(OLD_INDEX)
            .table(Alias::new(OBLIGATIONS))
            .col(Alias::new("subject"))
            .col(Alias::new("target"))
            .col(Alias::new("revision"))
            .take();
        manager.create_index(index).await?;
        let column = Alias::new(MEMBER_OF);
        manager.alter_table(Table::alter().table(Alias::new(OBLIGATIONS)).drop_column(column).take()).await
    }
}
