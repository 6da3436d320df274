//! Builds the gateway from its configuration. [`run`] runs it and shuts it down.

mod run;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Bus, BusError, StreamName};
use edge::{CallerBudget, CredentialGuard, HttpServer, SharedTokenTable, TlsError, TlsSettings};
use recovery::{Recovery, RecoveryError};
use store::{Store, StoreError};
use telemetry::{Readiness, ReadinessLatch};
use tokio::net::TcpListener;

use crate::config::GatewayConfig;
use crate::credentials::GatewayCredentials;
use crate::http::AppState;
use crate::idp::{ScimConfig, ScimState};
use crate::inbound::webhooks::WebhookSource;
use crate::inbound::{csv_feeds, webhooks};
use crate::intake::admission::quota::SenderQuota;
use crate::intake::admission::{AdmittedSource, LoadPressure};
use crate::intake::problems::ProblemLog;
use crate::intake::source::SourceConfig;
use crate::intake::state::IntakeState;
use crate::migrations::GatewayMigrator;
use crate::pull::fetch::{FetchPlan, NoticeIntake, RecordFetcher};
use crate::pull::poll::{ListPoller, PreparedPoll};

pub use run::GatewayRunError;

/// The reason why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayBuildError {
    /// The configuration section is invalid.
    #[error("gateway configuration: {0}")]
    Config(String),
    /// The gateway cannot listen on the address.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The certificates are invalid or cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be opened.
    #[error("the gateway's database")]
    Store(#[source] StoreError),
    /// The stream of thin notices cannot be consumed.
    #[error("the stream of notices")]
    Notices(#[source] BusError),
    /// The gateway cannot tell whether its database was restored.
    #[error("compare the gateway's database with what was left at the broker")]
    Recovery(#[source] RecoveryError),
}

/// A gateway that listens, but does not answer requests before [`GatewayApp::run`].
#[derive(Debug)]
pub struct GatewayApp {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<AppState>,
    scim: Option<Arc<ScimState>>,
    fetching: Option<FetchParts>,
    pollers: Vec<ListPoller>,
    /// Present only with a database.
    recovery: Option<Recovery>,
    /// Present only with a database, whose clock is the reference.
    clock: Option<Store>,
    /// The readiness of the gateway.
    latch: ReadinessLatch,
    /// Present only with an outbox.
    outbox: Option<ReadinessLatch>,
    serving: HttpServer,
}

/// The parts that fetch records.
#[derive(Debug)]
struct FetchParts {
    notices: NoticeIntake,
    fetchers: Vec<RecordFetcher>,
}

/// Binds the address and opens the database. The streams must exist: see [`Bus::ensure_streams`].
///
/// # Errors
/// Returns an error if the configuration is invalid, or if the address cannot be bound.
pub async fn build_gateway(
    mut config: GatewayConfig,
    bus: Bus,
    readiness: Readiness,
) -> Result<GatewayApp, GatewayBuildError> {
    if let Some(fault) = config.fault() {
        return Err(GatewayBuildError::Config(fault));
    }
    let asked = config.feeds.len() + config.polls.len();
    let senders = [config.sources.len(), config.webhooks.len(), asked, config.scim.len()];
    if senders.iter().sum::<usize>() == 0 {
        tracing::warn!("no source is configured: every request will be refused");
    }
    let failed = |source| GatewayBuildError::Listen { address: config.listen, source };
    let serving = HttpServer {
        connections_max: config.connections_max,
        head_time_max: Duration::from_secs(config.head_seconds_max),
        drain_max: Duration::from_secs(config.drain_seconds_max),
        tls: config.tls.clone().map(TlsSettings::open).transpose()?,
    };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let opened = webhooks::open_webhooks(config.webhooks.clone(), Instant::now());
    let opened = opened.map_err(GatewayBuildError::Config)?;
    let plans = fetch_plans(&config, &opened).map_err(GatewayBuildError::Config)?;
    let polls = config.polls.drain(..).map(PreparedPoll::new).collect::<Result<Vec<_>, _>>();
    let polls = polls.map_err(GatewayBuildError::Config)?;
    let needs_store = !config.scim.is_empty() || !plans.is_empty() || !polls.is_empty();
    let store = match config.database.as_deref().filter(|_| needs_store) {
        Some(database) => Some(open_database(database).await?),
        None => None,
    };
    let recovery = match &store {
        Some(store) => Some(recognise_database(store, &bus, !plans.is_empty()).await?),
        None => None,
    };
    let providers = std::mem::take(&mut config.scim);
    let state = build_state(config, bus, opened, &providers)?;
    let intake = &state.intake;
    let fetching = match &store {
        Some(store) if !plans.is_empty() => Some(build_fetching(store, intake, plans).await?),
        _ => None,
    };
    let poller = |poll| {
        let store = store.clone().expect("the database is open if there are polls");
        let replica = replica_name(&store);
        ListPoller::new(Arc::clone(intake), store, poll, &replica)
    };
    let pollers = polls.into_iter().map(poller).collect();
    let clock = store.clone();
    let scim = store.filter(|_| !providers.is_empty());
    let scim = scim.map(|store| Arc::new(ScimState::open(providers, store, Arc::clone(intake))));
    let latch = readiness.latch("gateway");
    let outbox = scim.is_some().then(|| readiness.latch("gateway outbox"));
    Ok(GatewayApp {
        listener,
        address,
        state,
        scim,
        fetching,
        pollers,
        recovery,
        clock,
        latch,
        outbox,
        serving,
    })
}

/// Opens the database. Its clock is measured once here, because the first request must not use a wrong one.
async fn open_database(url: &str) -> Result<Store, GatewayBuildError> {
    let store = Store::open::<GatewayMigrator>(url).await.map_err(GatewayBuildError::Store)?;
    store::clock::measure_skew(&store).await.map_err(GatewayBuildError::Store)?;
    Ok(store)
}

/// Builds the state that the handlers share.
fn build_state(
    config: GatewayConfig,
    bus: Bus,
    webhooks: HashMap<String, WebhookSource>,
    providers: &[ScimConfig],
) -> Result<Arc<AppState>, GatewayBuildError> {
    let intake = IntakeState {
        quota: SenderQuota::new(bus.events_bytes_max(), config.sender_share_percent_max),
        bus,
        pressure: LoadPressure::new(config.in_flight_max, config.mapper_lag_max),
        limits: config.limits(),
        body_bytes_max: config.body_bytes_max,
        body_time_max: Duration::from_secs(config.body_seconds_max),
        trusted_proxies: config.trusted_proxies,
        problems: ProblemLog::default(),
        unproven: CallerBudget::new(config.unproven_bodies_max, config.unproven_bodies_max.div_ceil(2)),
        guard: CredentialGuard::new(crate::SERVICE),
    };
    let providers: Vec<String> = providers.iter().map(|provider| provider.name.clone()).collect();
    let feeds = csv_feeds::open_feeds(config.feeds, &config.sources).map_err(GatewayBuildError::Config)?;
    let sources = admitted_sources(config.sources, &providers);
    Ok(Arc::new(AppState {
        intake: Arc::new(intake),
        feeds,
        admitted: sources.current().entries().map(|(_, source)| Arc::clone(source)).collect(),
        sources,
        webhooks,
        scim_bulk: config.scim_bulk,
    }))
}

/// Detects whether the database was restored. A restored database fetches again every record that it was asked to fetch since.
/// Only a gateway that fetches records has a consumer, whose position counts.
async fn recognise_database(store: &Store, bus: &Bus, fetches: bool) -> Result<Recovery, GatewayBuildError> {
    let consumer = (StreamName::Notices, crate::SERVICE.to_owned());
    let consumers = if fetches { vec![consumer] } else { Vec::new() };
    let recovery = Recovery::new(crate::SERVICE, store.clone(), bus.clone(), consumers);
    recovery.begin().await.map_err(GatewayBuildError::Recovery)?;
    Ok(recovery)
}

/// Returns the replica's name. Only one process can use a SQLite file, so its name is fixed and a restarted process resumes at once.
fn replica_name(store: &Store) -> String {
    match store.backend() {
        sea_orm::DbBackend::Sqlite => "the only one".to_owned(),
        _ => uuid::Uuid::now_v7().to_string(),
    }
}

/// Builds the fetch plan of each webhook that fetches records.
fn fetch_plans(
    config: &GatewayConfig,
    opened: &HashMap<String, WebhookSource>,
) -> Result<Vec<Arc<FetchPlan>>, String> {
    let fetching = config.webhooks.iter().filter_map(|webhook| {
        let notices = Arc::clone(&opened.get(&webhook.name)?.notices);
        Some((notices, webhook.fetch.clone()?))
    });
    fetching.map(|(notices, fetch)| FetchPlan::new(notices, fetch).map(Arc::new)).collect()
}

/// Builds the intake of thin notices, and one fetcher for each plan.
async fn build_fetching(
    store: &Store,
    intake: &Arc<IntakeState>,
    plans: Vec<Arc<FetchPlan>>,
) -> Result<FetchParts, GatewayBuildError> {
    let consumed =
        intake.bus.consume(StreamName::Notices, crate::SERVICE).await.map_err(GatewayBuildError::Notices)?;
    let notices = NoticeIntake::new(store.clone(), consumed, &plans);
    let replica = replica_name(store);
    let fetcher = |plan| RecordFetcher::new(Arc::clone(intake), store.clone(), plan, &replica);
    Ok(FetchParts { notices, fetchers: plans.into_iter().map(fetcher).collect() })
}

/// Builds the table of sources by token.
fn admitted_sources(
    configs: Vec<SourceConfig>,
    providers: &[String],
) -> SharedTokenTable<Arc<AdmittedSource>> {
    let now = Instant::now();
    let entry = |config: SourceConfig| {
        telemetry::metrics::register_source(&config.name);
        (config.token, Arc::new(AdmittedSource::new(config, providers, now)))
    };
    SharedTokenTable::new(configs.into_iter().map(entry).collect())
}

impl GatewayApp {
    /// Returns the credentials that the gateway accepts.
    pub fn credentials(&self) -> GatewayCredentials {
        GatewayCredentials { state: Arc::clone(&self.state), scim: self.scim.clone() }
    }

    /// Returns the address on which the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
