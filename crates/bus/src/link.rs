//! Whether there is a connection, as something that can be waited for.

use std::time::Duration;

use async_nats::Event;
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest pause between attempts to reconnect, and between other retries.
const PAUSE_MAX: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(25);

#[derive(Debug, Clone, Copy)]
struct State {
    connected: bool,
    /// How often a connection was lost.
    breaks: u64,
}

/// The connection's state; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Link(watch::Receiver<State>);

/// The side that hears of changes.
#[derive(Debug, Clone)]
pub(crate) struct LinkSetter(watch::Sender<State>);

pub(crate) fn link() -> (LinkSetter, Link) {
    let (sender, receiver) = watch::channel(State { connected: true, breaks: 0 });
    (LinkSetter(sender), Link(receiver))
}

impl LinkSetter {
    /// Takes note of an event of the client library.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.0.send_if_modified(|state| !std::mem::replace(&mut state.connected, true));
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
}

impl Link {
    pub(crate) fn is_up(&self) -> bool {
        self.0.borrow().connected
    }

    /// How often the connection was lost so far; pass it to [`Self::broken_since`].
    pub(crate) fn breaks(&self) -> u64 {
        self.0.borrow().breaks
    }

    /// Returns once the connection was lost more than `breaks` times: whatever was sent before may be lost.
    pub(crate) async fn broken_since(&self, breaks: u64) {
        if self.0.clone().wait_for(|state| state.breaks > breaks).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns once there is a connection.
    pub(crate) async fn up(&self) {
        if self.0.clone().wait_for(|state| state.connected).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether there is a connection before `deadline`.
    pub(crate) async fn up_by(&self, deadline: Instant) -> bool {
        self.is_up() || tokio::time::timeout_at(deadline, self.up()).await.is_ok()
    }
}

/// Pauses that double, each drawn from the upper half of its range so that clients do not march in step.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pauses {
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
