//! `mapper_feeds`: runs of full feeds.

use feeds::FileCompletion;
use lifecycle::FeedRunState;
use sea_orm::entity::prelude::*;
use store::StoreError;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feeds")]
pub(crate) struct Model {
    /// A [`lifecycle::FeedRunId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) run: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) feed: String,
    /// The authenticated sender of its events; nothing in what was stored before that was kept.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) sender: Option<String>,
    /// When it began, the first time if it was begun several times; microseconds since the Unix epoch.
    pub(crate) run_at: i64,
    /// A [`FeedRunState`].
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// When the reading began whose completion is kept; nothing before the first.
    pub(crate) ended_at: Option<i64>,
    /// A [`FileCompletion`] as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) completion: Option<String>,
    /// Why it is held: a JSON array of texts.
    #[sea_orm(column_type = "Text")]
    pub(crate) reasons: String,
    /// Of how many it was said that they left.
    pub(crate) left_count: i64,
    /// Rows that said what they said before, and were only named.
    pub(crate) unchanged_count: i64,
    /// Rows that were named and not known.
    pub(crate) unresolved_count: i64,
    pub(crate) decided_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) who: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) why: Option<String>,
}

impl Model {
    /// Its state; what a newer version of this service wrote is nothing to act upon.
    pub(crate) fn state(&self) -> FeedRunState {
        FeedRunState::named(&self.state).unwrap_or(FeedRunState::Superseded)
    }

    /// What was seen of the file.
    pub(crate) fn completion(&self) -> Option<FileCompletion> {
        serde_json::from_str(self.completion.as_deref()?).ok()
    }

    /// Why it is held.
    pub(crate) fn reasons(&self) -> Vec<String> {
        serde_json::from_str(&self.reasons).unwrap_or_default()
    }
}

/// The newest run of a feed that was accepted.
///
/// # Errors
/// As the database reports them.
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
