//! `mapper_feeds`: runs of full feeds.

use feeds::FileCompletion;
use lifecycle::FeedRunState;
use sea_orm::entity::prelude::*;
use store::StoreError;

/// One run of a full feed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feeds")]
pub(crate) struct Model {
    /// A [`lifecycle::FeedRunId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) run: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) feed: String,
    /// The authenticated sender of its events; `None` in rows that were written before this was stored.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) sender: Option<String>,
    /// The time at which it began, the first one if it began several times; microseconds since the Unix epoch.
    pub(crate) run_at: i64,
    /// A [`FeedRunState`].
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The time at which the reading with the stored completion began; `None` before the first completion.
    pub(crate) ended_at: Option<i64>,
    /// A [`FileCompletion`] as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) completion: Option<String>,
    /// The reasons why it is held: a JSON array of texts.
    #[sea_orm(column_type = "Text")]
    pub(crate) reasons: String,
    /// The number of people whose departure the run caused.
    pub(crate) left_count: i64,
    /// The number of rows that repeated their content, and were only named.
    pub(crate) unchanged_count: i64,
    /// The number of rows that were named but not known.
    pub(crate) unresolved_count: i64,
    pub(crate) decided_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) who: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) why: Option<String>,
}

impl Model {
    /// Returns the state. A state that a newer version of this service wrote counts as superseded, so that nothing acts upon it.
    pub(crate) fn state(&self) -> FeedRunState {
        FeedRunState::named(&self.state).unwrap_or(FeedRunState::Superseded)
    }

    /// Returns the completion of the file.
    pub(crate) fn completion(&self) -> Option<FileCompletion> {
        serde_json::from_str(self.completion.as_deref()?).ok()
    }

    /// Returns the reasons why it is held.
    pub(crate) fn reasons(&self) -> Vec<String> {
        serde_json::from_str(&self.reasons).unwrap_or_default()
    }
}

/// Returns the newest accepted run of a feed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn last_accepted(
    connection: &impl ConnectionTrait,
    feed: &str,
) -> Result<Option<Model>, StoreError> {
    use sea_orm::{QueryOrder as _, QuerySelect as _};
    Entity::find()
        .filter(Column::Feed.eq(feed))
        .filter(Column::State.eq(FeedRunState::Accepted.as_str()))
        .order_by_desc(Column::RunAt)
        .limit(1)
        .one(connection)
        .await
        .map_err(StoreError::statement("read runs of a feed"))
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
