//! The migrations of the read model's tables, all prefixed `console_`. The rows are in [`crate::rows`].

use sea_orm_migration::prelude::*;

/// Name of the service in tables and ids.
pub(crate) const SERVICE: &str = "console";

/// The migrations of the console's tables.
#[derive(Debug)]
pub struct ConsoleMigrator;

#[async_trait::async_trait]
impl MigratorTrait for ConsoleMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(CreateReadModel),
            Box::new(MoreOfDeadLetters),
            Box::new(CreateConsoleQuarantine),
            Box::new(CreateConsolePositions),
            Box::new(AddConsoleGeneration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "console_migrations".into_iden()
    }
}

#[derive(DeriveIden)]
enum TimelineTable {
    #[sea_orm(iden = "console_timeline")]
    Table,
    Id,
    At,
    Step,
    Subject,
    Service,
    Fact,
    Target,
    TraceId,
    Body,
}

#[derive(DeriveIden)]
enum LoginNameTable {
    #[sea_orm(iden = "console_people")]
    Table,
    Subject,
    UserName,
    At,
}

#[derive(Clone, Copy, DeriveIden)]
enum DeadLetterTable {
    #[sea_orm(iden = "console_dead_letters")]
    Table,
    Id,
    State,
    Target,
    Kind,
    Subject,
    Revision,
    Operation,
    Class,
    Error,
    Attempts,
    Exchange,
    At,
    ClosedAt,
    ClosedBy,
    Why,
    Outcome,
    MemberOf,
    Failures,
}

struct CreateConsoleQuarantine;

impl MigrationName for CreateConsoleQuarantine {
    fn name(&self) -> &str {
        "0003_keep_quarantine"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateConsoleQuarantine {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::create_quarantine(manager, SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::drop_quarantine(manager, SERVICE).await
    }
}

struct CreateReadModel;

impl MigrationName for CreateReadModel {
    fn name(&self) -> &str {
        "0001_read_model"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateReadModel {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(timeline_table()).await?;
        let by_subject = Index::create()
            .name("console_timeline_subject_at")
            .table(TimelineTable::Table)
            .col(TimelineTable::Subject)
            .col(TimelineTable::At)
            .take();
        manager.create_index(by_subject).await?;
        let by_age = Index::create()
            .name("console_timeline_at")
            .table(TimelineTable::Table)
            .col(TimelineTable::At)
            .take();
        manager.create_index(by_age).await?;
        manager.create_table(people_table()).await?;
        let by_name = Index::create()
            .name("console_people_user_name")
            .table(LoginNameTable::Table)
            .col(LoginNameTable::UserName)
            .col(LoginNameTable::At)
            .take();
        manager.create_index(by_name).await?;
        manager.create_table(dead_letters()).await?;
        let by_state = Index::create()
            .name("console_dead_letters_state_target_at")
            .table(DeadLetterTable::Table)
            .col(DeadLetterTable::State)
            .col(DeadLetterTable::Target)
            .col(DeadLetterTable::At)
            .take();
        manager.create_index(by_state).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DeadLetterTable::Table).take()).await?;
        manager.drop_table(Table::drop().table(LoginNameTable::Table).take()).await?;
        manager.drop_table(Table::drop().table(TimelineTable::Table).take()).await
    }
}

fn timeline_table() -> TableCreateStatement {
    Table::create()
        .table(TimelineTable::Table)
        .col(ColumnDef::new(TimelineTable::Id).text().not_null().primary_key())
        .col(ColumnDef::new(TimelineTable::At).big_integer().not_null())
        .col(ColumnDef::new(TimelineTable::Step).small_integer().not_null())
        .col(ColumnDef::new(TimelineTable::Subject).text().not_null())
        .col(ColumnDef::new(TimelineTable::Service).text().not_null())
        .col(ColumnDef::new(TimelineTable::Fact).text().not_null())
        .col(ColumnDef::new(TimelineTable::Target).text())
        .col(ColumnDef::new(TimelineTable::TraceId).text())
        .col(ColumnDef::new(TimelineTable::Body).text().not_null())
        .take()
}

fn people_table() -> TableCreateStatement {
    Table::create()
        .table(LoginNameTable::Table)
        .col(ColumnDef::new(LoginNameTable::Subject).text().not_null())
        .col(ColumnDef::new(LoginNameTable::UserName).text().not_null())
        .col(ColumnDef::new(LoginNameTable::At).big_integer().not_null())
        .primary_key(Index::create().col(LoginNameTable::Subject).col(LoginNameTable::UserName))
        .take()
}

fn dead_letters() -> TableCreateStatement {
    Table::create()
        .table(DeadLetterTable::Table)
        .col(ColumnDef::new(DeadLetterTable::Id).text().not_null().primary_key())
        .col(ColumnDef::new(DeadLetterTable::State).text().not_null())
        .col(ColumnDef::new(DeadLetterTable::Target).text())
        .col(ColumnDef::new(DeadLetterTable::Kind).text())
        .col(ColumnDef::new(DeadLetterTable::Subject).text())
        .col(ColumnDef::new(DeadLetterTable::Revision).big_integer())
        .col(ColumnDef::new(DeadLetterTable::Operation).text())
        .col(ColumnDef::new(DeadLetterTable::Class).text())
        .col(ColumnDef::new(DeadLetterTable::Error).text())
        .col(ColumnDef::new(DeadLetterTable::Attempts).integer())
        .col(ColumnDef::new(DeadLetterTable::Exchange).text())
        .col(ColumnDef::new(DeadLetterTable::At).big_integer())
        .col(ColumnDef::new(DeadLetterTable::ClosedAt).big_integer())
        .col(ColumnDef::new(DeadLetterTable::ClosedBy).text())
        .col(ColumnDef::new(DeadLetterTable::Why).text())
        .col(ColumnDef::new(DeadLetterTable::Outcome).text())
        .take()
}

/// Adds the positions up to which the database contains the journal.
struct CreateConsolePositions;

impl MigrationName for CreateConsolePositions {
    fn name(&self) -> &str {
        "0003_keep_positions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateConsolePositions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::create_tables(manager, crate::DURABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::drop_tables(manager, crate::DURABLE).await
    }
}

/// Adds the number of times that the installation was restored.
struct AddConsoleGeneration;

impl MigrationName for AddConsoleGeneration {
    fn name(&self) -> &str {
        "0006_keep_generation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddConsoleGeneration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::add_generation(manager, crate::DURABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::remove_generation(manager, crate::DURABLE).await
    }
}

/// Adds further columns to dead letters.
struct MoreOfDeadLetters;

impl MigrationName for MoreOfDeadLetters {
    fn name(&self) -> &str {
        "0002_more_of_dead_letters"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for MoreOfDeadLetters {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in MORE {
            let mut column = ColumnDef::new(column).text().take();
            let alter = Table::alter().table(DeadLetterTable::Table).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in MORE {
            let alter = Table::alter().table(DeadLetterTable::Table).drop_column(column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

const MORE: [DeadLetterTable; 2] = [DeadLetterTable::MemberOf, DeadLetterTable::Failures];
