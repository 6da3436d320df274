//! The stream keeper: creates and updates streams, creates lost streams again, and drops messages that every durable
//! consumer has acknowledged before a stream is full.
//!
//! It is the only process that needs the permissions for this. Several keepers may run; their operations are idempotent.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Info as ConsumerInfo};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, Stream};
use futures_util::StreamExt;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use telemetry::chain_text;

use crate::connect::retry_until;
use crate::streams::{DROPPED_THROUGH, DROPPED_UNTIL, MAKE_ROOM, find_stream};
use crate::{Bus, BusError, StreamName};

/// The interval between two rounds.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The fill level of a stream, in hundredths, above which it is trimmed without a request.
const TRIM_ABOVE: u64 = 75;
/// The fill level, in hundredths, to which a stream is trimmed if every consumer has acknowledged enough messages.
const TRIM_TO: u64 = 50;
/// The time for which [`Bus::ensure_streams`] retries while the server is not ready.
const STREAMS_TIMEOUT: Duration = Duration::from_secs(60);

type KeeperFailure = Box<dyn std::error::Error + Send + Sync>;

impl Bus {
    /// Creates every stream, or updates it to the configuration, once.
    ///
    /// # Errors
    /// Returns an error if the server refuses, for example because it does not have enough storage to reserve.
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
        // With copies on all servers, the bucket can only be created while all of them are up: better now than at a service's start.
        retry_until(deadline, || self.keep_marks()).await?;
        retry_until(deadline, || self.keep_notices_consumer())
            .await
            .map_err(|source| BusError::Stream { stream: "NOTICES".to_owned(), source })
    }

    /// Creates the consumer of notices if it is missing. The gateway, which strangers reach, must not be able to create
    /// consumers: the server would deliver what such a consumer reads to any subject that its creator names.
    async fn keep_notices_consumer(&self) -> Result<(), KeeperFailure> {
        for durable in StreamName::Notices.durables() {
            for consumer in self.durables(StreamName::Notices, durable.name) {
                consumer.make_if_missing().await?;
            }
        }
        Ok(())
    }

    /// Creates the bucket of the services' marks if it is missing. Returns whether it was missing.
    async fn keep_marks(&self) -> Result<bool, BusError> {
        crate::mark::keep_bucket(self.jetstream(), self.config().replicas).await
    }

    /// Keeps the streams as configured until `stop`: creates missing streams, reverts manual changes and makes
    /// room.
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
                failure = Err(format!("{}: {}", config.name, chain_text(&*error)));
            }
        }
        match self.keep_marks().await {
            Ok(true) => {
                tracing::warn!("what services left beside their streams was missing: the bucket is made")
            }
            Ok(false) => {}
            Err(error) => failure = Err(format!("{}: {}", crate::mark::STREAM, chain_text(&error))),
        }
        if let Err(error) = self.keep_notices_consumer().await {
            failure = Err(format!("the consumer of NOTICES: {}", chain_text(&*error)));
        }
        failure
    }

    fn stream_configs(&self) -> Vec<(StreamName, Config)> {
        let configs =
            |feed: StreamName| feed.configs(self.config()).into_iter().map(move |config| (feed, config));
        StreamName::ALL.into_iter().flat_map(configs).collect()
    }

    /// Returns the stream, created or updated to `wanted`. Its metadata is kept.
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

    /// Drops the oldest messages that every durable consumer has acknowledged if the stream is nearly full.
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
            return Ok(()); // no message that every consumer has acknowledged
        }
        let newest_dropped = first_kept - 1;
        let stored_at = stream.direct_get(newest_dropped).await.ok().map(|message| message.time);
        let mut config = info.config.clone();
        config.metadata.insert(DROPPED_THROUGH.to_owned(), newest_dropped.to_string());
        if let Some(text) = stored_at.and_then(|at| at.format(&Rfc3339).ok()) {
            config.metadata.insert(DROPPED_UNTIL.to_owned(), text);
        }
        // Note it first, then drop: a gap that was not noted is a loss.
        self.jetstream().update_stream(&config).await?;
        let purged = stream.purge().sequence(first_kept).await?;
        tracing::info!(
            stream = %info.config.name, messages = purged.purged, "messages that every consumer has taken made room"
        );
        telemetry::metrics::stream_trimmed(&info.config.name, purged.purged);
        Ok(())
    }
}

/// Returns the sequence up to which every durable consumer has acknowledged every message. Returns 0 while a required
/// consumer does not exist.
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

/// Returns the sequence that a consumer has acknowledged. A consumer that reads only some subjects never acknowledges the others.
fn taken_by(consumer: &ConsumerInfo, last: u64) -> u64 {
    let has_all = consumer.num_pending == 0 && consumer.num_ack_pending == 0;
    if has_all { last } else { consumer.ack_floor.stream_sequence }
}

/// Returns whether the settings that the keeper controls are as wanted. The server fills in the rest.
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

/// Logs once that the round fails, and once that it succeeds again.
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

/// Returns whether a retry cannot help.
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
