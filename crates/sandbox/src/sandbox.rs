//! The server: starts, is queried and configured, and shuts down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use telemetry::chain;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::answer::SandboxRefusal;
use crate::behaviour::SandboxBehaviour;
use crate::connection::{ConnectionHandle, SandboxListener};
use crate::context::SandboxContext;
use crate::faults::FaultRules;
use crate::ledger::RequestLedger;
use crate::state::SandboxState;
use crate::{BASE_PATH, RequestKind, control, exchange, rules};

/// The maximum time for which hanging requests may delay [`Sandbox::shutdown`].
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The address to listen on; port 0 selects a free port.
    pub listen: SocketAddr,
    /// The bearer token that clients must send.
    pub token: String,
    /// The behaviour of the server.
    pub behaviour: SandboxBehaviour,
}

/// The reason why a sandbox was not started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
}

/// The reason why a resource was not seeded: the refusal that a client would have received.
#[derive(Debug, Error)]
#[error("the sandbox refuses this resource ({status}): {detail}")]
pub struct SeedError {
    /// The HTTP status.
    pub status: u16,
    /// A description of the error.
    pub detail: String,
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<SandboxContext>,
    address: SocketAddr,
    task: JoinHandle<()>,
    closing: DropGuard,
}

impl Sandbox {
    /// Binds the address, and serves in a separate task.
    pub async fn start(options: SandboxOptions) -> Result<Self, StartError> {
        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let closing = CancellationToken::new();
        let base_url = format!("http://{address}{BASE_PATH}");
        let world = Arc::new(SandboxContext::new(options.token, base_url, closing.clone()));
        world.set_behaviour(options.behaviour);
        let app: Router =
            control::control_routes().fallback(exchange::serve_request).with_state(Arc::clone(&world));
        let service = app.into_make_service_with_connect_info::<ConnectionHandle>();
        let ended = closing.clone().cancelled_owned();
        let server = axum::serve(SandboxListener(listener), service).with_graceful_shutdown(ended);
        let task = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(error = chain(&error), "the sandbox ended");
            }
        });
        Ok(Self { world, address, task, closing: closing.drop_guard() })
    }

    /// Returns the SCIM base URL, such as `http://127.0.0.1:4711/scim/v2`.
    pub fn base_url(&self) -> String {
        self.world.base_url.clone()
    }

    /// Returns the origin of the control paths, such as `http://127.0.0.1:4711` (`/_sandbox/state` and others).
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the fault rules.
    pub fn faults(&self) -> &FaultRules {
        &self.world.faults
    }

    /// Returns the ledger of the requests so far.
    pub fn ledger(&self) -> &RequestLedger {
        &self.world.ledger
    }

    /// Returns a copy of the present state. Requests wait while it is made.
    pub fn state(&self) -> SandboxState {
        SandboxState::of(&self.world.directory())
    }

    /// Returns the maximum number of requests that arrived within any
    /// span of this length (see [`RequestLedger::max_rate_seen`]).
    pub fn max_rate_seen(&self, window: Duration) -> usize {
        self.world.ledger.max_rate_seen(window)
    }

    /// Creates a user without a request; `schemas` may be omitted. Returns its id.
    pub fn seed_user(&self, user: Value) -> Result<String, SeedError> {
        self.seed(RequestKind::User, user)
    }

    /// Creates a group without a request; `schemas` may be omitted. Returns its id.
    pub fn seed_group(&self, group: Value) -> Result<String, SeedError> {
        self.seed(RequestKind::Group, group)
    }

    /// Replaces the behaviour from now on. A rate limit starts with a full bucket.
    pub fn set_behaviour(&self, behaviour: SandboxBehaviour) {
        self.world.set_behaviour(behaviour);
    }

    /// Returns the behaviour.
    pub fn behaviour(&self) -> SandboxBehaviour {
        (*self.world.behaviour()).clone()
    }

    /// Replaces the bearer token from now on. The old one is revoked.
    pub fn set_token(&self, token: impl Into<String>) {
        self.world.set_token(token.into());
    }

    /// Removes resources, requests and faults; the behaviour and the token stay.
    pub fn reset(&self) {
        self.world.reset();
    }

    /// Stops the server. Requests that hang on purpose are reset.
    pub async fn shutdown(self) {
        let Self { task, closing, .. } = self;
        drop(closing);
        let stop = task.abort_handle();
        if tokio::time::timeout(DRAIN_TIMEOUT, task).await.is_err() {
            tracing::warn!("connections were still open at the end");
            stop.abort();
        }
    }

    fn seed(&self, kind: RequestKind, mut resource: Value) -> Result<String, SeedError> {
        if let Some(map) = resource.as_object_mut() {
            map.entry("schemas").or_insert_with(|| json!([rules::core_schema(kind)]));
        }
        let refused = |refusal: SandboxRefusal| SeedError { status: refusal.status, detail: refusal.detail };
        let (attributes, members) = rules::read_resource(kind, &resource).map_err(refused)?;
        let behaviour = self.world.behaviour();
        let now = self.world.now();
        let mut directory = self.world.directory();
        let id = directory.create(kind, attributes, &members, &behaviour, now).map_err(refused)?;
        Ok(id.to_string())
    }
}
