//! Obligations: accounts that must be off, and the evidence for it.

use sea_orm_migration::prelude::*;

pub(super) struct KeepObligations;

const OBLIGATIONS: &str = "mapper_obligations";

/// Text columns that always have a value.
const TEXTS: [&str; 4] = ["target", "subject", "cause", "state"];
/// Number columns that always have a value.
const NUMBERS: [&str; 8] = [
    "received_at",
    "effective_at",
    "decided_at",
    "due_at",
    "verify_until",
    "revision",
    "version",
    "waiting_since",
];
const OPTIONAL_TEXTS: [&str; 3] = ["evidence", "waiting", "waiting_detail"];
const OPTIONAL_NUMBERS: [&str; 8] = [
    "said_at",
    "evidence_at",
    "verified_at",
    "reopened_at",
    "ended_at",
    "checked_at",
    "next_check_at",
    "alerted_at",
];

impl MigrationName for KeepObligations {
    fn name(&self) -> &str {
        "m0009_keep_obligations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepObligations {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table.table(Alias::new(OBLIGATIONS));
        table.col(ColumnDef::new(Alias::new("id")).text().not_null().primary_key());
        for name in TEXTS {
            table.col(ColumnDef::new(Alias::new(name)).text().not_null());
        }
        for name in NUMBERS {
            table.col(ColumnDef::new(Alias::new(name)).big_integer().not_null());
        }
        for name in OPTIONAL_TEXTS {
            table.col(ColumnDef::new(Alias::new(name)).text());
        }
        for name in OPTIONAL_NUMBERS {
            table.col(ColumnDef::new(Alias::new(name)).big_integer());
        }
        manager.create_table(table).await?;
        for (name, columns, unique) in [
            ("mapper_obligations_account", &["subject", "target", "revision"][..], true),
            ("mapper_obligations_state", &["state", "due_at", "id"], false),
            ("mapper_obligations_target", &["state", "target", "due_at"], false),
            ("mapper_obligations_check", &["next_check_at"], false),
            ("mapper_obligations_decided", &["decided_at", "id"], false),
        ] {
            let mut index = Index::create().name(name).table(Alias::new(OBLIGATIONS)).to_owned();
            for column in columns {
                index.col(Alias::new(*column));
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(OBLIGATIONS)).take()).await
    }
}
