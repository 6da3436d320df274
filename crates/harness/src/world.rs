//! Real services on free ports: an `usher up` process, a sandbox target, and clients that access both from outside.

mod clock;
mod config;
mod console;
mod feed;
mod level;
mod metrics;
mod process;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use sandbox::Sandbox;

pub use clock::now;
pub use config::{UpConfig, WorldPorts, WorldTargetConfig, adopt_by_names, policy_yaml};
pub use console::{ConsoleClient, ConsoleLag, ConsoleStatus};
pub use feed::{EventPoster, IntakeReceipt};
pub use level::{level_reached, wait_for_level};
pub use metrics::{LatencyQuantiles, MetricsPage};
pub use process::{RunningProcess, ServiceAddresses, UsherProcess};

use crate::expected::{DirectoryDifferences, ExpectedDirectory};
use crate::reader::{self, ServerDirectory};

/// The bearer token of the sandboxes started here. It protects nothing: the data is generated and the port is on loopback.
pub const SANDBOX_TOKEN: &str = "sandbox-token";

/// The name of the only target.
pub const TARGET: &str = "zscaler";

/// The options of a world.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// The `usher` binary.
    pub usher: PathBuf,
    /// The behaviour of the sandbox target.
    pub behaviour: sandbox::SandboxBehaviour,
    /// The data folder; `None` means a temporary folder that is removed with the world.
    pub data: Option<PathBuf>,
    /// The target profile: the name of a built-in one, or the path of a file.
    pub profile: String,
    /// The target's `adoption`. Default: matches by the names that the policy matches on are linked.
    pub adoption: serde_json::Value,
    /// The target's `never`. Default: nothing.
    pub never: serde_json::Value,
    /// The text of the policy; `None` means [`policy_yaml`].
    pub policy: Option<String>,
    /// The URL of a PostgreSQL database for all services; `None` means one SQLite file for each.
    pub postgres: Option<String>,
    /// The files that the gateway reads (`gateway.feeds`).
    pub feeds: Vec<serde_json::Value>,
    /// `true` to listen on 8080, 8081 and 9090 if they are free, instead of on any free port.
    pub usual_ports: bool,
    /// Further settings of the gateway.
    pub gateway: serde_json::Map<String, serde_json::Value>,
    /// Further settings of the mapper.
    pub mapper: serde_json::Map<String, serde_json::Value>,
    /// Further settings of the writer.
    pub writer: serde_json::Map<String, serde_json::Value>,
    /// Further settings of the console.
    pub console: serde_json::Map<String, serde_json::Value>,
}

impl WorldOptions {
    /// Returns the default options: SQLite in a temporary folder, and a sandbox without faults.
    pub fn new(usher: impl Into<PathBuf>) -> Self {
        Self {
            usher: usher.into(),
            behaviour: sandbox::SandboxBehaviour::default(),
            data: None,
            profile: "sandbox".to_owned(),
            adoption: config::adopt_by_names(),
            never: serde_json::json!({}),
            policy: None,
            postgres: None,
            feeds: Vec::new(),
            usual_ports: false,
            gateway: serde_json::Map::new(),
            mapper: serde_json::Map::new(),
            writer: serde_json::Map::new(),
            console: serde_json::Map::new(),
        }
    }
}

/// A running `usher up` and its target. Dropping it stops the process, its broker and the sandbox.
pub struct UsherWorld {
    /// The process.
    pub usher: UsherProcess,
    /// The client that posts messages to the gateway, also after a restart at other addresses.
    pub feed: EventPoster,
    /// The client of the console, also after a restart at other addresses.
    pub console: ConsoleClient,
    /// The only target, as it is configured.
    pub target: WorldTargetConfig,
    sandbox: Option<Sandbox>,
    http: reqwest::Client,
    _temporary: Option<tempfile::TempDir>,
}

impl UsherWorld {
    /// Starts a sandbox and all services, and returns when they are ready.
    pub async fn start(options: WorldOptions) -> anyhow::Result<Self> {
        let listen = "127.0.0.1:0".parse().expect("a constant");
        let sandbox = Sandbox::start(sandbox::SandboxOptions {
            listen,
            token: SANDBOX_TOKEN.to_owned(),
            behaviour: options.behaviour.clone(),
        });
        let sandbox = sandbox.await.context("start the sandbox")?;
        let base_url = sandbox.base_url();
        Self::assemble(options, base_url, SANDBOX_TOKEN.to_owned(), Some(sandbox)).await
    }

    /// Starts all services with an existing target.
    pub async fn at(options: WorldOptions, base_url: &str, token: &str) -> anyhow::Result<Self> {
        Self::assemble(options, base_url.to_owned(), token.to_owned(), None).await
    }

    /// Writes the configuration, starts the process, and creates the clients.
    async fn assemble(
        options: WorldOptions,
        base_url: String,
        token: String,
        sandbox: Option<Sandbox>,
    ) -> anyhow::Result<Self> {
        let temporary = match &options.data {
            Some(_) => None,
            None => Some(tempfile::tempdir().context("make a data folder")?),
        };
        let data = match (options.data, &temporary) {
            (Some(data), _) => data,
            (None, Some(folder)) => folder.path().join("usher"),
            (None, None) => unreachable!("one of the two is there, see above"),
        };
        let target = WorldTargetConfig {
            name: TARGET.to_owned(),
            base_url,
            token,
            profile: options.profile,
            adoption: options.adoption,
            never: options.never,
        };
        let config = UpConfig {
            targets: vec![target.clone()],
            postgres: options.postgres,
            feeds: options.feeds,
            ports: if options.usual_ports { WorldPorts::usual_if_free() } else { WorldPorts::ANY },
            gateway: options.gateway,
            mapper: options.mapper,
            writer: options.writer,
            console: options.console,
        };
        let policy = options.policy.unwrap_or_else(|| policy_yaml(TARGET));
        let file = config.write(&data, &[(TARGET, &policy)])?;
        let usher = UsherProcess::start(&options.usher, &data, Some(&file)).await?;
        let http = crate::http_client();
        Ok(Self {
            feed: EventPoster::new(http.clone(), usher.addresses(), usher.token("source")?),
            console: ConsoleClient::new(http.clone(), usher.addresses(), usher.token("operator")?),
            usher,
            target,
            sandbox,
            http,
            _temporary: temporary,
        })
    }

    /// Returns the sandbox, to inject faults and to read the ledger.
    ///
    /// # Panics
    /// Panics in a world that was started with [`UsherWorld::at`].
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("a world from World::start has a sandbox")
    }

    /// Waits until everything is processed.
    pub async fn settled(&self, deadline: Duration) -> anyhow::Result<ConsoleStatus> {
        self.console.settled(deadline).await
    }

    /// Reads the content of the target with plain HTTP.
    pub async fn directory(&self) -> anyhow::Result<ServerDirectory> {
        reader::read_directory(&self.http, &self.target.base_url, &self.target.token).await
    }

    /// Returns the differences between the target and the expected content.
    pub async fn differences(&self, expected: &ExpectedDirectory) -> anyhow::Result<DirectoryDifferences> {
        Ok(expected.differences(&self.directory().await?))
    }

    /// Returns the metrics of the process since it was started.
    pub async fn metrics(&self) -> anyhow::Result<MetricsPage> {
        MetricsPage::read(&self.http, &[self.usher.addresses().admin()]).await
    }

    /// Returns an HTTP client, for requests that the other clients do not make.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}
