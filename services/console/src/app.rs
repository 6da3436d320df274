//! Building and running the console.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bus::{Bus, BusError, Consumer, FactBatch, StreamName};
use edge::HttpServer;
use recovery::{Recovery, RecoveryError};
use retry::RetryLog;
use store::{Store, StoreError};
use telemetry::{Readiness, ReadinessLatch, Shutdown};
use tokio::net::TcpListener;

use crate::ingest::{self, ReadModelWriter};
use crate::notify::{self, HookNotifier};
use crate::operators::OperatorDirectory;
use crate::schema::ConsoleMigrator;
use crate::{ConsoleConfig, DURABLE, backup, http, retention};

/// Maximum time for requests in flight after the shutdown began; longer than the timeout of a control request. Only a lookup at
/// a target may take longer, and the operator can repeat it.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// The error of a console that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleBuildError {
    /// The configuration section is invalid.
    #[error("console configuration: {0}")]
    Config(String),
    /// The database cannot be used.
    #[error("cannot use the console's database")]
    Store(#[from] StoreError),
    /// The journal cannot be consumed.
    #[error("cannot consume the journal")]
    Journal(#[from] BusError),
    /// The database cannot be identified.
    #[error("compare the console's database with what was left at the broker")]
    Recovery(#[from] RecoveryError),
    /// A hook cannot be used.
    #[error("cannot open the notification hooks")]
    Notify(#[from] notify::OpenError),
    /// The address cannot be bound.
    #[error("cannot listen on {address}; another `console.listen` may help")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// The reason why the console stopped.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleRunError {
    /// The journal can no longer be consumed.
    #[error("cannot consume the journal")]
    Journal(#[source] BusError),
}

/// A console with an open database and a bound address.
pub struct ConsoleApp {
    address: SocketAddr,
    listener: TcpListener,
    router: Router,
    journal: Consumer<FactBatch>,
    model: ReadModelWriter,
    store: Store,
    timeline_days: u16,
    notifiers: Vec<HookNotifier>,
    recovery: Recovery,
    bus: Bus,
    ready: ReadinessLatch,
    operators: Arc<OperatorDirectory>,
}

/// The credentials that the console accepts. They can be replaced while it runs.
#[derive(Debug, Clone)]
pub struct ConsoleCredentials(Arc<OperatorDirectory>);

impl ConsoleCredentials {
    /// Accepts the operators of `config` from now on, and returns a description of each change.
    ///
    /// # Errors
    /// Returns the fault of the configuration. The operators stay as they are.
    pub fn reload(&self, config: &ConsoleConfig) -> Result<Vec<String>, String> {
        config.fault().map_or_else(|| Ok(self.0.replace(&config.operators)), Err)
    }
}

impl std::fmt::Debug for ConsoleApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Opens the database, migrates its tables, joins the journal's consumer and binds the address.
///
/// # Errors
/// Returns an error if any of these steps fails.
pub async fn build_console(
    config: ConsoleConfig,
    bus: Bus,
    readiness: Readiness,
) -> Result<ConsoleApp, ConsoleBuildError> {
    let ready = readiness.latch("console");
    let database = readiness.latch("console database");
    if config.operators.is_empty() {
        tracing::warn!("no operators are configured: the operator API refuses every request");
    }
    if let Some(fault) = config.fault() {
        return Err(ConsoleBuildError::Config(fault));
    }
    let store = Store::open::<ConsoleMigrator>(&config.database).await?;
    database.open();
    let consumers = vec![(StreamName::Journal, DURABLE.to_owned())];
    let recovery = Recovery::new(DURABLE, store.clone(), bus.clone(), consumers);
    recovery.begin().await?;
    let journal = bus.consume(StreamName::Journal, DURABLE).await?;
    let notifiers = notify::open_hooks(config.notify, &bus).await?;
    let listen = |source| ConsoleBuildError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let operators = Arc::new(OperatorDirectory::new(&config.operators));
    let context = http::ConsoleState {
        store: store.clone(),
        bus: bus.clone(),
        operators: Arc::clone(&operators),
        trusted_proxies: config.trusted_proxies,
        recovery: recovery.clone(),
    };
    Ok(ConsoleApp {
        address,
        listener,
        router: http::console_router(context),
        journal,
        model: ReadModelWriter { store: store.clone(), database, retries: RetryLog::new() },
        store,
        timeline_days: config.timeline_days,
        notifiers,
        recovery,
        bus,
        ready,
        operators,
    })
}

impl ConsoleApp {
    /// Returns the address on which the operator API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the credentials that the console accepts.
    pub fn credentials(&self) -> ConsoleCredentials {
        ConsoleCredentials(Arc::clone(&self.operators))
    }

    /// Runs until the shutdown. Then answers the requests in flight and finishes the current batch.
    ///
    /// # Errors
    /// Returns an error if the journal can no longer be consumed.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), ConsoleRunError> {
        let (soft, hard) = (shutdown.soft.clone(), shutdown.hard.clone());
        let serving = HttpServer { drain_max: DRAIN_MAX, ..HttpServer::default() };
        let serve = edge::serve_router(self.listener, self.router, soft, hard, serving);
        let serve = async { Ok(serve.await) };
        let pruning =
            tokio::spawn(retention::run_retention(self.store, self.timeline_days, shutdown.clone()));
        let telling: Vec<_> =
            self.notifiers.into_iter().map(|one| tokio::spawn(one.run(shutdown.clone()))).collect();
        let ingest = ingest::run_ingest(self.journal, self.model, shutdown.clone());
        let ingest = async { ingest.await.map_err(ConsoleRunError::Journal) };
        let (operators, stop) = (self.operators, shutdown.soft.clone());
        tokio::spawn(async move { operators.guard.run_summaries(stop).await });
        tokio::spawn(backup::watch_backups(self.bus, shutdown.clone()));
        let keeping = tokio::spawn(self.recovery.clone().run(shutdown.soft.clone()));
        self.ready.open();
        let result = tokio::select! {
            result = async { tokio::try_join!(serve, ingest) } => result.map(|_| ()),
            () = shutdown.hard.cancelled() => Ok(()),
        };
        self.ready.close("stopping");
        pruning.abort();
        keeping.abort();
        self.recovery.end().await;
        telling.iter().for_each(tokio::task::JoinHandle::abort);
        result
    }
}
