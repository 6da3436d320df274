//! One call to a target about one resource: a sequence of requests with permits, pacing signals, attempts and metrics.

mod changes;
mod ours;

use std::sync::Arc;

use lifecycle::{
    AttemptClass, AttemptId, FAILURES_MAX, Fact, FactRecord, FailedRequest, Lane, PreviewStep,
    RequestAttempt, RequestExchange, ResourceKind, TraceContext,
};
use scim::{ScimFailure, ScimKind, ScimReply};
use store::Store;
use tokio::time::Instant;
use tracing::Instrument;

use crate::config::{AdoptedDeletion, AdoptionConfig};
use crate::delivery::address::TargetAddress;
use crate::delivery::attribution::{FailureAttribution, FaultVerdict, RequestSort};
use crate::delivery::client::TargetClient;
use crate::delivery::leftovers::LeftoverSearch;
use crate::delivery::links::LinkClaims;
use crate::delivery::listing::TargetListing;
use crate::delivery::operation::{FailedOperation, ScimOperation};
use crate::delivery::pacer::{PacedRequest, RequestPacer, RequestPermit, RequestUrgency, TargetSignal};
use crate::delivery::sight::TargetSight;
use crate::delivery::trouble::ConvergeTrouble;
use crate::guard::gone::GoneCounter;
use crate::guard::never::NeverList;
use crate::lease::TargetLease;
use crate::now;
use crate::rows::access::RemovalConsent;

/// A target that this replica owns, with the state of its ownership session.
#[derive(Debug)]
pub(crate) struct OwnedTarget {
    pub(crate) name: String,
    pub(crate) client: TargetClient,
    pub(crate) store: Store,
    pub(crate) pacer: RequestPacer,
    pub(crate) lease: TargetLease,
    /// The accounts that were read as one list, where that is cheaper than a lookup of each.
    pub(crate) listing: TargetListing,
    /// The failure attribution for this target.
    pub(crate) attribution: FailureAttribution,
    /// The number of accounts that have vanished.
    pub(crate) gone: GoneCounter,
    /// The search for groups that still refer to accounts that are gone.
    pub(crate) leftovers: LeftoverSearch,
    /// The resources that the target has shown lately.
    pub(crate) sight: TargetSight,
    /// The accounts that work under way is about to link.
    pub(crate) claims: LinkClaims,
    /// The check that the accounts were linked at the current address.
    pub(crate) address: TargetAddress,
    /// The accounts and groups that no request changes.
    pub(crate) never: NeverList,
    /// The rules for linking what Usher did not create.
    pub(crate) adoption: AdoptionConfig,
    /// The rule for deleting what Usher did not create.
    pub(crate) adopted_deletion: AdoptedDeletion,
}

/// The linked resource of a call, with its name as it was last known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownResource {
    pub(crate) kind: ScimKind,
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The subject of a call: a resource and the command that it carries out.
#[derive(Debug, Clone)]
pub(crate) struct CallSubject {
    pub(crate) kind: ResourceKind,
    pub(crate) subject: String,
    pub(crate) revision: i64,
    pub(crate) lane: Lane,
    pub(crate) trace: Option<TraceContext>,
    /// The number of failed tries of this revision so far.
    pub(crate) attempts: i32,
    pub(crate) consent: RemovalConsent,
    /// If true, the call switches accounts off at the target and does nothing else.
    pub(crate) only_switch_offs: bool,
    /// The linked resource, if its name is known.
    pub(crate) known: Option<KnownResource>,
}

/// The reason why a step did not succeed.
#[derive(Debug)]
pub(crate) enum CallStop {
    /// The target as a whole must not be asked now.
    Deferred,
    /// The target is at fault, as far as is known. The resource has failed `times` times in a row: it is tried later,
    /// after other resources.
    Postponed { trouble: Box<ConvergeTrouble>, times: u32 },
    /// This request failed.
    Failed(Box<FailedCall>),
    /// The request was not sent: the never list of the target concerns what it would change. The text is the reason.
    Never(String),
}

/// A request that failed, with its trouble report.
#[derive(Debug)]
pub(crate) struct FailedCall {
    pub(crate) failure: ScimFailure,
    pub(crate) trouble: ConvergeTrouble,
}

impl FailedCall {
    pub(crate) fn class(&self) -> AttemptClass {
        self.failure.class
    }
}

/// One call to a target: the requests about one resource.
pub(crate) struct TargetCall {
    pub(crate) target: Arc<OwnedTarget>,
    pub(crate) about: CallSubject,
    /// The time at which the call began.
    pub(crate) began: Instant,
    permit: Option<RequestPermit>,
    facts: Vec<FactRecord>,
    /// The result of each attempt in `facts`, if it says more than success.
    saw: Vec<Option<String>>,
    /// The most recent failed requests, with their request and response.
    failed: Vec<FailedRequest>,
    last: Option<RequestExchange>,
    in_doubt: bool,
    /// The length of the next request's body in bytes, where rate limits depend on it.
    body_bytes: usize,
    /// The resources that the target has shown to this call.
    shown: Vec<(ScimKind, String)>,
}

