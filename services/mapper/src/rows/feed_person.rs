//! `mapper_feed_people`: the run of a full feed in which each person was last seen.

use sea_orm::entity::prelude::*;

/// One person in one full feed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feed_people")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) feed: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// The newest run that lists the person.
    #[sea_orm(column_type = "Text")]
    pub(crate) run: String,
    /// The time at which that run began; microseconds since the Unix epoch.
    pub(crate) run_at: i64,
    /// `true` if the run lists the person as employed. If a later run does not list the person, the person left.
    pub(crate) employed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns those of the keys that the run lists already.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn listed_in(
    connection: &impl ConnectionTrait,
    feed: &str,
    run: &str,
    keys: &[&str],
) -> Result<Vec<String>, store::StoreError> {
    use sea_orm::QuerySelect as _;
    Entity::find()
        .select_only()
        .column(Column::Key)
        .filter(Column::Feed.eq(feed))
        .filter(Column::Key.is_in(keys.iter().copied()))
        .filter(Column::Run.eq(run))
        .into_tuple()
        .all(connection)
        .await
        .map_err(store::StoreError::statement("read the people in a feed"))
}
