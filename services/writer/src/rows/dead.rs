//! `writer_dead`: dead letters, as far as the writer needs them to replay or discard. The details for an operator are in the journal.

use sea_orm::entity::prelude::*;

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_dead")]
pub(crate) struct Model {
    /// A [`lifecycle::DeadLetterId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) id: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) target: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) kind: String,
    /// The key of the person or group.
    #[sea_orm(column_type = "Text")]
    pub(crate) subject: String,
    /// The key of the member, for a membership.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) member: Option<String>,
    /// The revision that was given up.
    pub(crate) revision: i64,
    /// [`OPEN`], [`REPLAYED`] or [`DISCARDED`].
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The time of the dead letter in microseconds since the Unix epoch.
    pub(crate) created_at: i64,
    /// The failure group: [`lifecycle::DeadLetter::group`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failure_group: Option<String>,
}

/// State: the letter waits for an operator.
pub(crate) const OPEN: &str = "open";
/// State: the letter was replayed.
pub(crate) const REPLAYED: &str = "replayed";
/// State: the letter was closed without a replay.
pub(crate) const DISCARDED: &str = "discarded";

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Records a dead letter. `group` is given for a membership, whose subject is the member.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn open_letter(
    tx: &sea_orm::DatabaseTransaction,
    letter: &lifecycle::DeadLetter,
    group: Option<&str>,
) -> Result<(), store::StoreError> {
    use sea_orm::{ActiveModelTrait, IntoActiveModel};
    let (subject, member) = match group {
        Some(group) => (group.to_owned(), Some(letter.subject.clone())),
        None => (letter.subject.clone(), None),
    };
    let row = Model {
        id: letter.id.to_string(),
        target: letter.target.clone(),
        kind: letter.kind.as_str().to_owned(),
        subject,
        member,
        revision: letter.revision,
        state: OPEN.to_owned(),
        created_at: crate::micros(crate::now()),
        failure_group: Some(crate::rows::stored::stored_text(&letter.group())),
    };
    row.into_active_model()
        .reset_all()
        .insert(tx)
        .await
        .map_err(store::StoreError::statement("record a dead letter"))?;
    Ok(())
}

/// Closes those of the dead letters that are open.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn close_letters(
    tx: &sea_orm::DatabaseTransaction,
    ids: &[String],
    state: &'static str,
) -> Result<(), store::StoreError> {
    use sea_orm::{EntityTrait, QueryFilter};
    if ids.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .filter(Column::Id.is_in(ids))
        .filter(Column::State.eq(OPEN))
        .exec(tx)
        .await
        .map_err(store::StoreError::statement("close dead letters"))?;
    Ok(())
}
