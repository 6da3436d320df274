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

use bus::{Bus, VerbServer};
use lifecycle::{
    ControlError, KnownRowsReply, KnownRowsRequest, MapperStatus, PlanId, PlanRequest, PlanStatus,
    PolicyInForce, PolicyRequest, PolicyText, PolicyVersions, ResourceKind, RetryQuarantinedReply,
    RetryQuarantinedRequest, VerbService, unix_micros, verbs,
};
use recovery::Recovery;
use store::StoreError;
use telemetry::{Shutdown, chain};
use tokio::sync::watch;

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
        let requests = self.bus.serve(SERVICE).await.map_err(|source| MapperRunError::Control { source })?;
        Self::verb_server().run(Arc::new(self), requests, &shutdown).await;
        Ok(())
    }

    /// Returns the handler of each verb of the mapper.
    fn verb_server() -> VerbServer<Self, MapperRefusal> {
        VerbServer::<Self, MapperRefusal>::new(VerbService::Mapper, refuse_request)
            .on::<verbs::MapperStatusVerb, _, _>(|control, ()| async move { control.status().await })
            .on::<verbs::MapperOutboxVerb, _, _>(
                |control, wanted| async move { control.outbox(&wanted).await },
            )
            .on::<verbs::MapperRetrySetAsideVerb, _, _>(|control, wanted| async move {
                control.retry_set_aside(&wanted).await
            })
            .on::<verbs::MapperDiscardSetAsideVerb, _, _>(|control, wanted| async move {
                control.discard_set_aside(&wanted).await
            })
            .on::<verbs::MapperQuarantineVerb, _, _>(|control, wanted| async move {
                control.quarantine(&wanted).await
            })
            .on::<verbs::MapperRetryQuarantinedVerb, _, _>(|control, wanted| async move {
                control.retry_quarantined(&wanted).await
            })
            .on::<verbs::PlanVerb, _, _>(|control, wanted| async move { control.plan(&wanted).await })
            .on::<verbs::PlanStatusVerb, _, _>(
                |control, wanted| async move { control.plan_status(&wanted).await },
            )
            .on::<verbs::ApplyVerb, _, _>(|control, wanted| async move { control.apply(&wanted).await })
            .on::<verbs::PolicyVerb, _, _>(|control, wanted| async move { control.policy(&wanted).await })
            .on::<verbs::PolicyVersionsVerb, _, _>(|control, wanted| async move {
                control.policy_versions(&wanted).await
            })
            .on::<verbs::ExplainVerb, _, _>(|control, wanted| async move { control.explain(&wanted).await })
            .on::<verbs::MapperProvisionVerb, _, _>(|control, wanted| async move {
                control.provision(&wanted).await
            })
            .on::<verbs::FeedsVerb, _, _>(|control, wanted| async move { control.feeds(&wanted).await })
            .on::<verbs::DecideFeedVerb, _, _>(
                |control, wanted| async move { control.decide_feed(&wanted).await },
            )
            .on::<verbs::KnownRowsVerb, _, _>(
                |control, wanted| async move { control.known_rows(&wanted).await },
            )
            .on::<verbs::ScheduleVerb, _, _>(|control, wanted| async move { control.schedule(&wanted).await })
            .on::<verbs::CancelScheduleVerb, _, _>(|control, wanted| async move {
                control.cancel_schedule(&wanted).await
            })
            .on::<verbs::FindingsVerb, _, _>(|control, wanted| async move { control.findings(&wanted).await })
            .on::<verbs::RecordsVerb, _, _>(|control, wanted| async move { control.records(&wanted).await })
            .on::<verbs::JoinPeopleVerb, _, _>(
                |control, wanted| async move { control.join_people(&wanted).await },
            )
            .on::<verbs::ResolveRecordVerb, _, _>(|control, wanted| async move {
                control.resolve_record(&wanted).await
            })
            .on::<verbs::LeaversVerb, _, _>(|control, wanted| async move { control.leavers(&wanted).await })
            .on::<verbs::ExportEvidenceVerb, _, _>(|control, wanted| async move {
                control.export_evidence(&wanted).await
            })
            .on::<verbs::CheckChainVerb, _, _>(
                |control, wanted| async move { control.check_chain(&wanted).await },
            )
            .on::<verbs::EvidenceKeysVerb, _, _>(|control, ()| async move { control.evidence_keys().await })
            .on::<verbs::RotateEvidenceKeyVerb, _, _>(|control, wanted| async move {
                control.rotate_evidence_key(&wanted).await
            })
            .on::<verbs::OrderAccessVerb, _, _>(|control, wanted| async move {
                control.order_access(&wanted).await
            })
            .on::<verbs::AccessOrdersVerb, _, _>(|control, wanted| async move {
                control.access_orders(&wanted).await
            })
            .on::<verbs::VerifyVerb, _, _>(|control, wanted| async move { control.verify(&wanted).await })
            .on::<verbs::VerificationsVerb, _, _>(|control, ()| async move { control.verifications().await })
    }

    async fn plan_status(&self, id: &PlanId) -> Result<PlanStatus, MapperRefusal> {
        Ok(self.plans.get(id).await.map(|(_, status)| status)?)
    }

    async fn known_rows(&self, request: &KnownRowsRequest) -> Result<KnownRowsReply, MapperRefusal> {
        Ok(crate::repeated::known_rows(&self.parts.store, request).await?)
    }

    async fn retry_quarantined(
        &self,
        request: &RetryQuarantinedRequest,
    ) -> Result<RetryQuarantinedReply, MapperRefusal> {
        Ok(crate::quarantine_retry::retry_items(&self.parts.processor(), request).await?)
    }

    /// Returns the policies that are in force by the database. This replica may not have adopted them yet.
    async fn in_force(&self) -> Result<PolicySet, StoreError> {
        let rules = self.publish.borrow().shared_rules();
        Ok(versions::in_force(self.parts.store.reader()).await?.with_rules(rules))
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

    async fn plan(&self, request: &PlanRequest) -> Result<PlanStatus, MapperRefusal> {
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

/// Makes an answer of a refusal. A failure of the database is logged, and the requester gets a general message.
fn refuse_request(refusal: MapperRefusal) -> ControlError {
    match refusal {
        MapperRefusal::Wrong(error) => error,
        MapperRefusal::Store(error @ StoreError::Unreadable { .. }) => {
            ControlError::refused(format!("{error} by this version of Usher: see `usher quarantine ls`"))
        }
        MapperRefusal::Store(error) => {
            tracing::error!(error = chain(&error), "a control request failed");
            ControlError::refused("the mapper's database failed: look at its log, then ask again")
        }
    }
}

/// The word for a person or group in messages.
fn kind_word(kind: ResourceKind) -> &'static str {
    if kind == ResourceKind::Group { "group" } else { "person" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_of_the_mapper_has_a_handler() {
        assert!(MapperControl::verb_server().unhandled_verbs().is_empty());
    }
}
