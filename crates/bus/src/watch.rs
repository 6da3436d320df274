//! The checks of a running service: whether its streams exist, how full they are, and whether the broker stores messages.

use std::time::Duration;

use telemetry::ReadinessLatch;

use crate::streams::look_at_stream;
use crate::{Bus, StreamName, StreamSnapshot, StreamState};

/// The interval between two checks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The interval between two log lines while a service waits for streams.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// The fill level of a stream, in thousandths, from which readiness reports it as full. Near it, only departures are stored.
const FULL_PER_MILLE: u64 = 999;
/// The time for which publishing must have failed before the broker counts as broken.
const BROKEN_AFTER: Duration = Duration::from_secs(5);

impl Bus {
    /// Returns the current state of the streams of `feed`.
    pub async fn look_at_streams(&self, feed: StreamName) -> Vec<StreamSnapshot> {
        let mut looks = Vec::new();
        for stream in feed.streams(self.config().event_shards) {
            let look = look_at_stream(self.jetstream(), &stream).await;
            match &look {
                StreamSnapshot::There(state) => {
                    telemetry::metrics::set_stream(&stream, state.bytes, state.bytes_max);
                }
                StreamSnapshot::Missing { .. } | StreamSnapshot::Unknown { .. } => {
                    telemetry::metrics::stream_unknown(&stream);
                }
            }
            looks.push(look);
        }
        looks
    }

    /// Returns once every stream of `feeds` exists.
    pub async fn wait_for_streams(&self, feeds: &[StreamName]) {
        let mut said: Option<tokio::time::Instant> = None;
        loop {
            let missing = self.not_there(feeds).await;
            if missing.is_empty() {
                return;
            }
            if said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
                said = Some(tokio::time::Instant::now());
                tracing::warn!(
                    missing = missing.join("; "),
                    "waiting for streams: `usher admin streams` makes them, `usher admin streams --watch` keeps them"
                );
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn not_there(&self, feeds: &[StreamName]) -> Vec<String> {
        let mut missing = Vec::new();
        for feed in feeds {
            for look in self.look_at_streams(*feed).await {
                missing.extend(match look {
                    StreamSnapshot::There(_) => None,
                    StreamSnapshot::Missing { stream } => Some(format!("{stream} is missing")),
                    StreamSnapshot::Unknown { stream, why } => Some(format!("{stream}: {why}")),
                });
            }
        }
        missing
    }

    /// Updates `latch` and the gauges of `feeds` while it is polled. The latch is closed if there is no connection, a
    /// stream is missing, or nothing can be stored in a stream of `needed`.
    pub async fn watch_streams(self, feeds: Vec<StreamName>, needed: Vec<StreamName>, latch: ReadinessLatch) {
        loop {
            match self.trouble(&feeds, &needed).await {
                Some(why) => latch.close(why),
                None => latch.open(),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn trouble(&self, feeds: &[StreamName], needed: &[StreamName]) -> Option<String> {
        if !self.connected() {
            for stream in feeds.iter().flat_map(|feed| feed.streams(self.config().event_shards)) {
                telemetry::metrics::stream_unknown(&stream);
            }
            return Some("no connection to the broker".to_owned());
        }
        let mut trouble = None;
        for feed in feeds {
            for look in self.look_at_streams(*feed).await {
                let why = match look {
                    StreamSnapshot::There(state) => {
                        self.storing_trouble(&state).filter(|_| needed.contains(feed))
                    }
                    StreamSnapshot::Missing { stream } => {
                        Some(format!("the stream {stream} is missing: `usher admin streams` makes it again"))
                    }
                    StreamSnapshot::Unknown { stream, why } => {
                        Some(format!("the broker does not tell of the stream {stream}: {why}"))
                    }
                };
                trouble = trouble.or(why);
            }
        }
        trouble
    }

    fn storing_trouble(&self, state: &StreamState) -> Option<String> {
        let stream = &state.stream;
        if state.per_mille() >= FULL_PER_MILLE {
            return Some(format!("the stream {stream} is full"));
        }
        let failing_for = self.failing_for(stream)?;
        let is_broken = failing_for >= BROKEN_AFTER;
        is_broken
            .then(|| format!("the broker has stored nothing in {stream} for {} s", failing_for.as_secs()))
    }
}
