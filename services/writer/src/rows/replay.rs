//! `writer_replays`: operations that retry many dead letters.

use std::collections::BTreeMap;

use lifecycle::{Fact, ReplayRun, ReplayState};
use sea_orm::entity::prelude::*;
use store::StoreError;

use crate::moment_of;
use crate::rows::facts::TransactionFacts;

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_replays")]
pub(crate) struct Model {
    /// A [`lifecycle::ReplayId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) id: String,
    /// A [`ReplayState`].
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) target: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failure_group: Option<String>,
    pub(crate) per_second: Option<i64>,
    pub(crate) total: i64,
    pub(crate) done: i64,
    /// The number of letters by outcome, as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) outcomes: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) who: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
    /// The time at which it started; microseconds since the Unix epoch.
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    /// The replica that works on it.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) runner: Option<String>,
    /// The time until which no other replica works on it; microseconds since the Unix epoch.
    pub(crate) runner_until: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the operation as an operator sees it, or `None` if another version wrote it.
    pub(crate) fn run(&self) -> Option<ReplayRun> {
        Some(ReplayRun {
            id: self.id.parse().ok()?,
            state: ReplayState::named(&self.state)?,
            target: self.target.clone(),
            group: self.failure_group.clone(),
            per_second: self.per_second.and_then(|number| u32::try_from(number).ok()),
            total: u64::try_from(self.total).unwrap_or(0),
            done: u64::try_from(self.done).unwrap_or(0),
            outcomes: serde_json::from_str(&self.outcomes).ok()?,
            who: self.who.clone(),
            why: self.why.clone(),
            started: moment_of(self.started_at),
            ended: self.ended_at.map(moment_of),
        })
    }

    pub(crate) fn outcomes(&self) -> BTreeMap<String, u64> {
        serde_json::from_str(&self.outcomes).unwrap_or_default()
    }

    /// Adds the fact that the operation began or ended.
    pub(crate) fn tell(&self, outcome: &'static str, who: &str, why: &str, news: &mut TransactionFacts) {
        let Some(run) = self.run() else { return };
        let subject = format!("replay:{}", self.id);
        let fact = Fact::ReplayRun {
            replay: run.id,
            outcome: outcome.to_owned(),
            target: run.target,
            total: run.total,
            done: run.done,
            who: who.to_owned(),
            why: why.to_owned(),
        };
        news.tell(format!("rpr:{}:{outcome}", self.id), &subject, None, fact);
    }
}

/// Returns the operations that are under way.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn running_replays(connection: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    use sea_orm::QueryOrder;
    let rows = Entity::find()
        .filter(Column::State.eq(ReplayState::Running.as_str()))
        .order_by_asc(Column::Id)
        .all(connection)
        .await;
    rows.map_err(StoreError::statement("read which dead letters are tried again"))
}
