//! The messages of one durable consumer as a stream without end or error.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use retry::RetryDelays;
use telemetry::chain;
use tokio::time::Instant;

use super::DurableConsumer;
use crate::BusError;
use crate::link::reconnect_delays;

/// The number of messages fetched by one pull request. When half of them are used, the next request is sent. Never 1:
/// the client may then stall.
const FETCH_MAX: usize = 256;
/// The lifetime of a pull request. It bounds the cost of a stalled request.
const FETCH_EXPIRES: Duration = Duration::from_secs(10);
/// The heartbeat interval. After twice this time without a sign of the server, the pull is opened again.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// The state of the endless message stream of one durable consumer.
struct ConsumerStream {
    durable: DurableConsumer,
    /// The number of connection losses at the time `source` was opened.
    breaks: u64,
    source: Option<pull::Stream>,
    /// The messages that were still buffered when `source` failed.
    saved: VecDeque<jetstream::Message>,
    delays: RetryDelays,
}

/// Opens the messages of `durable`, which exists on the server as `consumer`.
pub(super) async fn open_messages(
    durable: DurableConsumer,
    consumer: PullConsumer,
) -> Result<BoxStream<'static, jetstream::Message>, BusError> {
    let breaks = durable.link.breaks();
    let source = Some(pull_messages(&durable, &consumer).await?);
    let tap = ConsumerStream { durable, breaks, source, saved: VecDeque::new(), delays: reconnect_delays() };
    Ok(stream::unfold(tap, |mut tap| async move { Some((tap.next().await, tap)) }).boxed())
}

/// Opens a stream of pull requests for `consumer`.
async fn pull_messages(durable: &DurableConsumer, consumer: &PullConsumer) -> Result<pull::Stream, BusError> {
    consumer
        .stream()
        .max_messages_per_batch(FETCH_MAX)
        .expires(FETCH_EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|error| durable.failed(error))
}

impl ConsumerStream {
    async fn next(&mut self) -> jetstream::Message {
        loop {
            if let Some(message) = self.saved.pop_front() {
                return message;
            }
            let Some(source) = self.source.as_mut() else {
                self.reopen().await;
                continue;
            };
            let why = tokio::select! {
                biased;
                item = source.next() => match item {
                    Some(Ok(message)) => {
                        self.delays.reset();
                        return message;
                    }
                    Some(Err(error)) => error.to_string(),
                    None => "the stream of messages ended".to_owned(),
                },
                () = self.durable.link.broken_since(self.breaks) => "the connection was lost".to_owned(),
            };
            let (stream, durable) = (&self.durable.stream, &self.durable.name);
            tracing::info!(%stream, %durable, %why, "reopening the consumer");
            self.give_up_source();
        }
    }

    /// Drops the source but keeps the messages that it still holds. They are valid, and without this they would be
    /// missing until the server delivers them again.
    fn give_up_source(&mut self) {
        if let Some(mut source) = self.source.take() {
            while let Some(Some(Ok(message))) = source.next().now_or_never() {
                self.saved.push_back(message);
            }
        }
    }

    async fn reopen(&mut self) {
        self.durable.link.up().await;
        self.breaks = self.durable.link.breaks();
        let opened = match self.durable.ensure(Instant::now()).await {
            Ok(consumer) => pull_messages(&self.durable, &consumer).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(source) => self.source = Some(source),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(error = chain(&error), cause, "the consumer is not there yet");
                tokio::time::sleep(self.delays.next_delay()).await;
            }
        }
    }
}
