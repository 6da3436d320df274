//! Connecting to the broker and checking the server that answered.

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use telemetry::chain;
use tokio::time::Instant;

use crate::config::BrokerCredential;
use crate::link::{BrokerLink, LinkSetter, reconnect_delay, reconnect_delays};
use crate::permissions::inbox_prefix;
use crate::server::{SyncPolicy, sync_of};
use crate::{BusConfig, BusError};

/// The oldest server version with atomic batches.
const SERVER_MIN: (i64, i64) = (2, 12);
/// The oldest recommended server version. Below it, replicated streams sync each message separately and some data-loss bugs are open.
const SERVER_ADVISED: (i64, i64) = (2, 15);
/// The interval of pings to the server, which detect a dead connection.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// The timeout of one attempt to connect.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The timeout of requests to JetStream's API. Publishing has its own deadline.
const API_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection to the broker.
pub(crate) struct BrokerConnection {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) link: BrokerLink,
}

/// Waits for a server with a working JetStream and checks its version and its sync policy.
pub(crate) async fn connect_broker(config: &BusConfig, name: &str) -> Result<BrokerConnection, BusError> {
    let deadline = Instant::now() + config.connect_timeout();
    let state = LinkSetter::default();
    let client = dial_until(deadline, config, name, state.clone()).await?;
    let link = BrokerLink::new(state, client.clone());
    check_version(&client, config)?;
    let jetstream = ContextBuilder::new().timeout(API_TIMEOUT).build(client.clone());
    let account = || async { jetstream.query_account().await.map(drop) };
    retry_until(deadline, account)
        .await
        .map_err(|error| BusError::Connect { url: config.shown_url(), source: Box::new(error) })?;
    check_sync(config).await?;
    let server = client.server_info();
    tracing::info!(server = %server.server_name, version = %server.version, url = %config.shown_url(), "bus ready");
    Ok(BrokerConnection { client, jetstream, link })
}

/// Repeats `attempt` with pauses until it succeeds or `deadline` has passed. Calls it at least once.
pub(crate) async fn retry_until<T, E, F>(deadline: Instant, attempt: impl Fn() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut delays = reconnect_delays();
    loop {
        match attempt().await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(delays.next_delay()).await,
            result => return result,
        }
    }
}

/// Connects with back-off until `deadline`. A refused credential ends the attempts at once.
async fn dial_until(
    deadline: Instant,
    config: &BusConfig,
    name: &str,
    setter: LinkSetter,
) -> Result<Client, BusError> {
    let servers = parse_addresses(config)?;
    let mut delays = reconnect_delays();
    let mut warned = false;
    loop {
        let error = match connect_options(config, name, setter.clone()).await?.connect(servers.clone()).await
        {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let hopeless = matches!(
            error.kind(),
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication
        );
        if hopeless || Instant::now() >= deadline {
            return Err(BusError::Connect { url: config.shown_url(), source: Box::new(error) });
        }
        if !std::mem::replace(&mut warned, true) {
            tracing::warn!(url = %config.shown_url(), error = chain(&error), "no broker yet, waiting for it");
        }
        tokio::time::sleep(delays.next_delay()).await;
    }
}

/// Parses the server addresses of the configuration.
fn parse_addresses(config: &BusConfig) -> Result<Vec<ServerAddr>, BusError> {
    if config.event_shards == 0 {
        return Err(BusError::Config("event_shards must be at least 1".to_owned()));
    }
    let parse = |server: &str| {
        server.trim().parse().map_err(|_| BusError::Config("url is not like nats://host:port".to_owned()))
    };
    config.url.split(',').map(parse).collect()
}

/// Returns the options of the client: timeouts, back-off, events and credentials.
async fn connect_options(
    config: &BusConfig,
    name: &str,
    setter: LinkSetter,
) -> Result<ConnectOptions, BusError> {
    let mut options = ConnectOptions::new()
        .name(name)
        .custom_inbox_prefix(inbox_prefix(name))
        .ping_interval(PING_INTERVAL)
        .connection_timeout(DIAL_TIMEOUT)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            setter.note(&event);
            std::future::ready(())
        });
    match config.credential()? {
        BrokerCredential::None => {}
        BrokerCredential::Token(token) => options = options.token(token.to_owned()),
        BrokerCredential::Password { user, password } => {
            options = options.user_and_password(user.to_owned(), password.to_owned());
        }
        BrokerCredential::NkeyFile(file) => {
            let seed = tokio::fs::read_to_string(file).await.map_err(|error| {
                BusError::Config(format!("nkey_file {} cannot be read: {error}", file.display()))
            })?;
            options = options.nkey(seed.trim().to_owned());
        }
        BrokerCredential::CredentialsFile(file) => {
            options = options.credentials_file(file).await.map_err(|error| {
                BusError::Config(format!("credentials_file {} cannot be used: {error}", file.display()))
            })?;
        }
    }
    if let Some(authority) = &config.ca_file {
        options = options.add_root_certificates(authority.clone());
    }
    Ok(options)
}

/// Refuses a server that is too old, and logs a warning for one below the recommended version.
fn check_version(client: &Client, config: &BusConfig) -> Result<(), BusError> {
    let version = client.server_info().version;
    if !client.is_server_compatible(SERVER_MIN.0, SERVER_MIN.1, 0) {
        return Err(BusError::ServerTooOld { url: config.shown_url(), version, needed: "2.12" });
    }
    if !client.is_server_compatible(SERVER_ADVISED.0, SERVER_ADVISED.1, 0) {
        tracing::warn!(%version, "this nats-server works, but 2.15 or newer is advised");
    }
    Ok(())
}

/// Checks the sync policy of every server that can be reached. A server that is down does not keep a service from starting.
async fn check_sync(config: &BusConfig) -> Result<(), BusError> {
    let urls = config.monitor_urls();
    let answers = futures_util::future::join_all(urls.iter().map(|url| sync_of(url))).await;
    let mut is_known = false;
    let mut unreachable = Vec::new();
    for (url, answer) in urls.iter().zip(answers) {
        match answer {
            Ok(SyncPolicy::Always) => is_known = true,
            Ok(SyncPolicy::Later) => return not_synced(config, "sync_interval is not `always`".to_owned()),
            Err(error) => unreachable.push(format!("{url}: {error}")),
        }
    }
    if is_known || (config.monitor_url.is_none() && !config.require_sync_always) {
        return Ok(());
    }
    let reason = unreachable.join("; ");
    if config.monitor_url.is_none() {
        return not_synced(config, format!("no monitor_url is configured, and {reason}"));
    }
    tracing::warn!(%reason, "no server says whether it syncs before it acknowledges: not checked");
    Ok(())
}

/// Refuses to start, or logs a warning, depending on `require_sync_always`.
fn not_synced(config: &BusConfig, reason: String) -> Result<(), BusError> {
    if config.require_sync_always {
        return Err(BusError::NotSynced { reason });
    }
    tracing::warn!(%reason, "acknowledged messages may be lost when the broker's machine fails");
    Ok(())
}
