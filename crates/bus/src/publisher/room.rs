//! The room in a stream: requesting room from the stream keeper, reserving room for departures, and detecting failing storage.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use telemetry::chain;
use tokio::time::Instant;

use crate::streams::{MAKE_ROOM, StreamSnapshot, look_at_stream};

/// The fill level, in hundredths, above which a stream refuses messages that are not departures.
const FULL_FOR_OTHERS: u64 = 95;
/// The fill level, in hundredths, from which the fill is measured before each commit.
const MEASURED_ABOVE: u64 = 85;
/// The shortest interval between two measurements of a nearly full stream.
const MEASURED_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The longest interval between two measurements.
const MEASURED_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// The time to wait for room in a full stream. The keeper drops consumed messages within that time, if it can.
const ROOM_COMES_WITHIN: Duration = Duration::from_millis(1_500);
/// The pause between two checks of a full stream.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The measured and counted fill of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct RoomState {
    /// The bytes in the stream at the last measurement, its limit, and the time of the measurement.
    measured: Option<(u64, u64, Instant)>,
    /// The bytes that this process has stored since.
    stored: u64,
    /// The time at which the stream began to be full.
    full_since: Option<Instant>,
    /// The time at which storing began to fail for another reason.
    failing_since: Option<Instant>,
}

impl RoomState {
    /// Returns the number of bytes that are free for messages other than departures. If the fill is unknown, the server decides.
    fn free_for_others(&self) -> u64 {
        match self.measured {
            Some((measured, max, _)) if max > 0 => {
                (max / 100 * FULL_FOR_OTHERS).saturating_sub(measured + self.stored)
            }
            _ => u64::MAX,
        }
    }

    fn fits(&self, bytes: u64) -> bool {
        bytes <= self.free_for_others()
    }
}

/// The known state of the room in one stream.
#[derive(Debug)]
pub(super) struct StreamRoom {
    stream: String,
    /// `true` if room is reserved for departures.
    reserves: bool,
    client: Client,
    jetstream: Context,
    state: Mutex<RoomState>,
}

impl StreamRoom {
    pub(super) fn new(stream: &str, reserves: bool, client: Client, jetstream: Context) -> Self {
        Self { stream: stream.to_owned(), reserves, client, jetstream, state: Mutex::default() }
    }

    /// Returns whether `bytes` of messages other than departures fit. If not, requests room and waits a moment for it.
    pub(super) async fn has(&self, bytes: usize) -> bool {
        if !self.reserves {
            return true;
        }
        loop {
            self.measure(bytes as u64).await;
            if self.has_now(bytes as u64) {
                return true;
            }
            if !self.may_come().await {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    fn has_now(&self, bytes: u64) -> bool {
        let mut state = self.state();
        let fits = state.fits(bytes);
        if fits {
            state.full_since = None;
        }
        fits
    }

    /// Returns the number of bytes that are free for messages other than departures.
    pub(super) fn free_for_others(&self) -> u64 {
        self.state().free_for_others()
    }

    async fn measure(&self, wanted: u64) {
        if !self.is_to_be_measured(wanted) {
            return;
        }
        let found = look_at_stream(&self.jetstream, &self.stream).await;
        let mut state = self.state();
        state.stored = 0;
        state.measured = match found {
            StreamSnapshot::There(found) => Some((found.bytes, found.bytes_max, Instant::now())),
            StreamSnapshot::Missing { .. } | StreamSnapshot::Unknown { .. } => None,
        };
    }

    fn is_to_be_measured(&self, wanted: u64) -> bool {
        let state = self.state();
        let Some((bytes, max, at)) = state.measured else { return true };
        let is_nearly_full = bytes + state.stored + wanted > max / 100 * MEASURED_ABOVE;
        at.elapsed() >= if is_nearly_full { MEASURED_AGAIN_AFTER } else { MEASURED_AT_LEAST_EVERY }
    }

    /// Returns whether it is worth waiting for the keeper to make room in a full stream. Sends the request when the stream becomes full.
    pub(super) async fn may_come(&self) -> bool {
        let (since, is_new) = {
            let mut state = self.state();
            let is_new = state.full_since.is_none();
            (*state.full_since.get_or_insert_with(Instant::now), is_new)
        };
        if is_new {
            let asked = self.client.publish(MAKE_ROOM, self.stream.clone().into()).await;
            if let Err(error) = asked {
                tracing::debug!(stream = %self.stream, error = chain(&error), "could not ask for room");
            }
        }
        since.elapsed() < ROOM_COMES_WITHIN
    }

    /// Records that `bytes` were stored.
    pub(super) fn note_stored(&self, bytes: usize) {
        let mut state = self.state();
        state.stored += bytes as u64;
        state.failing_since = None;
        // A departure that was stored in its reserved room does not mean that there is room for other messages.
        if !self.reserves {
            state.full_since = None;
        }
    }

    /// Records that a message could not be stored for a reason other than a full stream.
    pub(super) fn note_failure(&self) {
        self.state().failing_since.get_or_insert_with(Instant::now);
    }

    /// Returns the time for which every attempt to store a message has failed.
    pub(super) fn failing_for(&self) -> Option<Duration> {
        self.state().failing_since.map(|since| since.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
