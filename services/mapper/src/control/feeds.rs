//! Runs of full feeds, for operators.

use lifecycle::{
    ControlError, DecideFeedRequest, FEED_RUNS_MAX, FeedFile, FeedRunState, FeedRunStatus, FeedsReply,
    FeedsRequest, MISSING_NAMED_MAX, UndecidedFeed,
};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use time::OffsetDateTime;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::now;
use crate::rows::{feed_departure, feed_run, feed_unread};
use crate::runs::{RunDecision, decide_run, query};

/// The reason why a run with messages in the quarantine cannot be accepted.
const UNREAD: &str = "messages of the run could not be read, and the missing people may be in them: see `usher quarantine ls`; \
                      retry them once their cause is gone, send the file again, or reject the run";

impl MapperControl {
    /// Answers `feeds`: lists runs of full feeds, newest first. A request for one run includes the keys of missing people.
    pub(super) async fn feeds(&self, request: &FeedsRequest) -> Result<FeedsReply, MapperRefusal> {
        let mut query = feed_run::Entity::find();
        if let Some(feed) = &request.feed {
            query = query.filter(feed_run::Column::Feed.eq(feed));
        }
        if let Some(run) = &request.run {
            query = query.filter(feed_run::Column::Run.eq(run.as_str()));
        }
        if let Some(cursor) = &request.cursor {
            query = query.filter(runs_after(cursor)?);
        }
        let limit = request.limit.clamp(1, FEED_RUNS_MAX);
        let mut rows = query
            .order_by_desc(feed_run::Column::RunAt)
            .order_by_desc(feed_run::Column::Run)
            .limit(limit + 1)
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read runs of feeds"))?;
        let more = store::cut_to_limit(&mut rows, limit);
        let cursor = |row: &feed_run::Model| serde_json::json!([row.run_at, row.run]).to_string();
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        let mut runs = Vec::with_capacity(rows.len());
        for row in rows {
            runs.extend(self.told(&row, request.run.is_some()).await?);
        }
        if let (Some(run), true) = (&request.run, runs.is_empty()) {
            return Err(wrong_request(format!("there is no run {run}: `usher feed ls` lists them")));
        }
        Ok(FeedsReply { items: runs, next_cursor })
    }

    /// Answers `decide_feed`: accepts or rejects a held run.
    pub(super) async fn decide_feed(
        &self,
        request: &DecideFeedRequest,
    ) -> Result<FeedRunStatus, MapperRefusal> {
        let run = request.run.as_str();
        let row = self.feed_run(run).await?;
        if let Some(fault) = row.fault().filter(|_| request.accept || row.state().is_err()) {
            return Err(wrong_request(fault));
        }
        let state = row.state()?;
        if state != FeedRunState::Held {
            return Err(wrong_request(format!(
                "the run {run} is not held, it is {}: {}",
                state.as_str(),
                state_hint(state)
            )));
        }
        let (to, outcome) = match request.accept {
            true => (FeedRunState::Accepted, "accepted"),
            false => (FeedRunState::Rejected, "rejected"),
        };
        if request.accept {
            can_be_accepted(&row)?;
            if self.unread(&row).await? > 0 {
                return Err(wrong_request(UNREAD));
            }
            self.is_as_shown(&row, request.people).await?;
        }
        let (who, why) = (request.actor.who.as_str(), request.actor.why.as_str());
        let decision = RunDecision { to, outcome, reasons: Vec::new(), who, why };
        if !decide_run(&self.parts.store, &self.parts.relay, &row, decision).await? {
            return Err(wrong_request("the run changed at the same time: check it with `usher feed show`"));
        }
        tracing::info!(run, feed = row.feed, who, outcome, "a full feed was decided about");
        let told = self.told(&self.feed_run(run).await?, true).await?;
        told.ok_or_else(|| wrong_request("the run cannot be shown any more"))
    }

