//! The stream keeper: creates streams, brings them up to date, makes them again when they are lost, and drops what every
//! durable consumer has taken before a stream is full.
//!
//! It alone needs the right to do so. Any number may run; what they do is idempotent.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Info as ConsumerInfo};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, Stream};
use futures_util::StreamExt;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connect::retry_until;
use crate::streams::{DROPPED_THROUGH, DROPPED_UNTIL, find_stream};
use crate::{Bus, BusError, StreamName};

/// Subject of a publisher's request to make room; the payload is the stream's name.
pub(crate) const MAKE_ROOM: &str = "usher.streams.full";
/// Between two rounds.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A stream that is fuller, in hundredths, is trimmed, also unasked, ...
const TRIM_ABOVE: u64 = 75;
/// ... until it is this full, if so much of it was taken by every consumer.
const TRIM_TO: u64 = 50;
/// How long [`Bus::ensure_streams`] goes on when the server is not ready for it yet.
const STREAMS_TIMEOUT: Duration = Duration::from_secs(60);

type KeeperFailure = Box<dyn std::error::Error + Send + Sync>;

impl Bus {
    /// Creates every stream, or brings it up to date with the configuration, once.
    ///
    /// # Errors
    /// When the server refuses, e.g. because it has not enough storage to set aside.
    pub async fn ensure_streams(&self) -> Result<(), BusError> {
        let deadline = Instant::now() + STREAMS_TIMEOUT;
        for (_, config) in self.stream_configs() {
            let stream = config.name.clone();
            retry_until(deadline, || async {
                match self.make(&config).await {
                    Ok(_) => Ok(Ok(())),
                    Err(error) if is_refusal(&error) => Ok(Err(error)),
                    Err(error) => Err(error),
                }
            })
            .await
            .flatten()
            .map_err(|source| BusError::Stream { stream, source })?;
        }
        // With copies on all servers it can only be made while all of them are up: better now than at a service's start.
        retry_until(deadline, || self.keep_marks()).await.map(drop)
    }

    /// Makes the bucket of what services left beside their streams, if it is missing.
    async fn keep_marks(&self) -> Result<bool, BusError> {
        crate::mark::keep_bucket(self.jetstream(), self.config().replicas).await
    }

    /// Keeps the streams as the configuration says until `stop`: makes what is missing, undoes what was changed by hand,
    /// and makes room.
    pub async fn keep_streams(self, stop: CancellationToken) {
        let mut failing: Option<String> = None;
        let mut trim_above = TRIM_ABOVE;
        loop {
            let mut requests = self.client().subscribe(MAKE_ROOM).await.ok();
            let round = self.keep_once(trim_above).await;
            report_failure(&mut failing, round);
            let asked = async {
                match requests.as_mut() {
                    Some(requests) => drop(requests.next().await),
                    None => std::future::pending().await,
                }
            };
            trim_above = tokio::select! {
                () = stop.cancelled() => return,
                () = asked => TRIM_TO,
                () = tokio::time::sleep(LOOK_EVERY) => TRIM_ABOVE,
            }
        }
    }

    async fn keep_once(&self, trim_above: u64) -> Result<(), String> {
        let mut failure = Ok(());
        for (feed, config) in self.stream_configs() {
            let kept = match self.make(&config).await {
                Ok(stream) => self.trim(feed, &stream, trim_above).await,
                Err(error) => Err(error),
            };
            if let Err(error) = kept {
                failure = Err(format!("{}: {}", config.name, error_chain(&*error)));
            }
        }
        match self.keep_marks().await {
            Ok(true) => {
                tracing::warn!("what services left beside their streams was missing: the bucket is made")
            }
            Ok(false) => {}
            Err(error) => failure = Err(format!("{}: {}", crate::mark::STREAM, error_chain(&error))),
        }
        failure
    }

    fn stream_configs(&self) -> Vec<(StreamName, Config)> {
        let configs =
            |feed: StreamName| feed.configs(self.config()).into_iter().map(move |config| (feed, config));
        StreamName::ALL.into_iter().flat_map(configs).collect()
    }

    /// The stream as `wanted`; its metadata stays.
    async fn make(&self, wanted: &Config) -> Result<Stream, KeeperFailure> {
        let jetstream = self.jetstream();
        let Some(stream) = find_stream(jetstream, &wanted.name).await? else {
            let made = jetstream.create_stream(wanted.clone()).await?;
            tracing::warn!(stream = %wanted.name, "the stream was missing: it is made");
            return Ok(made);
        };
        let current = &stream.cached_info().config;
        if is_as_wanted(current, wanted) {
            return Ok(stream);
        }
        let mut config = wanted.clone();
        config.metadata.clone_from(&current.metadata);
        jetstream.update_stream(&config).await?;
        tracing::info!(stream = %wanted.name, "the stream is brought up to date with the configuration");
        Ok(jetstream.get_stream(&wanted.name).await?)
    }

