//! Three brokers with a user for each service, a PostgreSQL server, two replicas of each service, a stream keeper, and a target.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use bus::BrokerIdentity;
use bus::testing::{TestCluster, test_password};
use edge::TokenHash;
use harness::reader::{self, ServerDirectory};
use harness::world::{
    ConsoleClient, EventPoster, SANDBOX_TOKEN, ServiceAddresses, TARGET, policy_yaml, wait_for_level,
};
use sandbox::{Sandbox, SandboxBehaviour};
use serde_json::{Value, json};
use store::testing::TestDatabase;

use crate::replica::Replica;

/// Maximum time for a start on a busy machine.
const START_MAX: Duration = Duration::from_secs(120);
/// Latency of the target, so that requests are in flight when a process is killed.
const LATENCY_MS: u64 = 20;
/// Fill level from which a stream accepts only departures.
const FULL_PERCENT: u64 = 90;
const SOURCE_TOKEN: &str = "source-token";
const OPERATOR_TOKEN: &str = "operator-token";
const SERVICES: [&str; 4] = ["gateway", "mapper", "writer", "console"];
const REPLICAS: usize = 2;

/// A stream that is soon full.
#[derive(Clone, Copy)]
pub struct SmallStream {
    pub stream: &'static str,
    pub bytes: u64,
}

/// A whole installation. Dropping it stops all of it; its folder stays if the test has failed.
pub struct Installation {
    /// The services, then the stream keeper.
    pub replicas: Vec<Replica>,
    pub brokers: TestCluster,
    pub database: TestDatabase,
    pub sandbox: Sandbox,
    /// One event poster for each gateway.
    pub feeds: Vec<EventPoster>,
    pub console: ConsoleClient,
    console_url: String,
    http: reqwest::Client,
    folder: Folder,
}

/// Folder of logs and configurations. It stays if the test has failed.
struct Folder {
    folder: Option<tempfile::TempDir>,
    seed: u64,
}

impl Folder {
    fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.folder.take().unwrap().keep();
            eprintln!("failed with USHER_SEED={}; logs are in {}", self.seed, kept.display());
        }
    }
}

impl Installation {
    /// Starts everything at once on empty stores, with one broker down while the services start. `None` without PostgreSQL.
    pub async fn start(seed: u64, small: Option<SmallStream>) -> Option<Self> {
        let database = store::testing::postgres_database()?;
        let folder = Folder { folder: Some(tempfile::tempdir().unwrap()), seed };
        let mut brokers = TestCluster::start_with_users();
        let sandbox = Sandbox::start(sandbox::SandboxOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            token: SANDBOX_TOKEN.to_owned(),
            behaviour: SandboxBehaviour { latency_ms: LATENCY_MS, ..SandboxBehaviour::default() },
        });
        let sandbox = sandbox.await.unwrap();
        let plan = Plan::new(folder.path(), &brokers, &database.url, &sandbox.base_url(), small);
        let http = harness::http_client();

        let keeper = plan.keeper();
        wait_for_level("the streams are there", START_MAX, async || keeper.is_ready(&http).await)
            .await
            .unwrap();
        brokers.servers[2].kill();
        let mut replicas = plan.services();
        for replica in &mut replicas {
            wait_for_level("the service is ready", START_MAX, async || {
                replica.revive();
                replica.is_ready(&http).await
            })
            .await
            .unwrap();
        }
        let ended: Vec<&str> =
            replicas.iter().filter(|one| one.ended_by_itself > 0).map(|one| &*one.name).collect();
        assert!(ended.is_empty(), "ended while they started: {ended:?}");
        brokers.servers[2].restart();
        replicas.push(keeper);

        let feeds = (0..REPLICAS).map(|number| {
            let addresses = ServiceAddresses::fixed(&plan.url("gateway", number), "");
            EventPoster::new(http.clone(), addresses, SOURCE_TOKEN.to_owned())
        });
        let console_url = plan.url("console", 0);
        let console = ConsoleClient::new(
            http.clone(),
            ServiceAddresses::fixed("", &console_url),
            OPERATOR_TOKEN.to_owned(),
        );
        Some(Self {
            feeds: feeds.collect(),
            replicas,
            brokers,
            database,
            sandbox,
            console,
            console_url,
            http,
            folder,
        })
    }

    /// Restarts the processes that ended on their own.
    pub fn revive(&mut self) {
        self.replicas.iter_mut().for_each(Replica::revive);
    }

    /// Waits until every process is ready and every broker is up to date.
    pub async fn whole(&mut self) {
        wait_for_level("everything is up", START_MAX, async || {
            self.revive();
            for replica in &self.replicas {
                replica.is_ready(&self.http).await?;
            }
            self.brokers_are_whole().await
        })
        .await
        .unwrap();
    }

    /// Returns an error with the broker that is not up to date.
    pub async fn brokers_are_whole(&self) -> Result<(), String> {
        for server in &self.brokers.servers {
            let url = format!("{}/healthz", server.monitor_url());
            let answer = self.http.get(&url).send().await.map_err(|error| format!("{url}: {error}"))?;
            let status = answer.status();
            let body = answer.text().await.unwrap_or_default();
            harness::world::level_reached(status.is_success(), format!("{url}: {status}: {body}"))?;
        }
        Ok(())
    }

    /// Returns an error with the stream's size while the stream has room.
    pub async fn is_full(&self, small: SmallStream) -> anyhow::Result<()> {
        let url = format!("{}/jsz?streams=true", self.brokers.servers[0].monitor_url());
        let answer: Value = serde_json::from_str(&self.http.get(url).send().await?.text().await?)?;
        let accounts = answer["account_details"].as_array().into_iter().flatten();
        let mut streams =
            accounts.flat_map(|account| account["stream_detail"].as_array().into_iter().flatten());
        let found = streams.find(|stream| stream["name"] == small.stream);
        let bytes = found.and_then(|stream| stream["state"]["bytes"].as_u64()).unwrap_or(0);
        anyhow::ensure!(bytes * 100 > small.bytes * FULL_PERCENT, "{bytes} of {} bytes", small.bytes);
        Ok(())
    }

    /// Returns the replicas of a service.
    pub fn of(&mut self, service: &str) -> impl Iterator<Item = &mut Replica> {
        self.replicas.iter_mut().filter(move |replica| replica.name.starts_with(service))
    }

    /// Reads everything at the target with plain HTTP.
    pub async fn directory(&self) -> anyhow::Result<ServerDirectory> {
        reader::read_directory(&self.http, &self.sandbox.base_url(), SANDBOX_TOKEN).await
    }

    /// Runs `usher ARGUMENTS` as an operator does.
    pub async fn usher(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
        command.args(arguments).args(["--console", &self.console_url]).env("USHER_TOKEN", OPERATOR_TOKEN);
        command.output().await.unwrap()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        for (number, server) in self.brokers.servers.iter().enumerate() {
            let _ = std::fs::copy(server.log(), self.folder.path().join(format!("nats-{number}.log")));
        }
    }
}