    /// Checks that as many people leave as the operator was shown.
    async fn is_as_shown(&self, row: &feed_run::Model, shown: Option<u64>) -> Result<(), MapperRefusal> {
        let reader = self.parts.store.reader();
        let leaving = feed_departure::count_people(reader, Some(&row.run)).await?;
        let people = query::count_missing(reader, row).await? + leaving;
        if shown == Some(people) {
            return Ok(());
        }
        let run = &row.run;
        Err(MapperRefusal::Wrong(ControlError::changed_since_shown(match shown {
            Some(shown) => format!(
                "the run {run} has changed since it was shown: {people} people leave with it, not {shown}; nothing was \
                 accepted: look again with `usher feed show {run}`"
            ),
            None => format!(
                "a decision covers the run that was shown, with the number of people who leave: look first with \
                 `usher feed show {run}`, then say it with --people (`people` in the API)"
            ),
        })))
    }

    /// Reads a run, or refuses the request.
    async fn feed_run(&self, run: &str) -> Result<feed_run::Model, MapperRefusal> {
        let row = feed_run::Entity::find_by_id(run).one(self.parts.store.reader()).await;
        let row = row.map_err(StoreError::statement("read a run of a feed"))?;
        row.ok_or_else(|| wrong_request(format!("there is no run {run}: `usher feed ls` lists them")))
    }

    /// Returns the number of messages of the run that are in the quarantine.
    async fn unread(&self, row: &feed_run::Model) -> Result<u64, StoreError> {
        Ok(feed_unread::of_run(self.parts.store.reader(), &row.run).await?.len() as u64)
    }

    /// Returns the status of a run, or `None` if a newer version of this service named it in a form that this one cannot parse.
    async fn told(
        &self,
        row: &feed_run::Model,
        with_keys: bool,
    ) -> Result<Option<FeedRunStatus>, MapperRefusal> {
        let Ok(run) = row.run.parse() else { return Ok(None) };
        let reader = self.parts.store.reader();
        let state = row.shown_state();
        let undecided = [FeedRunState::Open, FeedRunState::Merging, FeedRunState::Held].contains(&state);
        let (mut merged, mut missing, mut missing_keys) = (0, 0, Vec::new());
        let leaving = feed_departure::count_people(reader, Some(&row.run)).await?;
        let leaving_keys = match with_keys {
            true => feed_departure::keys(reader, &row.run, MISSING_NAMED_MAX).await?,
            false => Vec::new(),
        };
        let unread = self.unread(row).await?;
        // Counts of settled runs are read on request only: they scan all people who were listed since.
        if undecided || with_keys {
            merged = query::count_merged(reader, row).await?;
            missing = query::count_missing(reader, row).await?;
        }
        if with_keys && missing > 0 {
            missing_keys = query::missing_keys(reader, row, MISSING_NAMED_MAX).await?;
        }
        // If it cannot be read, the reasons say so.
        let file = row.completion().ok().flatten().map(|completion| FeedFile {
            rows: completion.seen.rows,
            bad_rows: completion.seen.bad_rows,
            people: completion.seen.keys_distinct,
            complete: completion.seen.complete,
        });
        let begun_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.run_at) * 1_000);
        Ok(Some(FeedRunStatus {
            feed: row.feed.clone(),
            run,
            begun_at: begun_at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            state,
            file,
            merged,
            missing,
            missing_keys,
            leaving,
            leaving_keys,
            left: u64::try_from(row.left_count).unwrap_or_default(),
            unchanged: u64::try_from(row.unchanged_count).unwrap_or_default(),
            unresolved: u64::try_from(row.unresolved_count).unwrap_or_default(),
            unread,
            reasons: row.reasons(),
            who: row.who.clone(),
            why: row.why.clone().filter(|why| !why.is_empty()),
        }))
    }
}

/// Returns the condition for runs after the last one of a page, newest first.
fn runs_after(cursor: &str) -> Result<Condition, MapperRefusal> {
    let (run_at, run): (i64, String) =
        serde_json::from_str(cursor).map_err(|_| MapperRefusal::Wrong(ControlError::wrong_cursor()))?;
    let same_time = feed_run::Column::RunAt.eq(run_at).and(feed_run::Column::Run.lt(run));
    Ok(Condition::any().add(feed_run::Column::RunAt.lt(run_at)).add(same_time))
}

