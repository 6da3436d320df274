//! Building the console and running it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use bus::{Bus, BusError, Consumer, FactBatch, StreamName};
use edge::{HttpServer, TokenTable};
use recovery::{Recovery, RecoveryError};
use store::{Store, StoreError};
use telemetry::{Readiness, ReadinessLatch, Shutdown};
use tokio::net::TcpListener;

use crate::ingest::{self, ReadModelWriter};
use crate::notify::{self, HookNotifier};
use crate::schema::ConsoleMigrator;
use crate::{ConsoleConfig, DURABLE, backup, http, retention};

/// How long requests in flight may take after the shutdown began; longer than a control request takes. Only looking at
/// a target may take longer, and that can be asked for again.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// Why the console could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleBuildError {
    /// The database cannot be used.
    #[error("cannot use the console's database")]
    Store(#[from] StoreError),
    /// The journal cannot be consumed.
    #[error("cannot consume the journal")]
    Journal(#[from] BusError),
    /// It is not known what database it is.
    #[error("compare the console's database with what was left at the broker")]
    Recovery(#[from] RecoveryError),
    /// A hook cannot be used.
    #[error("cannot tell anybody outside")]
    Notify(#[from] notify::OpenError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; another `console.listen` may help")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Why the console ended.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleRunError {
    /// The journal cannot be consumed any more.
    #[error("cannot consume the journal")]
    Journal(#[source] BusError),
}

/// A bound console.
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
}

impl std::fmt::Debug for ConsoleApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Opens the database, brings its tables up to date, joins the journal's consumer and binds the address.
///
/// # Errors
/// When any of these fails.
pub async fn build_console(
    config: ConsoleConfig,
    bus: Bus,
    readiness: Readiness,
) -> Result<ConsoleApp, ConsoleBuildError> {
    let ready = readiness.latch("console");
    let database = readiness.latch("console database");
    if config.operators.is_empty() {
        tracing::warn!("no operators are configured: nobody can use the operator API");
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
    let operators = config.operators.into_iter().map(|operator| (operator.token, operator.name)).collect();
    let context = http::ConsoleState {
        store: store.clone(),
        bus: bus.clone(),
        operators: TokenTable::new(operators),
        recovery: recovery.clone(),
    };
    Ok(ConsoleApp {
        address,
        listener,
        router: http::console_router(context),
        journal,
        model: ReadModelWriter { store: store.clone(), database },
        store,
        timeline_days: config.timeline_days,
        notifiers,
        recovery,
        bus,
        ready,
    })
}

impl ConsoleApp {
    /// Where the operator API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until the shutdown: answers what was asked, finishes the batch in hand.
    ///
    /// # Errors
    /// When it cannot consume any more.
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