/// The settings with which everything is started.
struct Plan {
    folder: PathBuf,
    common: Value,
    /// For each service and replica: its service port and its admin port.
    ports: Vec<(u16, u16)>,
}

impl Plan {
    fn new(
        folder: &Path,
        brokers: &TestCluster,
        database: &str,
        target: &str,
        small: Option<SmallStream>,
    ) -> Self {
        let policies = folder.join("policies");
        std::fs::create_dir(&policies).unwrap();
        // Many people leave at once, which the guard would rightly hold.
        let policy = format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET));
        std::fs::write(policies.join(format!("{TARGET}.yaml")), policy).unwrap();
        let nats = brokers.config();
        let sizes = nats.max_bytes;
        let hash = |token: &str| TokenHash::of(token).to_string();
        let mut common = json!({
            "nats": {
                "url": nats.url, "monitor_url": nats.monitor_url, "replicas": nats.replicas,
                "require_sync_always": true,
                "max_bytes": { "events": sizes.events, "notices": sizes.notices, "commands": sizes.commands,
                               "journal": sizes.journal, "dead": sizes.dead },
            },
            "gateway": { "sources": [{ "name": "hr", "token": hash(SOURCE_TOKEN) }] },
            "mapper": { "database": database, "policies": policies },
            "writer": {
                "database": database,
                "targets": [{ "name": TARGET, "base_url": target, "token": SANDBOX_TOKEN, "profile": "sandbox" }],
            },
            "console": { "database": database, "operators": [{ "name": "test", "token": hash(OPERATOR_TOKEN) }] },
            "telemetry": {},
        });
        if let Some(small) = small {
            common["nats"]["max_bytes"][small.stream.to_lowercase()] = json!(small.bytes);
        }
        Self { folder: folder.to_owned(), common, ports: free_ports(SERVICES.len() * REPLICAS + 1) }
    }

    /// Returns the base URL of a service.
    fn url(&self, service: &str, number: usize) -> String {
        let at = SERVICES.iter().position(|name| *name == service).unwrap() * REPLICAS + number;
        format!("http://127.0.0.1:{}", self.ports[at].0)
    }

    fn keeper(&self) -> Replica {
        let (_, admin) = self.ports[SERVICES.len() * REPLICAS];
        let file = self.write("keeper", BrokerIdentity::Streams.as_str(), json!({}), admin);
        self.run("keeper", &["admin", "streams", "--watch", "--config", &file], admin)
    }

    fn services(&self) -> Vec<Replica> {
        let each = SERVICES.iter().flat_map(|service| (0..REPLICAS).map(move |number| (*service, number)));
        each.zip(&self.ports)
            .map(|((service, number), (serves, admin))| {
                let name = format!("{service}-{number}");
                let mut section = self.common[service].clone();
                match service {
                    "gateway" | "console" => section["listen"] = json!(format!("127.0.0.1:{serves}")),
                    "writer" => section["replica"] = json!(name),
                    _ => {}
                }
                let file = self.write(&name, service, json!({ service: section }), *admin);
                self.run(&name, &[service, "--config", &file], *admin)
            })
            .collect()
    }

    /// Writes the configuration of a process that connects to the brokers as `user`.
    fn write(&self, name: &str, user: &str, mut sections: Value, admin: u16) -> String {
        sections["nats"] = self.common["nats"].clone();
        let identity = BrokerIdentity::ALL.into_iter().find(|identity| identity.as_str() == user).unwrap();
        sections["nats"]["user"] = json!(user);
        sections["nats"]["password"] = json!(test_password(identity));
        sections["telemetry"] = json!({ "admin_listen": format!("127.0.0.1:{admin}") });
        let file = self.folder.join(format!("{name}.yaml"));
        std::fs::write(&file, sections.to_string()).unwrap(); // JSON is YAML
        file.display().to_string()
    }

    fn run(&self, name: &str, arguments: &[&str], admin: u16) -> Replica {
        let log = self.folder.join(format!("{name}.log"));
        Replica::start(name, arguments, format!("http://127.0.0.1:{admin}"), log)
    }
}

/// Chooses free ports before the start, because a process keeps its ports across restarts.
fn free_ports(pairs: usize) -> Vec<(u16, u16)> {
    let listeners: Vec<TcpListener> =
        (0..pairs * 2).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    listeners.chunks(2).map(|pair| (port(&pair[0]), port(&pair[1]))).collect()
}
