//! Tables of the read model, all prefixed `console_`. Times are microseconds since the Unix epoch.

use sea_orm_migration::prelude::*;

/// Brings the console's tables up and down.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(ReadModel),
            Box::new(MoreOfDeadLetters),
            Box::new(KeepQuarantine),
            Box::new(KeepPositions),
            Box::new(KeepGeneration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "console_migrations".into_iden()
    }
}

/// One row per fact; `body` is the fact as JSON, `step` orders facts of the same instant.
#[derive(DeriveIden)]
pub(crate) enum Timeline {
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

/// Every login name (lower case) that a person ever had at a target.
#[derive(DeriveIden)]
pub(crate) enum People {
    #[sea_orm(iden = "console_people")]
    Table,
    Subject,
    UserName,
    At,
}

/// Dead letters. A closing fact that comes first leaves a row without details, so that its state wins later.
#[derive(Clone, Copy, DeriveIden)]
pub(crate) enum DeadLetters {
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

struct KeepQuarantine;

impl MigrationName for KeepQuarantine {
    fn name(&self) -> &str {
        "0003_keep_quarantine"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepQuarantine {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::create(manager, crate::quarantine::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::drop(manager, crate::quarantine::SERVICE).await
    }
}

struct ReadModel;

impl MigrationName for ReadModel {
    fn name(&self) -> &str {
        "0001_read_model"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ReadModel {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(timeline()).await?;
        let by_subject = Index::create()
            .name("console_timeline_subject_at")
            .table(Timeline::Table)
            .col(Timeline::Subject)
            .col(Timeline::At)
            .take();
        manager.create_index(by_subject).await?;
        let by_age =
            Index::create().name("console_timeline_at").table(Timeline::Table).col(Timeline::At).take();
        manager.create_index(by_age).await?;
        manager.create_table(people()).await?;
        let by_name = Index::create()
            .name("console_people_user_name")
            .table(People::Table)
            .col(People::UserName)
            .col(People::At)
            .take();
        manager.create_index(by_name).await?;
        manager.create_table(dead_letters()).await?;
        let by_state = Index::create()
            .name("console_dead_letters_state_target_at")
            .table(DeadLetters::Table)
            .col(DeadLetters::State)
            .col(DeadLetters::Target)
            .col(DeadLetters::At)
            .take();
        manager.create_index(by_state).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DeadLetters::Table).take()).await?;
        manager.drop_table(Table::drop().table(People::Table).take()).await?;
        manager.drop_table(Table::drop().table(Timeline::Table).take()).await
    }
}

fn timeline() -> TableCreateStatement {
    Table::create()
        .table(Timeline::Table)
        .col(ColumnDef::new(Timeline::Id).text().not_null().primary_key())
        .col(ColumnDef::new(Timeline::At).big_integer().not_null())
        .col(ColumnDef::new(Timeline::Step).small_integer().not_null())
        .col(ColumnDef::new(Timeline::Subject).text().not_null())
        .col(ColumnDef::new(Timeline::Service).text().not_null())
        .col(ColumnDef::new(Timeline::Fact).text().not_null())
        .col(ColumnDef::new(Timeline::Target).text())
        .col(ColumnDef::new(Timeline::TraceId).text())
        .col(ColumnDef::new(Timeline::Body).text().not_null())
        .take()
}

fn people() -> TableCreateStatement {
    Table::create()
        .table(People::Table)
        .col(ColumnDef::new(People::Subject).text().not_null())
        .col(ColumnDef::new(People::UserName).text().not_null())
        .col(ColumnDef::new(People::At).big_integer().not_null())
        .primary_key(Index::create().col(People::Subject).col(People::UserName))
        .take()
}

fn dead_letters() -> TableCreateStatement {
    Table::create()
        .table(DeadLetters::Table)
        .col(ColumnDef::new(DeadLetters::Id).text().not_null().primary_key())
        .col(ColumnDef::new(DeadLetters::State).text().not_null())
        .col(ColumnDef::new(DeadLetters::Target).text())
        .col(ColumnDef::new(DeadLetters::Kind).text())
        .col(ColumnDef::new(DeadLetters::Subject).text())
        .col(ColumnDef::new(DeadLetters::Revision).big_integer())
        .col(ColumnDef::new(DeadLetters::Operation).text())
        .col(ColumnDef::new(DeadLetters::Class).text())
        .col(ColumnDef::new(DeadLetters::Error).text())
        .col(ColumnDef::new(DeadLetters::Attempts).integer())
        .col(ColumnDef::new(DeadLetters::Exchange).text())
        .col(ColumnDef::new(DeadLetters::At).big_integer())
        .col(ColumnDef::new(DeadLetters::ClosedAt).big_integer())
        .col(ColumnDef::new(DeadLetters::ClosedBy).text())
        .col(ColumnDef::new(DeadLetters::Why).text())
        .col(ColumnDef::new(DeadLetters::Outcome).text())
        .take()
}

/// How much of the journal the database contains.
struct KeepPositions;

impl MigrationName for KeepPositions {
    fn name(&self) -> &str {
        "0003_keep_positions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepPositions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::create(manager, crate::DURABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::drop(manager, crate::DURABLE).await
    }
}

/// How often the installation was restored.
struct KeepGeneration;

impl MigrationName for KeepGeneration {
    fn name(&self) -> &str {
        "0006_keep_generation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepGeneration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::add_generation(manager, crate::DURABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::remove_generation(manager, crate::DURABLE).await
    }
}

/// What else is kept of dead letters.
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
            let alter = Table::alter().table(DeadLetters::Table).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in MORE {
            let alter = Table::alter().table(DeadLetters::Table).drop_column(column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

const MORE: [DeadLetters; 2] = [DeadLetters::MemberOf, DeadLetters::Failures];
