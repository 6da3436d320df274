//! Operator verbs: replay, start_replay, replay_runs, cancel_replay, look_letter, discard, held, pause, resolve_conflict,
//! reconcile, test_target, status, look, provision, row, evidence, outbox, retry_set_aside, digests, entries, verified.
//!
//! To add a verb: 1. its name and types in `lifecycle`, 2. a module below this one, 3. an arm in `Control::answer`.

mod conflict;
mod evidence;
mod held;
mod letter;
mod look;
mod owner;
mod provision;
mod reconcile;
mod remarks;
mod replay;
mod replays;
mod status;
mod test;
mod verify;

pub(crate) use replay::replay_letter;
pub(crate) use status::{observe_queue, reason};

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bus::{Bus, ControlRequest};
use lifecycle::{
    ControlError, DecideHeldRequest, OutboxReply, PauseRequest, RefusalReason, RetrySetAsideRequest, verb,
};
use recovery::Recovery;
use relay::Relay;
use sea_orm::DatabaseTransaction;
use serde::de::DeserializeOwned;
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::app::RunError;
use crate::call::OwnedTarget;
use crate::facts::{News, SERVICE};
use crate::intake::Bells;
use crate::verification::Gates;

/// Looks under way at the same time: each holds a place in the queue of its target.
const LOOKS_MAX: usize = 16;

/// Where the owners leave the targets that are theirs, by name.
pub(crate) type Owned = HashMap<String, Arc<Mutex<Option<Arc<OwnedTarget>>>>>;

/// Answers operators.
pub(crate) struct Control {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: Relay,
    /// Our own name, as leases have it.
    pub(crate) replica: String,
    pub(crate) bells: Bells,
    pub(crate) owned: Owned,
    /// Rung when many dead letters are to be tried again.
    pub(crate) replays: Arc<Notify>,
    pub(crate) gates: Gates,
    pub(crate) recovery: Recovery,
}

