//! Operator verbs: replay, start_replay, replay_runs, cancel_replay, look_letter, discard, held, pause, resolve_conflict,
//! reconcile, test_target, status, look, provision, row, evidence, outbox, retry_set_aside, digests, entries, verified.
//!
//! To add a verb: 1. its name and types in `lifecycle`, 2. a module below this one, 3. an arm in `WriterControl::answer`.

mod conflict;
mod evidence;
mod held;
mod letter;
mod look;
mod messages;
mod owner;
mod provision;
mod reconcile;
mod remarks;
mod replay;
pub(crate) mod replayer;
mod replays;
mod status;
mod test;
mod verify;

pub(crate) use replay::replay_letter;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bus::{Bus, ControlRequest};
use lifecycle::{ControlError, DecideHeldRequest, PauseRequest, RefusalReason, verb};
use recovery::Recovery;
use relay::OutboxPublisher;
use sea_orm::DatabaseTransaction;
use serde::de::DeserializeOwned;
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::delivery::call::OwnedTarget;
use crate::error::WriterRunError;
use crate::intake::WakeUps;
use crate::ownership::verification::VerificationGates;
use crate::rows::facts::{SERVICE, TransactionFacts};

/// The maximum number of target look-ups at the same time. Each holds a place in the queue of its target.
const LOOKS_MAX: usize = 16;

/// The targets that this replica owns, by name. Each owner sets its own slot.
pub(crate) type OwnedTargets = HashMap<String, Arc<Mutex<Option<Arc<OwnedTarget>>>>>;

/// Answers the control requests of operators.
pub(crate) struct WriterControl {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: OutboxPublisher,
    /// The name of this replica, as leases store it.
    pub(crate) replica: String,
    pub(crate) wake_ups: WakeUps,
    pub(crate) owned: OwnedTargets,
    /// The wake-up for the replayer when an operator starts a replay of many dead letters.
    pub(crate) replays: Arc<Notify>,
    pub(crate) gates: VerificationGates,
    pub(crate) recovery: Recovery,
}

