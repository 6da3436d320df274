//! The loop that answers the operator verbs of a service.
//!
//! Each verb has places of its own, so a slow verb delays no other. A request waits for a place, and is refused if too many
//! wait. An error or panic of a handler becomes an answer.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use lifecycle::{ControlError, OPERATOR_VERBS, OperatorVerb, VerbService};
use telemetry::Shutdown;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::control::{ControlRequest, ControlServer, encode_answer};

/// The number of requests of one verb that are carried out at the same time.
pub const VERB_RUNNING_MAX: usize = 8;
/// The number of requests of one verb that are carried out or wait. Further ones are refused.
pub const VERB_ACCEPTED_MAX: usize = 64;
/// The time that requests under way have to end at shutdown.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

type VerbAnswer = Pin<Box<dyn Future<Output = Result<Vec<u8>, ControlError>> + Send>>;
type VerbFunction<C> = Box<dyn Fn(Arc<C>, &ControlRequest) -> VerbAnswer + Send + Sync>;

struct VerbHandler<C> {
    running: Semaphore,
    accepted: Semaphore,
    function: VerbFunction<C>,
}

/// The handlers of the verbs of one service. They share a state `C`, and fail with `E`.
pub struct VerbServer<C, E> {
    service: VerbService,
    refuse: fn(E) -> ControlError,
    handlers: HashMap<&'static str, VerbHandler<C>>,
}

impl<C: Send + Sync + 'static, E: Send + 'static> VerbServer<C, E> {
    /// Creates a server without handlers. `refuse` makes an answer of an error.
    pub fn new(service: VerbService, refuse: fn(E) -> ControlError) -> Self {
        Self { service, refuse, handlers: HashMap::new() }
    }

    /// Adds the handler of the verb `V`.
    #[must_use]
    pub fn on<V, F, A>(mut self, handler: F) -> Self
    where
        V: OperatorVerb,
        F: Fn(Arc<C>, V::Request) -> A + Send + Sync + 'static,
        A: Future<Output = Result<V::Reply, E>> + Send + 'static,
    {
        debug_assert_eq!(V::SERVICE, self.service, "`{}` is a verb of another service", V::NAME);
        let refuse = self.refuse;
        let function = move |state: Arc<C>, request: &ControlRequest| -> VerbAnswer {
            match request.question::<V::Request>() {
                Ok(question) => {
                    let answer = handler(state, question);
                    Box::pin(async move { encode_answer(&answer.await.map_err(refuse)?) })
                }
                Err(error) => Box::pin(std::future::ready(Err(error))),
            }
        };
        let (running, accepted) = (Semaphore::new(VERB_RUNNING_MAX), Semaphore::new(VERB_ACCEPTED_MAX));
        self.handlers.insert(V::NAME, VerbHandler { running, accepted, function: Box::new(function) });
        self
    }

    /// Returns the verbs of the service that have no handler.
    pub fn unhandled_verbs(&self) -> Vec<&'static str> {
        let own = OPERATOR_VERBS.iter().filter(|verb| verb.service == self.service);
        own.map(|verb| verb.name).filter(|name| !self.handlers.contains_key(name)).collect()
    }

    /// Answers requests until shutdown or until the connection is closed permanently. Requests under way may end.
    pub async fn run(self, state: Arc<C>, mut requests: ControlServer, shutdown: &Shutdown) {
        let server = Arc::new(self);
        let mut answers = JoinSet::new();
        loop {
            let request = tokio::select! {
                () = shutdown.soft.cancelled() => break,
                Some(_) = answers.join_next() => continue,
                request = requests.next() => request,
            };
            let Some(request) = request else { break };
            let (server, state) = (Arc::clone(&server), Arc::clone(&state));
            answers.spawn(async move { server.answer_request(state, request).await });
        }
        let finish = async {
            // Other replicas receive further requests. Those that have arrived here are answered.
            requests.stop_receiving().await;
            while let Some(request) = requests.next().await {
                let (server, state) = (Arc::clone(&server), Arc::clone(&state));
                answers.spawn(async move { server.answer_request(state, request).await });
            }
            while answers.join_next().await.is_some() {}
        };
        tokio::select! {
            () = finish => {}
            () = tokio::time::sleep(FINISH_WITHIN) => {}
            () = shutdown.hard.cancelled() => {}
        }
    }

    async fn answer_request(&self, state: Arc<C>, request: ControlRequest) {
        match self.carry_out(state, &request).await {
            Ok(answer) => request.send_answer(answer).await,
            Err(error) => request.refuse(error).await,
        }
    }

    async fn carry_out(&self, state: Arc<C>, request: &ControlRequest) -> Result<Vec<u8>, ControlError> {
        let (service, verb) = (self.service.as_str(), request.verb.as_str());
        let Some(handler) = self.handlers.get(verb) else {
            return Err(ControlError::refused(format!("the {service} has no verb `{verb}`")));
        };
        let busy = |_| {
            ControlError::refused(format!(
                "{VERB_ACCEPTED_MAX} requests of `{verb}` are under way; try again"
            ))
        };
        let _accepted = handler.accepted.try_acquire().map_err(busy)?;
        let _running = handler.running.acquire().await.expect("the semaphore is never closed");
        let answer = async { (handler.function)(state, request).await };
        AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(service, verb, "a control request panicked");
            Err(ControlError::refused(format!("the {service} failed at `{verb}`: look at its log")))
        })
    }
}