/// A run that is open or merging for longer than this is no longer considered in progress.
const ON_ITS_WAY_MAX: time::Duration = time::Duration::hours(1);
/// The number of most recent runs of a feed that are examined.
const RUNS_LOOKED_AT: u64 = 20;

/// Returns the full feeds whose last file was not decided about: it is held, its end never arrived, or it is older than the
/// file before it.
pub(super) async fn undecided(connection: &impl ConnectionTrait) -> Result<Vec<UndecidedFeed>, StoreError> {
    let moment = |micros: i64| {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
        at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    let open = [FeedRunState::Open, FeedRunState::Merging].map(FeedRunState::as_str);
    let is_older = feed_run::Column::State
        .eq(FeedRunState::Superseded.as_str())
        .and(feed_run::Column::DecidedAt.is_not_null());
    let is_wanted = feed_run::Column::State.is_in(open).or(feed_run::waits_for_operator()).or(is_older);
    let failed = StoreError::statement("read undecided runs of feeds");
    let feeds: Vec<String> = feed_run::Entity::find()
        .select_only()
        .column(feed_run::Column::Feed)
        .distinct()
        .filter(is_wanted.clone())
        .order_by_asc(feed_run::Column::Feed)
        .into_tuple()
        .all(connection)
        .await
        .map_err(&failed)?;
    let mut undecided = Vec::new();
    for feed in feeds {
        let last = feed_run::last_accepted(connection, &feed).await?;
        let rows = feed_run::Entity::find()
            .filter(feed_run::Column::Feed.eq(&feed))
            .filter(is_wanted.clone())
            .order_by_desc(feed_run::Column::RunAt)
            .limit(RUNS_LOOKED_AT)
            .all(connection)
            .await
            .map_err(&failed)?;
        let is_undecided = |row: &feed_run::Model| {
            let state = row.shown_state();
            let is_on_its_way = matches!(state, FeedRunState::Open | FeedRunState::Merging)
                && moment(row.run_at) > now() - ON_ITS_WAY_MAX;
            // A file that was accepted later contains everything that this one said.
            let is_settled = match state {
                FeedRunState::Superseded => {
                    last.as_ref().is_some_and(|last| last.decided_at > row.decided_at)
                }
                // No decision supersedes a run whose state is not known.
                _ => row.state().is_err() && last.as_ref().is_some_and(|last| last.run_at > row.run_at),
            };
            !is_on_its_way && !is_settled
        };
        if let Some(row) = rows.into_iter().find(is_undecided) {
            let (state, begun_at) = (row.shown_state(), moment(row.run_at));
            let accepted_at = last.map(|last| moment(last.run_at));
            undecided.push(UndecidedFeed { feed, run: row.run, state, begun_at, accepted_at });
        }
    }
    Ok(undecided)
}

/// Checks that an operator may accept the run. An operator may overrule a guard only: a file that is known to be incomplete
/// does not tell which people are missing.
fn can_be_accepted(row: &feed_run::Model) -> Result<(), MapperRefusal> {
    let Some(seen) = row.completion()?.map(|completion| completion.seen) else {
        return Err(wrong_request("it is not known what was in the file: send it again"));
    };
    if !seen.complete || seen.checksum_ok == Some(false) {
        return Err(wrong_request(
            "the file is incomplete, so missing people may be in the rest: send the whole file",
        ));
    }
    if seen.keys_distinct == 0 {
        return Err(wrong_request("the file lists no people: an empty file never means that everybody left"));
    }
    Ok(())
}

/// The hint for an operator who tries to decide about a run in this state.
fn state_hint(state: FeedRunState) -> &'static str {
    match state {
        FeedRunState::Open => "its end was never sent; send the file again",
        FeedRunState::Merging => "not all of its rows are merged yet; wait, or send the file again",
        FeedRunState::Held => "decide",
        FeedRunState::Accepted => "the missing people have left already",
        FeedRunState::Rejected => "an operator rejected it; send the right file",
        FeedRunState::Superseded => "a newer run took its place; look at that one",
    }
}
