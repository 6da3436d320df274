//! Operator verbs: replay, discard, status.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use bus::{Bus, ControlRequest};
use lifecycle::{
    ControlError, DeadLetterId, DiscardReply, DiscardRequest, Fact, Lane, ReplayOutcome, ReplayReply,
    ReplayRequest, ResourceKind, StatusReply, TargetStatus, verb,
};
use relay::Relay;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde::de::DeserializeOwned;
use store::{Store, StoreError};
use telemetry::Shutdown;

use crate::app::RunError;
use crate::facts::{News, SERVICE};
use crate::intake::Bells;
use crate::owner::describe;
use crate::pacer::Pacer;
use crate::rows::{
    dead, edge, load_edges, load_resources, resource, save_edges, save_resources, status, target,
};
use crate::{micros, now};

/// Dead letters per request.
const IDS_MAX: usize = 1_000;

/// Where the owners leave their pacers, by target.
pub(crate) type Circuits = HashMap<String, Arc<Mutex<Option<Pacer>>>>;

/// Answers operators.
pub(crate) struct Control {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: Relay,
    pub(crate) bells: Bells,
    pub(crate) circuits: Circuits,
}

impl Control {
    /// Answers until shutdown.
    ///
    /// # Errors
    /// When the bus does not let us listen.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), RunError> {
        let mut server = self.bus.serve(SERVICE).await.map_err(|source| RunError::Control { source })?;
        loop {
            let request = tokio::select! {
                () = shutdown.soft.cancelled() => return Ok(()),
                request = server.next() => request,
            };
            let Some(request) = request else { return Ok(()) };
            self.answer(request).await;
        }
    }

    async fn answer(&self, request: ControlRequest) {
        match request.verb.as_str() {
            verb::REPLAY => match parse(&request) {
                Ok(wanted) => respond(request, self.replay(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::DISCARD => match parse(&request) {
                Ok(wanted) => respond(request, self.discard(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::STATUS => respond(request, self.status().await).await,
            other => {
                let error = refusal(format!("the writer has no verb `{other}`"));
                request.refuse(error).await;
            }
        }
    }

    async fn replay(&self, request: &ReplayRequest) -> Result<ReplayReply, StoreError> {
        let tx = self.store.begin().await?;
        let mut news = News::default();
        let mut outcomes = Vec::new();
        for id in request.ids.iter().take(IDS_MAX) {
            let outcome = match open_letter(&tx, id).await? {
                None => ReplayOutcome::NotOpen,
                Some(letter) => {
                    let outcome = requeue(&tx, &letter).await?;
                    dead::close(&tx, std::slice::from_ref(&letter.id), dead::REPLAYED).await?;
                    let fact = Fact::Replayed {
                        dead_letter: id.clone(),
                        outcome: outcome.as_str().to_owned(),
                        who: request.actor.who.clone(),
                        why: request.actor.why.clone(),
                    };
                    let subject = letter.member.as_ref().unwrap_or(&letter.subject);
                    news.tell(format!("rep:{id}"), subject, None, fact);
                    outcome
                }
            };
            outcomes.push((id.clone(), outcome));
        }
        self.commit(tx, news).await?;
        self.bells.values().for_each(|bell| bell.notify_one());
        Ok(ReplayReply { outcomes })
    }

    async fn discard(&self, request: &DiscardRequest) -> Result<DiscardReply, StoreError> {
        let tx = self.store.begin().await?;
        let mut news = News::default();
        let mut discarded = Vec::new();
        for id in request.ids.iter().take(IDS_MAX) {
            let Some(letter) = open_letter(&tx, id).await? else { continue };
            dead::close(&tx, std::slice::from_ref(&letter.id), dead::DISCARDED).await?;
            let fact = Fact::Discarded {
                dead_letter: id.clone(),
                who: request.actor.who.clone(),
                why: request.actor.why.clone(),
            };
            let subject = letter.member.as_ref().unwrap_or(&letter.subject);
            news.tell(format!("dis:{id}"), subject, None, fact);
            discarded.push(id.clone());
        }
        self.commit(tx, news).await?;
        Ok(DiscardReply { discarded })
    }

    async fn commit(&self, tx: DatabaseTransaction, news: News) -> Result<(), StoreError> {
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("carry out an operator's request"))?;
        self.relay.send(parcel).await;
        Ok(())
    }

    async fn status(&self) -> Result<StatusReply, StoreError> {
        let mut targets = Vec::new();
        let mut names: Vec<&String> = self.circuits.keys().collect();
        names.sort();
        for name in names {
            targets.push(self.target_status(name).await?);
        }
        Ok(StatusReply { targets })
    }

    async fn target_status(&self, name: &str) -> Result<TargetStatus, StoreError> {
        let lease = target::Entity::find_by_id(name.to_owned())
            .one(self.store.reader())
            .await
            .map_err(StoreError::statement("read the lease"))?;
        let held = lease.as_ref().filter(|lease| lease.lease_until > micros(now()));
        let pacer = self
            .circuits
            .get(name)
            .and_then(|slot| slot.lock().expect("nothing panics while holding it").clone());
        let counts = count(&self.store, name).await?;
        Ok(TargetStatus {
            target: name.to_owned(),
            owner: held.and_then(|lease| lease.owner.clone()),
            epoch: lease.map_or(0, |lease| lease.epoch),
            circuit: pacer
                .map_or_else(|| "not owned by this replica".to_owned(), |pacer| describe(&pacer.circuit())),
            resources: counts.by_status(),
            queue: counts.queue(),
        })
    }
}

fn parse<T: DeserializeOwned>(request: &ControlRequest) -> Result<T, ControlError> {
    serde_json::from_slice(&request.payload)
        .map_err(|error| refusal(format!("cannot read the request: {error}")))
}

fn refusal(message: String) -> ControlError {
    ControlError { message }
}

async fn respond<T: serde::Serialize>(request: ControlRequest, answer: Result<T, StoreError>) {
    match answer {
        Ok(answer) => request.reply(&answer).await,
        Err(error) => request.refuse(refusal(format!("the writer's database: {error}; try again"))).await,
    }
}

async fn open_letter(tx: &DatabaseTransaction, id: &DeadLetterId) -> Result<Option<dead::Model>, StoreError> {
    let row = dead::Entity::find_by_id(id.to_string())
        .one(tx)
        .await
        .map_err(StoreError::statement("read a dead letter"))?;
    Ok(row.filter(|row| row.state == dead::OPEN))
}

/// Puts what the letter is about back into the queue, unless something newer has taken its place.
async fn requeue(tx: &DatabaseTransaction, letter: &dead::Model) -> Result<ReplayOutcome, StoreError> {
    let now = micros(now());
    if let Some(member) = &letter.member {
        let mut rows = load_edges(tx, &letter.target, &letter.subject, std::slice::from_ref(member)).await?;
        let Some(row) = rows.get_mut(member) else { return Ok(ReplayOutcome::Superseded) };
        if row.revision != letter.revision || row.status != status::DEAD {
            return Ok(ReplayOutcome::Superseded);
        }
        if row.desired == row.applied {
            return Ok(ReplayOutcome::NoOp);
        }
        row.attempts = 0;
        row.dead_letter = None;
        row.place(true, now);
        save_edges(tx, rows.into_values().collect()).await?;
        return Ok(ReplayOutcome::Queued);
    }
    let kind =
        if letter.kind == ResourceKind::Group.as_str() { ResourceKind::Group } else { ResourceKind::User };
    let mut rows =
        load_resources(tx, &letter.target, kind, std::slice::from_ref(&letter.subject), true).await?;
    let Some(row) = rows.get_mut(&letter.subject) else { return Ok(ReplayOutcome::Superseded) };
    let waits = row.status == status::DEAD || row.status == status::CONFLICT;
    if row.desired_revision != letter.revision || !waits {
        return Ok(ReplayOutcome::Superseded);
    }
    row.attempts = 0;
    row.dead_letter = None;
    row.enqueue(status::PENDING, now);
    save_resources(tx, rows.into_values().collect()).await?;
    Ok(ReplayOutcome::Queued)
}

#[derive(Debug, FromQueryResult)]
struct Count {
    kind: String,
    status: String,
    lane: i16,
    queued: bool,
    rows: i64,
}

struct Counts(Vec<Count>);

impl Counts {
    fn by_status(&self) -> BTreeMap<String, i64> {
        let mut out = BTreeMap::new();
        for count in &self.0 {
            *out.entry(format!("{}.{}", count.kind, count.status)).or_default() += count.rows;
        }
        out
    }

    fn queue(&self) -> BTreeMap<String, i64> {
        let mut out: BTreeMap<String, i64> =
            Lane::ALL.into_iter().map(|lane| (lane.as_str().to_owned(), 0)).collect();
        for count in self.0.iter().filter(|count| count.queued) {
            *out.entry(Lane::from_rank(count.lane).as_str().to_owned()).or_default() += count.rows;
        }
        out
    }
}

async fn count(store: &Store, target: &str) -> Result<Counts, StoreError> {
    let read = StoreError::statement("count the queue");
    let mut counts = resource::Entity::find()
        .select_only()
        .columns([
            resource::Column::Kind,
            resource::Column::Status,
            resource::Column::Lane,
            resource::Column::Queued,
        ])
        .column_as(resource::Column::Subject.count(), "rows")
        .filter(resource::Column::Target.eq(target))
        .group_by(resource::Column::Kind)
        .group_by(resource::Column::Status)
        .group_by(resource::Column::Lane)
        .group_by(resource::Column::Queued)
        .into_model::<Count>()
        .all(store.reader())
        .await
        .map_err(&read)?;
    let edges = edge::Entity::find()
        .select_only()
        .column_as(Expr::value(ResourceKind::Membership.as_str()), "kind")
        .columns([edge::Column::Status, edge::Column::Lane, edge::Column::Queued])
        .column_as(edge::Column::MemberSubject.count(), "rows")
        .filter(edge::Column::Target.eq(target))
        .group_by(edge::Column::Status)
        .group_by(edge::Column::Lane)
        .group_by(edge::Column::Queued)
        .into_model::<Count>()
        .all(store.reader())
        .await
        .map_err(&read)?;
    counts.extend(edges);
    Ok(Counts(counts))
}

/// Updates the queue depth metrics of a target.
pub(crate) async fn observe_queue(store: &Store, target: &str) {
    match count(store, target).await {
        Ok(Counts(counts)) => {
            for lane in Lane::ALL {
                for status in status::ALL {
                    let here =
                        counts.iter().filter(|count| count.lane == lane.rank() && count.status == status);
                    telemetry::metrics::queue_depth(target, lane, status, here.map(|count| count.rows).sum());
                }
            }
        }
        Err(error) => tracing::warn!(target_name = target, error = %error, "could not count the queue"),
    }
}
