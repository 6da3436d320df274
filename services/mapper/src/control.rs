//! Control verbs of operators: plans, policies, explanations, and deciding again.

mod apply;
mod explain;
mod export;
mod feeds;
mod findings;
mod join;
mod leavers;
mod messages;
mod orders;
mod people;
mod provision;
mod schedule;
mod undecided;
mod verify;

use std::sync::Arc;

use bus::{Bus, ControlRequest};
use lifecycle::{
    ControlError, MapperStatus, PlanId, PlanRequest, PolicyInForce, PolicyRequest, PolicyText,
    PolicyVersions, ResourceKind, unix_micros, verb,
};
use recovery::Recovery;
use serde::Serialize;
use store::StoreError;
use telemetry::{Shutdown, chain};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::acts::missing::{load_missing, missing_in_words};
use crate::error::MapperRunError;
use crate::later::to_evaluate;
use crate::leavers::undecided::count_waiting;
use crate::plan::{PlanStore, PlansError};
use crate::policies::{PolicySet, versions};
use crate::policy_keeper::HeldPolicies;
use crate::rows::{finding, verification};
use crate::runs::silent::silent_feeds;
use crate::verify::RequestedVerifications;
use crate::work::BatchProcessorParts;
use crate::{SERVICE, now};

/// The maximum number of requests that are answered concurrently.
const AT_ONCE_MAX: usize = 16;

/// Answers control requests of operators.
pub(crate) struct MapperControl {
    pub(crate) parts: BatchProcessorParts,
    pub(crate) bus: Bus,
    pub(crate) plans: PlanStore,
    pub(crate) held: HeldPolicies,
    pub(crate) publish: watch::Sender<Arc<PolicySet>>,
    pub(crate) asked: Arc<RequestedVerifications>,
    pub(crate) recovery: Recovery,
}

/// Reasons for which a request is not carried out.
#[derive(Debug, thiserror::Error)]
enum MapperRefusal {
    /// The request is not valid, or cannot be carried out now.
    #[error(transparent)]
    Wrong(#[from] ControlError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PlansError> for MapperRefusal {
    fn from(error: PlansError) -> Self {
        match error {
            PlansError::Refused(error) => Self::Wrong(error),
            PlansError::Store(error) => Self::Store(error),
        }
    }
}

fn wrong_request(message: impl Into<String>) -> MapperRefusal {
    MapperRefusal::Wrong(ControlError::refused(message))
}

impl MapperControl {
    /// Answers requests until shutdown.
    ///
    /// # Errors
    /// Returns an error if the bus refuses the subscription.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), MapperRunError> {
        let mut server =
            self.bus.serve(SERVICE).await.map_err(|source| MapperRunError::Control { source })?;
        let control = Arc::new(self);
        let mut answers = JoinSet::new();
        loop {
            let request = tokio::select! {
                () = shutdown.soft.cancelled() => break,
                Some(_) = answers.join_next() => continue,
                request = server.next(), if answers.len() < AT_ONCE_MAX => request,
            };
            let Some(request) = request else { break };
            let control = Arc::clone(&control);
            answers.spawn(async move { control.answer(request).await });
        }
        while answers.join_next().await.is_some() {}
        Ok(())
    }

