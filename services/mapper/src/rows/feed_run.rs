//! `mapper_feeds`: runs of full feeds.

use feeds::FileCompletion;
use lifecycle::{FeedRunId, FeedRunState};
use sea_orm::entity::prelude::*;
use store::StoreError;

use super::{decode_state, decode_word};

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
    /// Returns the state.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] for a state that only a newer version knows. Such a run is left as it is, and listed
    /// as one that waits for an operator.
    pub(crate) fn state(&self) -> Result<FeedRunState, StoreError> {
        decode_word(FeedRunState::named, &self.state, &self.run)
    }

    /// Returns the state for operators: a run whose state cannot be read counts as held.
    pub(crate) fn shown_state(&self) -> FeedRunState {
        self.state().unwrap_or(FeedRunState::Held)
    }

    /// Returns the completion of the file, if it has arrived.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] if it cannot be read.
    pub(crate) fn completion(&self) -> Result<Option<FileCompletion>, StoreError> {
        self.completion.as_deref().map(|json| decode_state(json, &self.run)).transpose()
    }

    /// Returns the reasons why it is held, and the part of it that cannot be read.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = serde_json::from_str(&self.reasons).unwrap_or_else(|_| {
            vec!["the reasons why it is held cannot be read: another version wrote them".to_owned()]
        });
        reasons.extend(self.fault().filter(|fault| !reasons.contains(fault)));
        reasons
    }

    /// Returns the error for a run whose id has a form that this version does not know.
    pub(crate) fn unknown_run(&self) -> StoreError {
        let source = serde::de::Error::custom("a run id of another version");
        StoreError::Unreadable { of: self.run.clone(), source }
    }

    /// Returns the part of the run that this version cannot read, as the reason why nothing is done about it.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.run.parse::<FeedRunId>().is_err() {
            return Some("its id is of another version of Usher, so this one leaves it as it is".to_owned());
        }
        if self.state().is_err() {
            return Some(format!(
                "its state `{}` is of another version of Usher, so this one leaves it as it is",
                self.state
            ));
        }
        self.completion().is_err().then(|| {
            "what was in its file cannot be read: another version of Usher wrote it; send the file again"
                .to_owned()
        })
    }
}

/// Returns the condition for runs that wait for an operator: held ones, and those whose state this version does not know.
pub(crate) fn waits_for_operator() -> sea_orm::sea_query::SimpleExpr {
    let others = FeedRunState::ALL.into_iter().filter(|state| *state != FeedRunState::Held);
    Column::State.is_not_in(others.map(FeedRunState::as_str))
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
