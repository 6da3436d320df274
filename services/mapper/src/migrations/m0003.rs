//! Policies with their versions, and plans.

use sea_orm_migration::prelude::*;

pub(super) struct KeepPolicies;

const POLICIES: &str = "mapper_policies";
const FILES: &str = "mapper_policy_files";
const PLANS: &str = "mapper_plans";

impl MigrationName for KeepPolicies {
    fn name(&self) -> &str {
        "m0003_keep_policies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepPolicies {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let policies = Table::create()
            .table(Alias::new(POLICIES))
            .col(text_column("target"))
            .col(number_column("version"))
            .col(number_column("at"))
            .col(text_column("who"))
            .col(text_column("why"))
            .col(number_column("removals"))
            .col(text_column("policy"))
            .primary_key(Index::create().col("target").col("version"))
            .take();
        manager.create_table(policies).await?;
        let files = Table::create()
            .table(Alias::new(FILES))
            .col(text_column("target").primary_key())
            .col(text_column("fingerprint"))
            .take();
        manager.create_table(files).await?;
        let plans = Table::create()
            .table(Alias::new(PLANS))
            .col(text_column("id").primary_key())
            .col(text_column("target"))
            .col(text_column("state"))
            .col(number_column("done"))
            .col(number_column("total"))
            .col(ColumnDef::new(Alias::new("base_version")).big_integer())
            .col(text_column("policy"))
            .col(ColumnDef::new(Alias::new("person")).text())
            .col(ColumnDef::new(Alias::new("plan")).text())
            .col(ColumnDef::new(Alias::new("error")).text())
            .col(number_column("created_at"))
            .col(number_column("heartbeat"))
            .take();
        manager.create_table(plans).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [PLANS, FILES, POLICIES] {
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
