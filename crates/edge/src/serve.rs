//! Serving a router until it is told to stop.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Clean,
    /// Some requests were dropped, because the deadline passed or `hard` was cancelled.
    Dropped,
}

/// The listener failed.
#[derive(Debug, thiserror::Error)]
#[error("serve HTTP")]
pub struct ServeError(#[source] std::io::Error);

/// Serves `router`. After `soft` it takes no new connection and finishes what is in flight, for at most
/// `drain_max`; after `hard` it drops everything.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    soft: CancellationToken,
    hard: CancellationToken,
    drain_max: Duration,
) -> Result<Drained, ServeError> {
    let server = axum::serve(listener, router).with_graceful_shutdown(soft.clone().cancelled_owned());
    let deadline = async {
        soft.cancelled().await;
        tokio::time::sleep(drain_max).await;
    };
    tokio::select! {
        ended = async { server.await } => ended.map(|()| Drained::Clean).map_err(ServeError),
        () = deadline => Ok(Drained::Dropped),
        () = hard.cancelled() => Ok(Drained::Dropped),
    }
}