impl WriterControl {
    /// Answers requests until shutdown.
    ///
    /// # Errors
    /// If the subscription to control requests fails.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), WriterRunError> {
        let mut server =
            self.bus.serve(SERVICE).await.map_err(|source| WriterRunError::Control { source })?;
        let mut own = self
            .bus
            .serve_replica(SERVICE, &self.replica)
            .await
            .map_err(|source| WriterRunError::Control { source })?;
        let control = Arc::new(self);
        // Look-ups wait for the target, so they run as tasks and do not delay other requests. Dropping them at shutdown
        // is safe: each change is made in one transaction.
        let mut looks = JoinSet::new();
        loop {
            let (request, is_passed_on) = tokio::select! {
                () = shutdown.soft.cancelled() => return Ok(()),
                Some(_) = looks.join_next() => continue,
                request = server.next() => (request, false),
                request = own.next() => (request, true),
            };
            let Some(request) = request else { return Ok(()) };
            if !matches!(
                request.verb.as_str(),
                verb::LOOK
                    | verb::LOOK_LETTER
                    | verb::TEST_TARGET
                    | verb::RESOLVE_CONFLICT
                    | verb::DIGESTS
                    | verb::ENTRIES
            ) {
                control.answer(request).await;
            } else if looks.len() >= LOOKS_MAX {
                request.refuse(refuse_with(format!("{LOOKS_MAX} look-ups are under way; try again"))).await;
            } else {
                let control = Arc::clone(&control);
                looks.spawn(async move { control.answer_look(request, is_passed_on).await });
            }
        }
    }

    /// Answers a request that needs no target.
    async fn answer(&self, request: ControlRequest) {
        match request.verb.as_str() {
            verb::REPLAY => match parse_request(&request) {
                Ok(wanted) => respond_to(request, self.replay(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::START_REPLAY => {
                let answer = match parse_request(&request) {
                    Ok(wanted) => self.start_replay(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::REPLAY_RUNS => match parse_request(&request) {
                Ok(wanted) => answer_or_refuse(request, self.replay_runs(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::CANCEL_REPLAY => {
                let answer = match parse_request(&request) {
                    Ok(wanted) => self.cancel_replay(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::DISCARD => match parse_request(&request) {
                Ok(wanted) => respond_to(request, self.discard(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::QUARANTINE => match parse_request(&request) {
                Ok(wanted) => answer_or_refuse(request, self.quarantine(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RETRY_QUARANTINED => match parse_request(&request) {
                Ok(wanted) => {
                    let retried =
                        crate::intake::quarantine::retry_commands(&self.store, &self.bus, &wanted).await;
                    respond_to(request, retried).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::STATUS => respond_to(request, self.status().await).await,
            verb::OUTBOX => match parse_request(&request) {
                Ok(wanted) => answer_or_refuse(request, self.outbox(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::DISCARD_SET_ASIDE => {
                let answer = match parse_request(&request) {
                    Ok(wanted) => self.discard_set_aside(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::RETRY_SET_ASIDE => {
                let answer = match parse_request(&request) {
                    Ok(wanted) => self.retry_set_aside(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::PROVISION => match parse_request(&request).and_then(|wanted| self.known_resource(wanted)) {
                Ok(wanted) => respond_to(request, self.provision(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RECONCILE => {
                let answer = match parse_request(&request) {
                    Ok(wanted) => self.reconcile(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::RECONCILIATION => {
                let answer = match parse_request(&request) {
                    Ok(wanted) => self.reconciliation(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::HELD => match parse_request(&request) {
                Ok(wanted) => answer_or_refuse(request, self.held(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::DECIDE_HELD => {
                let wanted = parse_request(&request)
                    .and_then(|wanted: DecideHeldRequest| self.known_target(&wanted.target.clone(), wanted));
                match wanted {
                    Ok(wanted) => respond_to(request, self.decide_held(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                }
            }
            verb::PAUSE => {
                let wanted = parse_request(&request)
                    .and_then(|wanted: PauseRequest| self.known_target(&wanted.target.clone(), wanted));
                match wanted {
                    Ok(wanted) => respond_to(request, self.pause(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                }
            }
            verb::EVIDENCE => match parse_request(&request).and_then(|wanted| self.known_people(wanted)) {
                Ok(wanted) => respond_to(request, self.evidence(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::OTHER_ACCOUNTS => {
                match parse_request(&request).and_then(|wanted| self.known_leavers(wanted)) {
                    Ok(wanted) => {
                        let found = crate::guard::other_accounts::look_up(&self.store, &wanted).await;
                        respond_to(request, found).await;
                    }
                    Err(error) => request.refuse(error).await,
                }
            }
            verb::VERIFIED => match parse_request(&request) {
                Ok(wanted) => respond_to(request, self.verified(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::ROW => match parse_request(&request) {
                Ok(wanted) => respond_to(request, self.row(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            other => {
                let error = refuse_with(format!("the writer has no verb `{other}`"));
                request.refuse(error).await;
            }
        }
    }

    /// Answers a request that asks a target or reads many rows. Forwards it if another replica owns the target.
    async fn answer_look(&self, request: ControlRequest, is_passed_on: bool) {
        if !is_passed_on && let Some(owner) = self.owner_elsewhere(&request).await {
            return self.pass_on(request, &owner).await;
        }
        match request.verb.as_str() {
            verb::DIGESTS => {
                return match parse_request(&request) {
                    Ok(wanted) => respond_to(request, self.digests(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                };
            }
            verb::ENTRIES => {
                return match parse_request(&request) {
                    Ok(wanted) => respond_to(request, self.entries(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                };
            }
            _ => {}
        }
        if request.verb == verb::TEST_TARGET {
            let answer = match parse_request(&request) {
                Ok(wanted) => self.test(wanted).await,
                Err(error) => Err(error),
            };
            return answer_or_refuse(request, answer).await;
        }
        if request.verb == verb::RESOLVE_CONFLICT {
            let answer = match parse_request(&request) {
                Ok(wanted) => self.resolve_conflict(wanted).await,
                Err(error) => Err(error),
            };
            return answer_or_refuse(request, answer).await;
        }
        if request.verb == verb::LOOK_LETTER {
            let answer = match parse_request(&request) {
                Ok(wanted) => self.look_letter(wanted).await,
                Err(error) => Err(error),
            };
            return answer_or_refuse(request, answer).await;
        }
        let answer = match parse_request(&request) {
            Ok(wanted) => self.look(wanted).await,
            Err(error) => Err(error),
        };
        answer_or_refuse(request, answer).await;
    }

    /// Returns the target, while this replica owns it.
    fn owned(&self, target: &str) -> Option<Arc<OwnedTarget>> {
        let slot = self.owned.get(target)?;
        slot.lock().expect("nothing panics while holding it").clone()
    }

    /// Checks that a target of this name is configured.
    ///
    /// # Errors
    /// If no target of this name is configured.
    fn configured(&self, target: &str) -> Result<(), ControlError> {
        if self.owned.contains_key(target) {
            return Ok(());
        }
        let mut names: Vec<&str> = self.owned.keys().map(String::as_str).collect();
        names.sort_unstable();
        let names = names.join(", ");
        let message = match names.as_str() {
            "" => format!("no target is called `{target}`: section `writer.targets` configures none"),
            names => format!("no target is called `{target}`; section `writer.targets` configures: {names}"),
        };
        Err(ControlError { message, reason: RefusalReason::UnknownTarget })
    }

    /// Commits an operator's request with its facts, and publishes them.
    async fn commit(&self, tx: DatabaseTransaction, news: TransactionFacts) -> Result<(), StoreError> {
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("carry out an operator's request"))?;
        self.relay.send(parcel).await;
        Ok(())
    }
}

async fn answer_or_refuse<T: serde::Serialize>(request: ControlRequest, answer: Result<T, ControlError>) {
    match answer {
        Ok(answer) => request.reply(&answer).await,
        Err(error) => request.refuse(error).await,
    }
}

fn parse_request<T: DeserializeOwned>(request: &ControlRequest) -> Result<T, ControlError> {
    serde_json::from_slice(&request.payload)
        .map_err(|error| refuse_with(format!("cannot read the request: {error}")))
}

fn refuse_with(message: String) -> ControlError {
    ControlError::refused(message)
}

fn database_refusal(error: &StoreError) -> ControlError {
    refuse_with(format!("the writer's database: {error}; try again"))
}

async fn respond_to<T: serde::Serialize>(request: ControlRequest, answer: Result<T, StoreError>) {
    match answer {
        Ok(answer) => request.reply(&answer).await,
        Err(error) => request.refuse(database_refusal(&error)).await,
    }
}
