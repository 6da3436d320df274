//! The admin listener: serves health and metrics from a separate thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Encoder, TextEncoder};
use tokio_util::sync::CancellationToken;

use crate::Readiness;
use crate::chain;

/// A running admin listener.
#[derive(Debug)]
pub(crate) struct AdminListener {
    address: SocketAddr,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl AdminListener {
    /// Binds `address` and serves from a new OS thread with its own runtime.
    pub(crate) fn start(address: SocketAddr, readiness: Readiness) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("admin".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    served = serve_admin(listener, readiness) => {
                        if let Err(error) = served {
                            tracing::error!(error = chain(&error), "admin listener ended");
                        }
                    }
                }
            });
        })?;
        Ok(Self { address, stop, thread })
    }

    /// Returns the address on which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops at once and drops open connections.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        let _ = self.thread.join();
    }
}

/// Serves the routes of the admin listener.
async fn serve_admin(listener: TcpListener, readiness: Readiness) -> io::Result<()> {
    let routes = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(answer_ready))
        .route("/metrics", get(answer_metrics))
        .with_state(readiness);
    axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await
}

/// Answers `/readyz`: 200 if the process is ready, else 503 with the closed latches.
async fn answer_ready(State(readiness): State<Readiness>) -> Response {
    if readiness.is_ready() {
        return "ready\n".into_response();
    }
    let closed: String = readiness.closed().iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
    let body = if closed.is_empty() { "starting\n".to_owned() } else { closed };
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

/// Answers `/metrics` in Prometheus' text format.
async fn answer_metrics() -> Response {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&prometheus::gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