    /// Drops the oldest of what every durable consumer has taken when the stream is nearly full.
    async fn trim(&self, feed: StreamName, stream: &Stream, above: u64) -> Result<(), KeeperFailure> {
        let info = stream.cached_info();
        let (state, max) = (&info.state, u64::try_from(info.config.max_bytes).unwrap_or(0));
        if state.messages == 0 || state.bytes.saturating_mul(100) <= max.saturating_mul(above) {
            return Ok(());
        }
        let excess = state.bytes - max / 100 * TRIM_TO;
        let share = u128::from(state.messages) * u128::from(excess) / u128::from(state.bytes);
        let wanted = state.first_sequence + u64::try_from(share)?.max(1);
        let taken = taken_by_all(feed, stream, state.last_sequence).await?;
        let first_kept = wanted.min(taken + 1);
        if first_kept <= state.first_sequence {
            return Ok(()); // nothing that every consumer has taken
        }
        let newest_dropped = first_kept - 1;
        let stored_at = stream.direct_get(newest_dropped).await.ok().map(|message| message.time);
        let mut config = info.config.clone();
        config.metadata.insert(DROPPED_THROUGH.to_owned(), newest_dropped.to_string());
        if let Some(text) = stored_at.and_then(|at| at.format(&Rfc3339).ok()) {
            config.metadata.insert(DROPPED_UNTIL.to_owned(), text);
        }
        // First noted, then dropped: what is gone and was not noted was lost.
        self.jetstream().update_stream(&config).await?;
        let purged = stream.purge().sequence(first_kept).await?;
        tracing::info!(
            stream = %info.config.name, messages = purged.purged, "messages that every consumer has taken made room"
        );
        telemetry::metrics::stream_trimmed(&info.config.name, purged.purged);
        Ok(())
    }
}

/// The sequence up to which every durable consumer has acknowledged every message; 0 while one that must be there has
/// never been made.
async fn taken_by_all(feed: StreamName, stream: &Stream, last: u64) -> Result<u64, KeeperFailure> {
    let mut missing: Vec<&str> = feed.durables().iter().map(|durable| durable.name).collect();
    let mut taken = last;
    let mut consumers = stream.consumers();
    while let Some(consumer) = consumers.next().await {
        let consumer = consumer?;
        if consumer.config.durable_name.is_none() || consumer.config.ack_policy == AckPolicy::None {
            continue;
        }
        missing.retain(|name| *name != consumer.name);
        taken = taken.min(taken_by(&consumer, last));
    }
    Ok(if missing.is_empty() { taken } else { 0 })
}

/// A consumer that reads only some subjects acknowledges none of the others.
fn taken_by(consumer: &ConsumerInfo, last: u64) -> u64 {
    let has_all = consumer.num_pending == 0 && consumer.num_ack_pending == 0;
    if has_all { last } else { consumer.ack_floor.stream_sequence }
}

/// Whether what we set is as wanted; the server fills in the rest.
fn is_as_wanted(current: &Config, wanted: &Config) -> bool {
    current.subjects == wanted.subjects
        && current.retention == wanted.retention
        && current.discard == wanted.discard
        && current.max_age == wanted.max_age
        && current.max_bytes == wanted.max_bytes
        && current.num_replicas == wanted.num_replicas
        && current.duplicate_window == wanted.duplicate_window
        && current.deny_delete == wanted.deny_delete
        && current.allow_direct == wanted.allow_direct
        && current.allow_atomic_publish == wanted.allow_atomic_publish
}

/// Says once that something fails, and once that it does not any more.
fn report_failure(failing: &mut Option<String>, round: Result<(), String>) {
    match round {
        Err(why) if failing.as_ref() != Some(&why) => {
            tracing::warn!(%why, "could not keep the streams as they should be");
            *failing = Some(why);
        }
        Err(_) => {}
        Ok(()) => {
            if failing.take().is_some() {
                tracing::info!("the streams are as they should be");
            }
        }
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Whether asking again cannot help.
fn is_refusal(error: &KeeperFailure) -> bool {
    let Some(error) = error.downcast_ref::<CreateStreamError>() else { return false };
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => error.code() != 503,
        CreateStreamErrorKind::TimedOut
        | CreateStreamErrorKind::Response
        | CreateStreamErrorKind::JetStreamUnavailable => false,
        _ => true,
    }
}
