//! The state of the connection as a level that can be awaited.

use std::time::Duration;

use async_nats::{Client, Event, connection};
use retry::{RetryDelays, retry_delay};
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest pause between attempts to reconnect, and between other retries.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The shortest pause between attempts to reconnect.
const PAUSE_MIN: Duration = Duration::from_millis(25);
/// The time to wait for a "connected" event before the client is asked for its state.
const EVENT_MISSED_AFTER: Duration = Duration::from_secs(1);

/// The state of the connection at one time.
#[derive(Debug, Clone, Copy)]
struct LinkState {
    connected: bool,
    /// The number of times that the connection was lost.
    breaks: u64,
}

/// The writing side of the connection state. It receives the events of the client.
#[derive(Debug, Clone)]
pub(crate) struct LinkSetter(watch::Sender<LinkState>);

impl Default for LinkSetter {
    fn default() -> Self {
        Self(watch::Sender::new(LinkState { connected: true, breaks: 0 }))
    }
}

impl LinkSetter {
    /// Records an event of the client library.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.connected();
                tracing::info!("connected to the broker");
            }
            Event::Disconnected | Event::Closed => {
                self.0.send_modify(|state| {
                    state.connected = false;
                    state.breaks += 1;
                });
                tracing::warn!("disconnected from the broker");
            }
            other => tracing::warn!(event = %other, "the broker's client reports"),
        }
    }

    fn connected(&self) {
        self.0.send_if_modified(|state| !std::mem::replace(&mut state.connected, true));
    }
}

/// The state of the connection; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct BrokerLink {
    state: LinkSetter,
    client: Client,
}

impl BrokerLink {
    pub(crate) fn new(state: LinkSetter, client: Client) -> Self {
        Self { state, client }
    }

    /// Returns whether there is a connection now.
    pub(crate) fn is_up(&self) -> bool {
        self.state.0.borrow().connected
    }

    /// Returns the number of connection losses so far. Pass it to [`Self::broken_since`].
    pub(crate) fn breaks(&self) -> u64 {
        self.state.0.borrow().breaks
    }

    /// Returns once the connection was lost more than `breaks` times. Messages that were sent before may be lost.
    pub(crate) async fn broken_since(&self, breaks: u64) {
        let broken = self.state.0.subscribe().wait_for(|state| state.breaks > breaks).await.is_ok();
        debug_assert!(broken, "`self` keeps the sender alive");
    }

    /// Returns once there is a connection.
    pub(crate) async fn up(&self) {
        let mut state = self.state.0.subscribe();
        while tokio::time::timeout(EVENT_MISSED_AFTER, state.wait_for(|state| state.connected)).await.is_err()
        {
            // The client drops events if no task takes them fast enough.
            if self.client.connection_state() == connection::State::Connected {
                self.state.connected();
            }
        }
    }

    /// Waits for a connection until `deadline`. Returns whether there is one.
    pub(crate) async fn up_by(&self, deadline: Instant) -> bool {
        self.is_up() || tokio::time::timeout_at(deadline, self.up()).await.is_ok()
    }
}

/// Returns the delays between attempts to reach the broker.
pub(crate) const fn reconnect_delays() -> RetryDelays {
    RetryDelays::new(PAUSE_MIN, PAUSE_MAX)
}

/// Returns the delay after `attempts` failed attempts to reconnect.
pub(crate) fn reconnect_delay(attempts: usize) -> Duration {
    retry_delay(u32::try_from(attempts).unwrap_or(u32::MAX), PAUSE_MIN, PAUSE_MAX)
}
