//! Adds the people that accounts refer to, with the resolved ids, and groups that may still list the id of an account that is gone.

use lifecycle::DesiredState;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use super::m0001::{number_column, optional_text, text_column};

pub(super) struct AddReferences;

impl MigrationName for AddReferences {
    fn name(&self) -> &str {
        "m0009_add_references"
    }
}

const REFERENCES: &str = "writer_references";
const LEFTOVERS: &str = "writer_leftovers";
/// The number of rows that are read at once.
const PAGE: u64 = 1_000;

#[async_trait::async_trait]
impl MigrationTrait for AddReferences {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let references = Table::create()
            .table(Alias::new(REFERENCES))
            .col(text_column("target"))
            .col(text_column("subject"))
            .col(text_column("person"))
            .col(optional_text("remote_id"))
            .primary_key(Index::create().col("target").col("subject").col("person"))
            .take();
        manager.create_table(references).await?;
        let mut index = Index::create();
        index.name("writer_references_person").table(Alias::new(REFERENCES));
        for column in ["target", "person"] {
            index.col(Alias::new(column));
        }
        manager.create_index(index.take()).await?;
        let leftovers = Table::create()
            .table(Alias::new(LEFTOVERS))
            .col(text_column("target"))
            .col(text_column("group_subject"))
            .col(text_column("member_id"))
            .col(text_column("member_subject"))
            .col(number_column("next_attempt_at"))
            .col(ColumnDef::new(Alias::new("attempts")).integer().not_null())
            .primary_key(Index::create().col("target").col("group_subject").col("member_id"))
            .take();
        manager.create_table(leftovers).await?;
        read_what_is_there(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [LEFTOVERS, REFERENCES] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

/// Stores the references of existing accounts. The ids that they resolved to are unknown: they are checked when the
/// person that they name changes.
async fn read_what_is_there(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let (mut target, mut subject) = (String::new(), String::new());
    loop {
        let page = Query::select()
            .columns([Alias::new("target"), Alias::new("subject"), Alias::new("desired")])
            .from(Alias::new("writer_resources"))
            .and_where(Expr::col(Alias::new("kind")).eq("user"))
            .and_where(
                Expr::tuple([Expr::col(Alias::new("target")), Expr::col(Alias::new("subject"))])
                    .gt(Expr::tuple([Expr::value(target.clone()), Expr::value(subject.clone())])),
            )
            .order_by(Alias::new("target"), Order::Asc)
            .order_by(Alias::new("subject"), Order::Asc)
            .limit(PAGE)
            .to_owned();
        let rows = db.query_all(&page).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        (target, subject) = (last.try_get("", "target")?, last.try_get("", "subject")?);
        let mut insert = Query::insert();
        insert.into_table(Alias::new(REFERENCES)).columns([
            Alias::new("target"),
            Alias::new("subject"),
            Alias::new("person"),
        ]);
        let mut any = false;
        for row in &rows {
            let (of, who, desired): (String, String, String) =
                (row.try_get("", "target")?, row.try_get("", "subject")?, row.try_get("", "desired")?);
            let Ok(DesiredState::User(account)) = serde_json::from_str(&desired) else { continue };
            let people: std::collections::BTreeSet<String> = account.references.into_values().collect();
            for person in people {
                insert.values_panic([of.clone().into(), who.clone().into(), person.into()]);
                any = true;
            }
        }
        if any {
            db.execute(&insert).await?;
        }
    }
}
