//! Whether there is a connection, as something that can be waited for.

use std::time::Duration;

use async_nats::{Client, Event, connection};
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest pause between attempts to reconnect, and between other retries.
const PAUSE_MAX: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(25);
/// How long an event that says "connected" is waited for before the client is asked.
const EVENT_MISSED_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct LinkState {
    connected: bool,
    /// How often a connection was lost.
    breaks: u64,
}

/// The side that hears of changes.
#[derive(Debug, Clone)]
pub(crate) struct LinkSetter(watch::Sender<LinkState>);

impl Default for LinkSetter {
    fn default() -> Self {
        Self(watch::Sender::new(LinkState { connected: true, breaks: 0 }))
    }
}

impl LinkSetter {
    /// Takes note of an event of the client library.
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

/// The connection's state; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct BrokerLink {
    state: LinkSetter,
    client: Client,
}

impl BrokerLink {
    pub(crate) fn new(state: LinkSetter, client: Client) -> Self {
        Self { state, client }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.0.borrow().connected
    }

    /// How often the connection was lost so far; pass it to [`Self::broken_since`].
    pub(crate) fn breaks(&self) -> u64 {
        self.state.0.borrow().breaks
    }

    /// Returns once the connection was lost more than `breaks` times: whatever was sent before may be lost.
    pub(crate) async fn broken_since(&self, breaks: u64) {
        let broken = self.state.0.subscribe().wait_for(|state| state.breaks > breaks).await.is_ok();
        debug_assert!(broken, "`self` keeps the sender alive");
    }

    /// Returns once there is a connection.
    pub(crate) async fn up(&self) {
        let mut state = self.state.0.subscribe();
        while tokio::time::timeout(EVENT_MISSED_AFTER, state.wait_for(|state| state.connected)).await.is_err()
        {
            // The client drops events when nobody takes them fast enough.
            if self.client.connection_state() == connection::State::Connected {
                self.state.connected();
            }
        }
    }

    /// Whether there is a connection before `deadline`.
    pub(crate) async fn up_by(&self, deadline: Instant) -> bool {
        self.is_up() || tokio::time::timeout_at(deadline, self.up()).await.is_ok()
    }
}

/// Pauses that double, each drawn from the upper half of its range so that clients do not march in step.
#[derive(Debug)]
pub(crate) struct ReconnectBackoff(Duration);

impl Default for ReconnectBackoff {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl ReconnectBackoff {
    pub(crate) fn next(&mut self) -> Duration {
        let ceiling = self.0;
        self.0 = (ceiling * 2).min(PAUSE_MAX);
        rand::random_range(ceiling / 2..=ceiling)
    }

    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// The pause after `attempts` failures.
    pub(crate) fn after(attempts: usize) -> Duration {
        let doublings = u32::try_from(attempts.min(16)).expect("at most 16");
        Self((PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX)).next()
    }
}