    /// Dispatches a request by its verb, and answers it.
    async fn answer(&self, request: ControlRequest) {
        match request.verb.as_str() {
            verb::STATUS => respond_to(request, self.status().await).await,
            verb::OUTBOX => match request.question() {
                Ok(wanted) => respond_to(request, self.outbox(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RETRY_SET_ASIDE => match request.question() {
                Ok(wanted) => respond_to(request, self.retry_set_aside(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::DISCARD_SET_ASIDE => match request.question() {
                Ok(wanted) => respond_to(request, self.discard_set_aside(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::PLAN => match request.question() {
                Ok(wanted) => respond_to(request, self.plan(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::PLAN_STATUS => match request.question::<PlanId>() {
                Ok(id) => {
                    let status = self.plans.get(&id).await.map(|(_, status)| status);
                    respond_to(request, status.map_err(MapperRefusal::from)).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::APPLY => match request.question() {
                Ok(wanted) => respond_to(request, self.apply(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::FEEDS => match request.question() {
                Ok(wanted) => respond_to(request, self.feeds(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::KNOWN_ROWS => match request.question() {
                Ok(wanted) => {
                    let known = crate::repeated::known_rows(&self.parts.store, &wanted).await;
                    respond_to(request, known.map_err(MapperRefusal::from)).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::DECIDE_FEED => match request.question() {
                Ok(wanted) => respond_to(request, self.decide_feed(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::SCHEDULE => match request.question() {
                Ok(wanted) => respond_to(request, self.schedule(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::CANCEL_SCHEDULE => match request.question() {
                Ok(wanted) => respond_to(request, self.cancel_schedule(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::LEAVERS => match request.question() {
                Ok(wanted) => respond_to(request, self.leavers(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::EXPORT_EVIDENCE => match request.question() {
                Ok(wanted) => respond_to(request, self.export_evidence(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::CHECK_CHAIN => match request.question() {
                Ok(wanted) => respond_to(request, self.check_chain(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::EVIDENCE_KEYS => match request.question() {
                Ok(wanted) => respond_to(request, self.evidence_keys(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::ORDER_ACCESS => match request.question() {
                Ok(wanted) => respond_to(request, self.order_access(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::ACCESS_ORDERS => match request.question() {
                Ok(wanted) => respond_to(request, self.access_orders(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::FINDINGS => match request.question() {
                Ok(wanted) => respond_to(request, self.findings(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RECORDS => match request.question() {
                Ok(wanted) => respond_to(request, self.records(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::JOIN_PEOPLE => match request.question() {
                Ok(wanted) => respond_to(request, self.join_people(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RESOLVE_RECORD => match request.question() {
                Ok(wanted) => respond_to(request, self.resolve_record(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::QUARANTINE => match request.question() {
                Ok(wanted) => {
                    respond_to(request, self.quarantine(&wanted).await).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::RETRY_QUARANTINED => match request.question() {
                Ok(wanted) => {
                    let retried =
                        crate::quarantine_retry::retry_items(&self.parts.processor(), &wanted).await;
                    respond_to(request, retried.map_err(MapperRefusal::from)).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::POLICY => match request.question() {
                Ok(wanted) => respond_to(request, self.policy(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::POLICY_VERSIONS => match request.question() {
                Ok(wanted) => respond_to(request, self.policy_versions(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::EXPLAIN => match request.question() {
                Ok(wanted) => respond_to(request, self.explain(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::PROVISION => match request.question() {
                Ok(wanted) => respond_to(request, self.provision(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::VERIFY => match request.question() {
                Ok(wanted) => respond_to(request, self.verify(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::VERIFICATIONS => respond_to(request, self.verifications().await).await,
            other => {
                let message = format!("the mapper has no verb `{other}`");
                request.refuse(ControlError::refused(message)).await;
            }
        }
    }

    /// Returns the policies that are in force by the database. This replica may not have adopted them yet.
    async fn in_force(&self) -> Result<PolicySet, StoreError> {
        let people = self.publish.borrow().shared_people();
        Ok(versions::in_force(self.parts.store.reader()).await?.with_people(people))
    }

    /// Counts by the policies in force by the database. This replica may not have adopted them yet.
    async fn status(&self) -> Result<MapperStatus, MapperRefusal> {
        let rows = versions::newest_versions(self.parts.store.reader()).await?;
        let mut policies: Vec<PolicyInForce> = rows
            .iter()
            .map(|row| PolicyInForce { target: row.target.clone(), version: versions::version_summary(row) })
            .collect();
        policies.sort_by(|a, b| a.target.cmp(&b.target));
        let set = self.in_force().await?;
        let (to_evaluate, known) = to_evaluate(&self.parts.store, set.fingerprint()).await?;
        let scheduled = self.people_scheduled().await?;
        let record_conflicts = self.record_conflicts().await?;
        let waiting_departures = count_waiting(self.parts.store.reader()).await?;
        let held_feeds = self.held_feeds().await?;
        let findings = finding::finding_counts(self.parts.store.reader()).await?;
        let leavers = self.leaver_counts().await?;
        let held_files = self.held.list();
        let clock_skew_ms = store::clock::skew_micros() / 1_000;
        let undecided_feeds = feeds::undecided(self.parts.store.reader()).await?;
        let silent_feeds = silent_feeds(self.parts.store.reader(), unix_micros(now())).await?;
        let outbox = Some(self.parts.relay.status().await?);
        let verifications = verification::load_all(self.parts.store.reader()).await?;
        let mut notices = self.recovery.notices();
        let missing = load_missing(self.parts.store.reader()).await?;
        notices.extend(missing.map(|reasons| missing_in_words(&reasons)));
        Ok(MapperStatus {
            policies,
            to_evaluate,
            known,
            scheduled,
            record_conflicts,
            waiting_departures,
            held_feeds,
            findings,
            clock_skew_ms,
            leavers,
            held_files,
            undecided_feeds,
            silent_feeds,
            outbox,
            verifications,
            notices,
        })
    }

    async fn plan(&self, request: &PlanRequest) -> Result<lifecycle::PlanStatus, MapperRefusal> {
        let only = match &request.person {
            Some(person) => {
                let target = policy::Policy::parse(&request.policy, &request.file)
                    .map_err(|error| wrong_request(error.to_string()))?
                    .target()
                    .to_owned();
                Some(self.find(person, &target).await?)
            }
            None => None,
        };
        Ok(self.plans.begin(request, only).await?)
    }

    async fn policy(&self, request: &PolicyRequest) -> Result<PolicyText, MapperRefusal> {
        let PolicyRequest { target, version } = request;
        let Some(row) = versions::get_version(self.parts.store.reader(), target, *version).await? else {
            return Err(self.no_policy(target, *version).await?);
        };
        Ok(PolicyText {
            target: row.target.clone(),
            version: versions::version_summary(&row),
            policy: row.policy,
        })
    }

    async fn policy_versions(&self, request: &PolicyRequest) -> Result<PolicyVersions, MapperRefusal> {
        let versions = versions::list_versions(self.parts.store.reader(), &request.target).await?;
        if versions.is_empty() {
            return Err(self.no_policy(&request.target, None).await?);
        }
        Ok(PolicyVersions { target: request.target.clone(), versions })
    }

    /// Builds the refusal for a target without a policy, or a version that does not exist.
    async fn no_policy(&self, target: &str, version: Option<i64>) -> Result<MapperRefusal, MapperRefusal> {
        let in_force = versions::newest_numbers(self.parts.store.reader()).await?;
        let known = in_force.iter().find(|(name, _)| name == target);
        Ok(match (known, version) {
            (Some((_, newest)), Some(version)) => wrong_request(format!(
                "the policy of `{target}` has no version {version}; it has 1 to {newest}"
            )),
            _ => {
                let names: Vec<&str> = in_force.iter().map(|(name, _)| name.as_str()).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                wrong_request(format!("there is no policy for `{target}`; there is: {names}"))
            }
        })
    }
}

/// Sends the answer. A failure of the database is logged, and the requester gets a general message.
async fn respond_to<T: Serialize>(request: ControlRequest, answer: Result<T, MapperRefusal>) {
    match answer {
        Ok(done) => request.reply(&done).await,
        Err(MapperRefusal::Wrong(error)) => request.refuse(error).await,
        Err(MapperRefusal::Store(error @ StoreError::Unreadable { .. })) => {
            let message = format!("{error} by this version of Usher: see `usher quarantine ls`");
            request.refuse(ControlError::refused(message)).await;
        }
        Err(MapperRefusal::Store(error)) => {
            let verb = request.verb.as_str();
            tracing::error!(error = chain(&error), verb, "a control request failed");
            let message = "the mapper's database failed: look at its log, then ask again".to_owned();
            request.refuse(ControlError::refused(message)).await;
        }
    }
}

/// The word for a person or group in messages.
fn kind_word(kind: ResourceKind) -> &'static str {
    if kind == ResourceKind::Group { "group" } else { "person" }
}
