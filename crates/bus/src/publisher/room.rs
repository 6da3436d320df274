//! Room in a stream: asking the stream keeper for it, keeping some for departures, and whether anything is stored at all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use tokio::time::Instant;

use crate::keeper::MAKE_ROOM;
use crate::streams::{StreamSnapshot, look_at_stream};

/// What is not a departure is refused by a stream that is fuller, in hundredths.
const FULL_FOR_OTHERS: u64 = 95;
/// From here on, in hundredths, the fill is measured before each commit ...
const MEASURED_ABOVE: u64 = 85;
/// ... but not more often than this, and at least this often.
const MEASURED_AGAIN_AFTER: Duration = Duration::from_millis(100);
const MEASURED_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// How long a full stream is waited for: the keeper drops what was consumed within that time, if it can.
const ROOM_COMES_WITHIN: Duration = Duration::from_millis(1_500);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, Default)]
struct RoomState {
    /// Bytes in the stream when it was measured, and its limit.
    measured: Option<(u64, u64, Instant)>,
    /// Bytes stored by us since.
    stored: u64,
    /// When it began to be full.
    full_since: Option<Instant>,
    /// When storing began to fail for another reason.
    failing_since: Option<Instant>,
}

impl RoomState {
    /// Bytes that may still be stored of what is not a departure. What cannot be measured has room: the server decides.
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

/// What is known of the room in one stream.
#[derive(Debug)]
pub(super) struct StreamRoom {
    stream: String,
    /// Room is kept for departures.
    reserves: bool,
    client: Client,
    jetstream: Context,
    state: Mutex<RoomState>,
}

impl StreamRoom {
    pub(super) fn new(stream: &str, reserves: bool, client: Client, jetstream: Context) -> Self {
        Self { stream: stream.to_owned(), reserves, client, jetstream, state: Mutex::default() }
    }

    /// Whether there is room for `bytes` that are no departures; asks for it and waits a moment if there is none.
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

    /// Bytes that may still be stored of what is not a departure.
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

    /// The stream is full: whether it is worth to wait for the keeper to make room. It is asked when that begins.
    pub(super) async fn may_come(&self) -> bool {
        let (since, is_new) = {
            let mut state = self.state();
            let is_new = state.full_since.is_none();
            (*state.full_since.get_or_insert_with(Instant::now), is_new)
        };
        if is_new {
            let asked = self.client.publish(MAKE_ROOM, self.stream.clone().into()).await;
            if let Err(error) = asked {
                tracing::debug!(stream = %self.stream, %error, "could not ask for room");
            }
        }
        since.elapsed() < ROOM_COMES_WITHIN
    }

    pub(super) fn note_stored(&self, bytes: usize) {
        let mut state = self.state();
        state.stored += bytes as u64;
        state.failing_since = None;
        // A departure that was stored in the room that is kept for it does not mean that there is room for others.
        if !self.reserves {
            state.full_since = None;
        }
    }

    pub(super) fn note_failure(&self) {
        self.state().failing_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn failing_for(&self) -> Option<Duration> {
        self.state().failing_since.map(|since| since.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
