//! Operator requests: a request to one replica of a service, and its answer.
//!
//! Requests use NATS request and reply, at most once: the caller sees whether the request was done, and retries if it was not.

use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::{Client, HeaderMap, Message, Subject, Subscriber};
use futures_util::StreamExt;
use lifecycle::{ControlError, OperatorVerb, TraceContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use telemetry::chain;
use tracing::Instrument;

use crate::feed::subject_token;
use crate::{BusError, wire};

/// The reason that a control request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlFailure {
    /// No replica of the service is running.
    #[error("{service} is not running")]
    NoResponders {
        /// The service.
        service: String,
    },
    /// No answer arrived in time. The request may have been carried out.
    #[error("{service} did not answer within {} ms", timeout.as_millis())]
    Timeout {
        /// The service.
        service: String,
        /// The time that the caller waited.
        timeout: Duration,
    },
    /// The service refused the request.
    #[error("{service} refused: {error}")]
    Refused {
        /// The service.
        service: String,
        /// The reason, and what to do about it.
        #[source]
        error: ControlError,
    },
    /// The question could not be encoded.
    #[error("encode a control request")]
    Encode(#[source] serde_json::Error),
    /// The answer has another shape, for example because another version sent it.
    #[error("decode the answer of {service}")]
    Decode {
        /// The service.
        service: String,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// The request could not be sent.
    #[error("send a control request to {service}")]
    Send {
        /// The service.
        service: String,
        /// The error of the client.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The wire format of an answer to a control request.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ControlAnswer<T> {
    Done(T),
    Refused(ControlError),
}

/// Returns the subject of requests that any replica of the service may answer.
pub(crate) fn control_subject(service: &str, verb: &str) -> String {
    format!("usher.control.{}.{verb}", subject_token(service))
}

/// Returns the subject of requests that are addressed to one replica.
fn replica_subject(service: &str, replica: &str, verb: &str) -> String {
    format!("usher.replica.{}.{}.{verb}", subject_token(service), subject_token(replica))
}

/// Asks any replica of the verb's service, and reads the answer.
pub(crate) async fn ask_any<V: OperatorVerb>(
    client: &Client,
    question: &V::Request,
    timeout: Duration,
) -> Result<V::Reply, ControlFailure> {
    send_request::<V>(client, control_subject(V::SERVICE.as_str(), V::NAME), question, timeout).await
}

/// Asks one replica of the verb's service, and reads the answer.
pub(crate) async fn ask_replica<V: OperatorVerb>(
    client: &Client,
    replica: &str,
    question: &V::Request,
    timeout: Duration,
) -> Result<V::Reply, ControlFailure> {
    let to = replica_subject(V::SERVICE.as_str(), replica, V::NAME);
    send_request::<V>(client, to, question, timeout).await
}

/// Sends a request to the subject `to` and reads the answer.
async fn send_request<V: OperatorVerb>(
    client: &Client,
    to: String,
    question: &V::Request,
    timeout: Duration,
) -> Result<V::Reply, ControlFailure> {
    let (service, verb) = (V::SERVICE.as_str(), V::NAME);
    let owned = || service.to_owned();
    let span = tracing::info_span!("control request", service, verb, trace_id = tracing::field::Empty);
    let trace = telemetry::in_trace(&span, None);
    let mut headers = HeaderMap::new();
    headers.insert(wire::TRACE_HEADER, trace.to_string());
    let payload = serde_json::to_vec(question).map_err(ControlFailure::Encode)?;
    let request = Request::new().payload(payload.into()).headers(headers).timeout(Some(timeout));
    let sent = client.send_request(to, request).instrument(span).await;
    let answer = sent.map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => ControlFailure::NoResponders { service: owned() },
        RequestErrorKind::TimedOut => ControlFailure::Timeout { service: owned(), timeout },
        _ => ControlFailure::Send { service: owned(), source: Box::new(error) },
    })?;
    match serde_json::from_slice(&answer.payload) {
        Ok(ControlAnswer::Done(done)) => Ok(done),
        Ok(ControlAnswer::Refused(error)) => Err(ControlFailure::Refused { service: owned(), error }),
        Err(source) => Err(ControlFailure::Decode { service: owned(), source }),
    }
}

/// The receiver of requests to one service, shared among its replicas, or to one replica.
#[derive(Debug)]
pub struct ControlServer {
    client: Client,
    prefix: String,
    requests: Subscriber,
}

impl ControlServer {
    /// Subscribes to requests to any replica of `service`.
    pub(crate) async fn open(client: Client, service: &str) -> Result<Self, BusError> {
        Self::listen(client, service, |verb| control_subject(service, verb)).await
    }

    /// Subscribes to requests to this `replica` of `service`.
    pub(crate) async fn open_replica(client: Client, service: &str, replica: &str) -> Result<Self, BusError> {
        Self::listen(client, service, |verb| replica_subject(service, replica, verb)).await
    }

    async fn listen(
        client: Client,
        service: &str,
        subject: impl Fn(&str) -> String,
    ) -> Result<Self, BusError> {
        let (all, prefix) = (subject(">"), subject(""));
        let failed = |source| BusError::Subscribe { service: service.to_owned(), source };
        let requests = client
            .queue_subscribe(all, subject_token(service))
            .await
            .map_err(|error| failed(Box::new(error)))?;
        // Flush, so that a caller that asks after this returns finds a server.
        client.flush().await.map_err(|error| failed(Box::new(error)))?;
        Ok(Self { client, prefix, requests })
    }

    /// Receives no further requests. [`Self::next`] returns those that have arrived, and then `None`.
    pub(crate) async fn stop_receiving(&mut self) {
        if let Err(error) = self.requests.drain().await {
            tracing::debug!(error = chain(&error), "the subscription to control requests had ended");
        }
    }

    /// Returns the next request, or `None` if the connection is closed permanently. Cancel-safe.
    pub async fn next(&mut self) -> Option<ControlRequest> {
        loop {
            let message = self.requests.next().await?;
            match ControlRequest::read(&self.client, &self.prefix, message) {
                Some(request) => return Some(request),
                None => tracing::warn!("a control request without a verb or a place to answer was dropped"),
            }
        }
    }
}

/// A request that must be answered with [`Self::reply`] or [`Self::refuse`]. If it is dropped, the caller times out.
#[derive(Debug)]
#[must_use = "the caller waits for an answer"]
pub struct ControlRequest {
    /// The name of the verb that is requested; see [`OperatorVerb`].
    pub verb: String,
    /// The question as JSON; see [`Self::question`].
    pub payload: Vec<u8>,
    /// The trace of the caller.
    pub trace: Option<TraceContext>,
    client: Client,
    answer_to: Subject,
}

impl ControlRequest {
    fn read(client: &Client, prefix: &str, message: Message) -> Option<Self> {
        Some(Self {
            verb: message.subject.strip_prefix(prefix)?.to_owned(),
            payload: message.payload.to_vec(),
            trace: wire::trace_of(message.headers.as_ref()),
            client: client.clone(),
            answer_to: message.reply?,
        })
    }

    /// Decodes the question.
    ///
    /// # Errors
    /// Returns an error if the question has another shape. Pass the error to [`Self::refuse`].
    pub fn question<Q: DeserializeOwned>(&self) -> Result<Q, ControlError> {
        serde_json::from_slice(&self.payload).map_err(|error| {
            ControlError::refused(format!("the question of `{}` cannot be read: {error}", self.verb))
        })
    }

    /// Answers that the request is done, with its result. An answer that is too large to send becomes a refusal.
    pub async fn reply<T: Serialize>(self, done: &T) {
        match encode_answer(done) {
            Ok(answer) => self.send_answer(answer).await,
            Err(error) => self.refuse(error).await,
        }
    }

    /// Sends an encoded answer. One that is too large to send becomes a refusal.
    pub(crate) async fn send_answer(self, answer: Vec<u8>) {
        if answer.len() <= self.client.max_payload() {
            return self.send(answer).await;
        }
        let message = format!("the answer of {} bytes is too large, ask for less", answer.len());
        self.refuse(ControlError::refused(message)).await;
    }

    /// Answers that the request is refused, with the reason.
    pub async fn refuse(self, error: ControlError) {
        let answer = serde_json::to_vec(&ControlAnswer::<()>::Refused(error)).expect("a text can be encoded");
        self.send(answer).await;
    }

    async fn send(self, answer: Vec<u8>) {
        if let Err(error) = self.client.publish(self.answer_to, answer.into()).await {
            tracing::warn!(verb = %self.verb, error = chain(&error), "an answer could not be sent");
        }
    }
}

/// Encodes the answer that a request is done.
pub(crate) fn encode_answer<T: Serialize>(done: &T) -> Result<Vec<u8>, ControlError> {
    serde_json::to_vec(&ControlAnswer::Done(done)).map_err(|error| {
        tracing::error!(error = chain(&error), "an answer could not be encoded");
        ControlError::refused("the answer could not be encoded")
    })
}
