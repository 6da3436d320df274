//! Real parts on free ports: an `usher up` process, a sandbox target, and clients that talk to both like outsiders.

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
pub use config::{UpConfig, WorldPorts, WorldTargetConfig, policy_yaml};
pub use console::{ConsoleClient, ConsoleLag, ConsoleStatus};
pub use feed::{EventPoster, IntakeReceipt};
pub use level::{level_reached, wait_for_level};
pub use metrics::{LatencyQuantiles, MetricsPage};
pub use process::{RunningProcess, ServiceAddresses, UsherProcess};

use crate::expected::{DirectoryDifferences, ExpectedDirectory};
use crate::reader::{self, ServerDirectory};

/// Bearer token of sandboxes that are started here. It protects nothing: the data is made up, the port is loopback.
pub const SANDBOX_TOKEN: &str = "sandbox-token";

/// Name of the only target.
pub const TARGET: &str = "zscaler";

/// What to start.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// The `usher` binary.
    pub usher: PathBuf,
    /// How the sandbox target behaves.
    pub behaviour: sandbox::SandboxBehaviour,
    /// Where data goes; `None` is a temporary folder that goes away with the world.
    pub data: Option<PathBuf>,
    /// Target profile: the name of a built-in one, or the path of a file.
    pub profile: String,
    /// Policy text; `None` is [`policy_yaml`].
    pub policy: Option<String>,
    /// URL of a PostgreSQL database for all services; `None` is one SQLite file for each.
    pub postgres: Option<String>,
    /// Files that the gateway takes (`gateway.feeds`).
    pub feeds: Vec<serde_json::Value>,
    /// Listen on 8080, 8081 and 9090 where they are free, instead of on any free port.
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
    /// SQLite in a temporary folder, a sandbox that behaves.
    pub fn new(usher: impl Into<PathBuf>) -> Self {
        Self {
            usher: usher.into(),
            behaviour: sandbox::SandboxBehaviour::default(),
            data: None,
            profile: "sandbox".to_owned(),
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

/// A running `usher up` and its target. Dropping it ends the process, its broker and the sandbox.
pub struct UsherWorld {
    /// The process.
    pub usher: UsherProcess,
    /// Posts messages to the gateway, wherever it is after a restart.
    pub feed: EventPoster,
    /// Asks the console, wherever it is after a restart.
    pub console: ConsoleClient,
    /// The only target, as the process knows it.
    pub target: WorldTargetConfig,
    sandbox: Option<Sandbox>,
    http: reqwest::Client,
    _temporary: Option<tempfile::TempDir>,
}

impl UsherWorld {
    /// Starts a sandbox and everything else, and returns when it is ready.
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

    /// Starts everything against a target that is there already.
    pub async fn at(options: WorldOptions, base_url: &str, token: &str) -> anyhow::Result<Self> {
        Self::assemble(options, base_url.to_owned(), token.to_owned(), None).await
    }

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
        let target = WorldTargetConfig { name: TARGET.to_owned(), base_url, token, profile: options.profile };
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

    /// The sandbox, to inject faults and to read the ledger.
    ///
    /// # Panics
    /// In a world that was started with [`UsherWorld::at`].
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("a world from World::start has a sandbox")
    }

    /// Waits until nothing is on its way any more.
    pub async fn settled(&self, deadline: Duration) -> anyhow::Result<ConsoleStatus> {
        self.console.settled(deadline).await
    }

    /// Everything at the target, read with plain HTTP.
    pub async fn directory(&self) -> anyhow::Result<ServerDirectory> {
        reader::read_directory(&self.http, &self.target.base_url, &self.target.token).await
    }

    /// In what the target differs from what is expected.
    pub async fn differences(&self, expected: &ExpectedDirectory) -> anyhow::Result<DirectoryDifferences> {
        Ok(expected.differences(&self.directory().await?))
    }

    /// What the process measured since it was started.
    pub async fn metrics(&self) -> anyhow::Result<MetricsPage> {
        MetricsPage::read(&self.http, &[self.usher.addresses().admin()]).await
    }

    /// For requests that no client here makes.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}