impl TargetCall {
    /// Creates a call with the permit for its first request.
    pub(crate) fn new(target: Arc<OwnedTarget>, about: CallSubject, permit: RequestPermit) -> Self {
        let (facts, saw, failed) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            target,
            about,
            began: Instant::now(),
            permit: Some(permit),
            facts,
            saw,
            failed,
            last: None,
            in_doubt: false,
            body_bytes: 0,
            shown: Vec::new(),
        }
    }

    /// Notes that the target has shown the linked resource.
    pub(crate) fn was_shown(&self) {
        self.target.sight.saw((self.about.kind, self.about.subject.clone()));
    }

    /// Returns whether the call sent a change that the target may have carried out although its answer does not say so.
    pub(crate) fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Returns the attempts for the journal, and the most recent failed requests for a dead letter.
    pub(crate) fn into_attempts(self) -> (Vec<FactRecord>, Vec<FailedRequest>) {
        (self.facts, self.failed)
    }

    /// Sets the length of the next request's body, where the target's rate limits depend on it.
    pub(crate) fn next_has(&mut self, body: impl FnOnce(&scim::TargetProfile) -> serde_json::Value) {
        let profile = self.target.client.profile();
        let depends =
            |bucket: &scim::RateLimitBucket| bucket.above_bytes.is_some() || bucket.up_to_bytes.is_some();
        if profile.rate.buckets.iter().any(depends) {
            self.body_bytes = body(profile).to_string().len();
        }
    }

    /// Records the result of the last request.
    pub(crate) fn saw(&mut self, found: String) {
        if let Some(last) = self.saw.last_mut() {
            *last = Some(found);
        }
    }

    /// Returns the error of the last request, if it failed.
    pub(crate) fn last_error(&self) -> Option<&str> {
        match &self.facts.last()?.fact {
            Fact::Attempted(attempt) => attempt.error.as_deref(),
            _ => None,
        }
    }

    /// Returns the attempts as preview steps for an operator.
    pub(crate) fn steps(&self) -> Vec<PreviewStep> {
        let steps = self.facts.iter().zip(&self.saw).filter_map(|(fact, saw)| match &fact.fact {
            Fact::Attempted(RequestAttempt { request, status, error, .. }) => {
                let found = saw.clone().or_else(|| error.clone()).unwrap_or_else(|| "done".to_owned());
                Some(PreviewStep { request: request.clone(), status: *status, found })
            }
            _ => None,
        });
        steps.collect()
    }

    /// Sends one request when its turn has come, records the attempt and signals to the pacer what the answer says about the target.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the target must not be asked now or the lease may run out before the answer,
    /// [`CallStop::Failed`] if this request failed.
    pub(crate) async fn send<T, F>(&mut self, operation: ScimOperation, request: F) -> Result<T, CallStop>
    where
        F: AsyncFnOnce(&TargetClient) -> ScimReply<T>,
    {
        let permit = match self.permit.take() {
            Some(permit) => permit,
            None => self.target.pacer.acquire(RequestUrgency::follow_up(self.about.lane)).await,
        };
        let urgency = RequestUrgency::follow_up(self.about.lane);
        let bytes = std::mem::take(&mut self.body_bytes);
        let kind = self.about.kind;
        let method = operation.method(self.target.client.profile(), kind);
        let asked = PacedRequest { method, kind, bytes };
        let mut permit = self.target.pacer.turn(permit, asked, urgency).await;
        if !self.target.lease.is_ours() {
            return Err(CallStop::Deferred);
        }
        let span = tracing::info_span!("scim.request", otel.kind = "client", target = %self.target.name, operation = operation.as_str());
        permit.spend();
        let reply = request(&self.target.client).instrument(span).await;
        self.record(operation, &reply);
        let verdict = self.verdict(&reply);
        if verdict != Some(FaultVerdict::Resource) {
            self.target.pacer.hear(target_signal(&reply));
        }
        if let Some(pause) = reply.spent {
            self.target.pacer.hear(TargetSignal::Spent(pause));
        }
        drop(permit);
        self.in_doubt |= may_have_worked(&reply);
        let ScimReply { outcome, exchange, .. } = reply;
        match outcome {
            Ok(value) => {
                self.last = Some(exchange);
                Ok(value)
            }
            Err(failure) => Err(self.stop(operation, failure, exchange, verdict)),
        }
    }

    /// Attributes a failure that may be the target's or the resource's. Returns `None` for a result that is clear.
    fn verdict<T>(&self, reply: &ScimReply<T>) -> Option<FaultVerdict> {
        let key = (self.about.kind, self.about.subject.clone());
        let sort = if reply.exchange.method == "GET" { RequestSort::Read } else { RequestSort::Write };
        let Err(failure) = &reply.outcome else {
            self.target.attribution.worked(&key, sort);
            return None;
        };
        match failure.class {
            AttemptClass::Unavailable if failure.status.is_none() => None, // never sent
            AttemptClass::Transient if failure.status == Some(412) => None,
            AttemptClass::Transient
            | AttemptClass::OutcomeUnknown
            | AttemptClass::Unavailable
            | AttemptClass::Unauthorised => Some(self.target.attribution.failed(&key, sort, failure.class)),
            _ => None,
        }
    }

    /// Turns a failed request into the reason to stop the call.
    fn stop(
        &mut self,
        operation: ScimOperation,
        failure: ScimFailure,
        exchange: RequestExchange,
        verdict: Option<FaultVerdict>,
    ) -> CallStop {
        let (class, error) = (failure.class, failure.message.clone());
        let trouble = ConvergeTrouble { operation: operation.into(), class, error, exchange: Some(exchange) };
        match (verdict, class) {
            (Some(FaultVerdict::Target { times }), _) => {
                CallStop::Postponed { trouble: Box::new(trouble), times }
            }
            (None, AttemptClass::Throttled | AttemptClass::Unavailable) => CallStop::Deferred,
            _ => CallStop::Failed(Box::new(FailedCall { failure, trouble })),
        }
    }

    /// Returns the trouble report for a call that cannot go on for a reason that the target did not give.
    pub(crate) fn trouble(
        &self,
        operation: impl Into<FailedOperation>,
        class: AttemptClass,
        error: String,
    ) -> ConvergeTrouble {
        ConvergeTrouble { operation: operation.into(), class, error, exchange: self.last.clone() }
    }

    /// Records a request as an attempt, and keeps it with the failed ones if it failed.
    fn record<T>(&mut self, operation: ScimOperation, reply: &ScimReply<T>) {
        let (class, error) = match &reply.outcome {
            Ok(_) => (AttemptClass::Success, None),
            Err(failure) => (failure.class, Some(failure.message.clone())),
        };
        let duration_ms = i64::try_from(reply.duration.as_millis()).unwrap_or(i64::MAX);
        if let Some(error) = &error {
            if self.failed.len() == FAILURES_MAX {
                self.failed.remove(0);
            }
            let (operation, error) = (operation.as_str().to_owned(), error.clone());
            let exchange = reply.exchange.clone();
            self.failed.push(FailedRequest { at: now(), operation, class, error, duration_ms, exchange });
        }
        telemetry::metrics::count_attempt(&self.target.name, operation.as_str(), class, reply.duration);
        let id = AttemptId::fresh();
        let attempt = RequestAttempt {
            id: id.clone(),
            target: self.target.name.clone(),
            kind: self.about.kind,
            revision: self.about.revision,
            operation: operation.as_str().to_owned(),
            request: format!("{} {}", reply.exchange.method, reply.exchange.path),
            status: reply.exchange.status,
            class,
            duration_ms,
            error,
            member_of: None,
        };
        self.facts.push(FactRecord {
            id: id.to_string(),
            at: now(),
            subject: self.about.subject.clone(),
            trace: self.about.trace,
            fact: Fact::Attempted(attempt),
        });
        self.saw.push(None);
    }
}

