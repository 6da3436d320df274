//! `mapper_feed_people`: who was last seen in which run of a full feed.

use sea_orm::entity::prelude::*;

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
    /// When that began; microseconds since the Unix epoch.
    pub(crate) run_at: i64,
    /// It listed them as somebody who is employed: when they are not listed any more, they left.
    pub(crate) employed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which of the keys are in the run already.
///
/// # Errors
/// As the database reports them.
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
        .map_err(store::StoreError::statement("read who is in a feed"))
}
