//! Verbs `decide_held` and `pause`: takes the decisions of operators.

mod list;

use std::collections::{BTreeSet, HashSet};

use lifecycle::{DecideHeldReply, DecideHeldRequest, Fact, HeldBy, PauseReply, PauseRequest};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::WriterControl;
use crate::guard::group_limit;
use crate::guard::safety;
use crate::rows::control::PauseScope;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{resource, save_resources};
use crate::{micros, now};

/// The number of rows to decide per statement.
const PAGE: u64 = 1_000;
/// The statuses that an operator can approve or reject: held for an operator, or waiting for another row.
const STATUSES: [RowStatus; 2] = [RowStatus::Held, RowStatus::Waiting];

impl WriterControl {
    /// Approves or rejects the named rows, or all rows that match the request.
    pub(super) async fn decide_held(
        &self,
        request: &DecideHeldRequest,
    ) -> Result<DecideHeldReply, StoreError> {
        let tx = self.store.begin().await?;
        let mut news = TransactionFacts::default();
        let mut reply = DecideHeldReply::default();
        match &request.subjects {
            Some(subjects) => {
                let named: BTreeSet<&String> = subjects.iter().collect();
                let named: Vec<&String> = named.into_iter().collect();
                for some in named.chunks(ROWS_PER_STATEMENT_MAX) {
                    let rows = held_rows(&tx, request, Some(some)).await?;
                    let found: BTreeSet<&String> = rows.iter().map(|row| &row.subject).collect();
                    let others: Vec<String> =
                        some.iter().filter(|s| !found.contains(*s)).map(|s| (*s).clone()).collect();
                    // A request for one reason does not see what is held for another: it cannot say that only
                    // memberships are held.
                    let with_memberships = match &request.by {
                        None => group_limit::members_held(&tx, &request.target, &others).await?,
                        Some(_) => HashSet::new(),
                    };
                    let (only_memberships, not_held) =
                        others.into_iter().partition(|subject| with_memberships.contains(subject));
                    reply.only_memberships.extend::<Vec<String>>(only_memberships);
                    reply.not_held.extend::<Vec<String>>(not_held);
                    reply.decided += decide_rows(&tx, rows, request, &mut news).await?;
                }
            }
            None => loop {
                let rows = held_rows(&tx, request, None).await?;
                if rows.is_empty() {
                    break;
                }
                reply.decided += decide_rows(&tx, rows, request, &mut news).await?;
            },
        }
        self.commit(tx, news).await?;
        self.wake_ups.values().for_each(|wake_up| wake_up.notify_one());
        Ok(reply)
    }

    /// Pauses or resumes a target. An operator's pause covers everything.
    pub(super) async fn pause(&self, request: &PauseRequest) -> Result<PauseReply, StoreError> {
        let PauseRequest { target, paused, actor } = request;
        let tx = self.store.begin().await?;
        let mut news = TransactionFacts::default();
        let by = paused.then_some((actor.who.as_str(), actor.why.as_str()));
        let was_paused = safety::pause_target(&tx, target, by, PauseScope::Everything, &mut news).await?;
        if !paused && was_paused {
            safety::tell_paused(target, "resumed", &actor.who, &actor.why, micros(now()), &mut news);
        }
        self.commit(tx, news).await?;
        if let Some(wake_up) = self.wake_ups.get(target) {
            wake_up.notify_one();
        }
        Ok(PauseReply { was_paused })
    }
}

/// Loads and locks the rows to decide: the named ones, or the next page.
async fn held_rows(
    tx: &DatabaseTransaction,
    request: &DecideHeldRequest,
    subjects: Option<&[&String]>,
) -> Result<Vec<resource::Model>, StoreError> {
    let mut query = resource::Entity::find()
        .filter(resource::Column::Target.eq(&request.target))
        .filter(resource::Column::Status.is_in(STATUSES))
        .filter(
            resource::Column::Held
                .is_null()
                .or(resource::Column::Held.is_in(HeldBy::ALL.map(HeldBy::as_str))),
        );
    if let Some(by) = request.by {
        query = query.filter(resource::Column::Held.eq(by.as_str()));
    }
    if let Some(subjects) = subjects {
        query = query.filter(resource::Column::Subject.is_in(subjects.iter().map(|s| s.as_str())));
    } else {
        query = query.limit(PAGE);
    }
    query.lock_exclusive().all(tx).await.map_err(StoreError::statement("read what is held"))
}

/// Queues approved rows, sets rejected ones to rest, and adds the facts about the decision.
async fn decide_rows(
    tx: &DatabaseTransaction,
    mut rows: Vec<resource::Model>,
    request: &DecideHeldRequest,
    news: &mut TransactionFacts,
) -> Result<u64, StoreError> {
    let now = micros(now());
    for row in &mut rows {
        if request.approve {
            if *row.status() == RowStatus::Held {
                row.approved_revision = row.desired_revision;
            }
            row.attempts = 0;
            row.last_error = None;
            row.enqueue(RowStatus::Pending, now);
        } else {
            row.reject();
            row.last_error = Some(format!("rejected by {}: {}", request.actor.who, request.actor.why));
        }
        let outcome = if request.approve { "approved" } else { "rejected" };
        let id = format!("hdc:{}:{}:{}:{}:{now}", row.target, row.kind, row.subject, row.desired_revision);
        let fact = Fact::HeldDecided {
            target: row.target.clone(),
            kind: row.kind(),
            revision: row.desired_revision,
            outcome: outcome.to_owned(),
            who: request.actor.who.clone(),
            why: request.actor.why.clone(),
        };
        news.tell(id, &row.subject, row.trace(), fact);
    }
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    save_resources(tx, rows).await?;
    Ok(count)
}