/// Returns whether a failed change may have been carried out: it got no answer, or an answer that a proxy may have given.
fn may_have_worked<T>(reply: &ScimReply<T>) -> bool {
    let Err(failure) = &reply.outcome else { return false };
    let changes = reply.exchange.method != "GET";
    changes
        && match failure.class {
            AttemptClass::OutcomeUnknown | AttemptClass::Transient => true,
            AttemptClass::Unavailable => failure.status.is_some(),
            _ => false,
        }
}

/// Derives the signal for the pacer from a reply.
fn target_signal<T>(reply: &ScimReply<T>) -> TargetSignal {
    let Err(failure) = &reply.outcome else { return TargetSignal::Healthy };
    let reason = failure.message.clone();
    match failure.class {
        AttemptClass::Throttled => TargetSignal::Throttled(failure.retry_after),
        AttemptClass::Unavailable => TargetSignal::Unavailable(reason, failure.retry_after),
        AttemptClass::Unauthorised => TargetSignal::Unauthorised(reason),
        AttemptClass::Transient | AttemptClass::OutcomeUnknown => TargetSignal::Faulty(reason),
        AttemptClass::Success
        | AttemptClass::Permanent
        | AttemptClass::NotFound
        | AttemptClass::AlreadyExists => TargetSignal::Healthy,
    }
}