impl Control {
    /// Answers until shutdown.
    ///
    /// # Errors
    /// When the bus does not let us listen.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), RunError> {
        let mut server = self.bus.serve(SERVICE).await.map_err(|source| RunError::Control { source })?;
        let mut own = self
            .bus
            .serve_replica(SERVICE, &self.replica)
            .await
            .map_err(|source| RunError::Control { source })?;
        let control = Arc::new(self);
        // Looks wait for the target: nobody else should wait for them. Ending drops them, which is safe: what they change is
        // changed in one transaction.
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
                request.refuse(refusal(format!("{LOOKS_MAX} looks are under way; try again"))).await;
            } else {
                let control = Arc::clone(&control);
                looks.spawn(async move { control.answer_look(request, is_passed_on).await });
            }
        }
    }

    async fn answer(&self, request: ControlRequest) {
        match request.verb.as_str() {
            verb::REPLAY => match parse(&request) {
                Ok(wanted) => respond(request, self.replay(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::START_REPLAY => {
                let answer = match parse(&request) {
                    Ok(wanted) => self.start_replay(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::REPLAY_RUNS => match parse(&request) {
                Ok(wanted) => respond(request, self.replay_runs(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::CANCEL_REPLAY => {
                let answer = match parse(&request) {
                    Ok(wanted) => self.cancel_replay(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::DISCARD => match parse(&request) {
                Ok(wanted) => respond(request, self.discard(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::QUARANTINE => match parse(&request) {
                Ok(wanted) => respond(request, crate::quarantine::list(&self.store, &wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RETRY_QUARANTINED => match parse(&request) {
                Ok(wanted) => {
                    let retried = crate::quarantine::retry(&self.store, &self.bus, &wanted).await;
                    respond(request, retried).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::STATUS => respond(request, self.status().await).await,
            verb::OUTBOX => respond(request, self.relay.set_aside().await).await,
            verb::DISCARD_SET_ASIDE => {
                let answer = match parse(&request) {
                    Ok(wanted) => self.discard_set_aside(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::RETRY_SET_ASIDE => {
                let answer = match parse(&request) {
                    Ok(wanted) => self.retry_set_aside(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::PROVISION => match parse(&request).and_then(|wanted| self.known_resource(wanted)) {
                Ok(wanted) => respond(request, self.provision(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::RECONCILE => {
                let answer = match parse(&request) {
                    Ok(wanted) => self.reconcile(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::RECONCILIATION => {
                let answer = match parse(&request) {
                    Ok(wanted) => self.reconciliation(wanted).await,
                    Err(error) => Err(error),
                };
                answer_or_refuse(request, answer).await;
            }
            verb::HELD => match parse(&request) {
                Ok(wanted) => respond(request, self.held(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::DECIDE_HELD => {
                let wanted = parse(&request)
                    .and_then(|wanted: DecideHeldRequest| self.known_target(&wanted.target.clone(), wanted));
                match wanted {
                    Ok(wanted) => respond(request, self.decide_held(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                }
            }
            verb::PAUSE => {
                let wanted = parse(&request)
                    .and_then(|wanted: PauseRequest| self.known_target(&wanted.target.clone(), wanted));
                match wanted {
                    Ok(wanted) => respond(request, self.pause(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                }
            }
            verb::EVIDENCE => match parse(&request).and_then(|wanted| self.known_people(wanted)) {
                Ok(wanted) => respond(request, self.evidence(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::OTHER_ACCOUNTS => match parse(&request).and_then(|wanted| self.known_leavers(wanted)) {
                Ok(wanted) => {
                    let found = crate::other_accounts::look_up(&self.store, &wanted).await;
                    respond(request, found).await;
                }
                Err(error) => request.refuse(error).await,
            },
            verb::VERIFIED => match parse(&request) {
                Ok(wanted) => respond(request, self.verified(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            verb::ROW => match parse(&request) {
                Ok(wanted) => respond(request, self.row(&wanted).await).await,
                Err(error) => request.refuse(error).await,
            },
            other => {
                let error = refusal(format!("the writer has no verb `{other}`"));
                request.refuse(error).await;
            }
        }
    }

    async fn answer_look(&self, request: ControlRequest, is_passed_on: bool) {
        if !is_passed_on && let Some(owner) = self.owner_elsewhere(&request).await {
            return self.pass_on(request, &owner).await;
        }
        match request.verb.as_str() {
            verb::DIGESTS => {
                return match parse(&request) {
                    Ok(wanted) => respond(request, self.digests(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                };
            }
            verb::ENTRIES => {
                return match parse(&request) {
                    Ok(wanted) => respond(request, self.entries(&wanted).await).await,
                    Err(error) => request.refuse(error).await,
                };
            }
            _ => {}
        }
        if request.verb == verb::TEST_TARGET {
            let answer = match parse(&request) {
                Ok(wanted) => self.test(wanted).await,
                Err(error) => Err(error),
            };
            return answer_or_refuse(request, answer).await;
        }
        if request.verb == verb::RESOLVE_CONFLICT {
            let answer = match parse(&request) {
                Ok(wanted) => self.resolve_conflict(wanted).await,
                Err(error) => Err(error),
            };
            return answer_or_refuse(request, answer).await;
        }
        if request.verb == verb::LOOK_LETTER {
            let answer = match parse(&request) {
                Ok(wanted) => self.look_letter(wanted).await,
                Err(error) => Err(error),
            };
            return answer_or_refuse(request, answer).await;
        }
        let answer = match parse(&request) {
            Ok(wanted) => self.look(wanted).await,
            Err(error) => Err(error),
        };
        answer_or_refuse(request, answer).await;
    }

    async fn retry_set_aside(&self, request: RetrySetAsideRequest) -> Result<OutboxReply, ControlError> {
        let lifecycle::Actor { who, why } = &request.actor;
        tracing::info!(message = %request.id, %who, %why, "a message that was set aside is tried again");
        let retried = self.relay.retry_set_aside(&request.id).await.map_err(|error| database(&error))?;
        retried.ok_or_else(|| refusal(format!("no message `{}` is set aside", request.id)))
    }

    async fn discard_set_aside(
        &self,
        request: lifecycle::DiscardSetAsideRequest,
    ) -> Result<OutboxReply, ControlError> {
        match self.relay.discard_set_aside(&request).await.map_err(|error| database(&error))? {
            relay::DiscardedMessage::Done(reply) => Ok(reply),
            relay::DiscardedMessage::NotFound => {
                Err(refusal(format!("no message `{}` is set aside", request.id)))
            }
            relay::DiscardedMessage::TakesAccessAway => {
                Err(refusal("it takes access away and is never given up".to_owned()))
            }
        }
    }

    /// The target, while this replica owns it.
    fn owned(&self, target: &str) -> Option<Arc<OwnedTarget>> {
        let slot = self.owned.get(target)?;
        slot.lock().expect("nothing panics while holding it").clone()
    }

    /// # Errors
    /// When no target of this name is configured.
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

    async fn commit(&self, tx: DatabaseTransaction, news: News) -> Result<(), StoreError> {
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

fn parse<T: DeserializeOwned>(request: &ControlRequest) -> Result<T, ControlError> {
    serde_json::from_slice(&request.payload)
        .map_err(|error| refusal(format!("cannot read the request: {error}")))
}

fn refusal(message: String) -> ControlError {
    ControlError::refused(message)
}

fn database(error: &StoreError) -> ControlError {
    refusal(format!("the writer's database: {error}; try again"))
}

async fn respond<T: serde::Serialize>(request: ControlRequest, answer: Result<T, StoreError>) {
    match answer {
        Ok(answer) => request.reply(&answer).await,
        Err(error) => request.refuse(database(&error)).await,
    }
}
