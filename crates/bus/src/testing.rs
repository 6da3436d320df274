//! A real `nats-server` in a temporary folder, for tests. It is killed when the value is dropped, and it can be
//! restarted on the same port. Also a cluster of three servers.

mod cluster;
mod damage;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use crate::{BrokerIdentity, BusConfig, ServerCredential, users_configuration};

pub use cluster::TestCluster;
pub use damage::{delete_consumer, drop_oldest, purge};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A server with JetStream and `sync_interval: always`.
#[derive(Debug)]
pub struct TestServer {
    folder: TempDir,
    process: Option<Child>,
    ports: ServerPorts,
    /// Additional configuration: the server's place in a cluster.
    further: String,
}

/// The content of the server's ports file.
#[derive(Debug, Default, Deserialize)]
struct ServerPorts {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

impl TestServer {
    /// Starts a server on free ports.
    ///
    /// # Panics
    /// Panics if there is no `nats-server` (run `tools/fetch-nats-server`) or it does not start.
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// Starts a server that grants each service what it needs and no more. Clients connect with
    /// [`Self::config_of`].
    ///
    /// # Panics
    /// Panics in the same cases as [`Self::start`].
    pub fn start_with_users() -> Self {
        Self::start_as(tempfile::tempdir().expect("a temporary folder can be made"), test_users())
    }

    /// Starts a server with its store in `folder`.
    ///
    /// # Panics
    /// Panics in the same cases as [`Self::start`].
    pub fn start_in(folder: TempDir) -> Self {
        Self::start_as(folder, String::new())
    }

    fn start_as(folder: TempDir, further: String) -> Self {
        let mut server = Self { folder, process: None, ports: ServerPorts::default(), further };
        server.launch("-1", "-1");
        server
    }

    /// Kills the server as `kill -9` does and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the server as a machine that hangs does: connections stay open, and nothing is answered.
    ///
    /// # Panics
    /// Panics if the server does not run.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Resumes the server after [`Self::pause`].
    ///
    /// # Panics
    /// Panics if the server does not run.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().expect("the server runs").id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Starts the server again on the same ports and the same store, after [`Self::kill`].
    pub fn restart(&mut self) {
        self.kill();
        let port = |urls: &[String]| urls[0].rsplit(':').next().unwrap_or_default().to_owned();
        let (nats, monitoring) = (port(&self.ports.nats), port(&self.ports.monitoring));
        self.launch(&nats, &monitoring);
    }

    /// Restarts the server as [`Self::restart`] does, after its store was lost.
    ///
    /// # Panics
    /// Panics if the store cannot be deleted.
    pub fn restart_empty(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.folder.path().join("store")).expect("the store can be deleted");
        self.restart();
    }

    /// Returns the URL of the monitoring endpoint: `http://host:port`.
    pub fn monitor_url(&self) -> &str {
        &self.ports.monitoring[0]
    }

    /// Returns the path of the log. The log begins again with each start.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("nats.log")
    }

    /// Returns a configuration to connect to the server with. Its limits are small enough for any disk.
    pub fn config(&self) -> BusConfig {
        let small = crate::MaxBytes {
            events: 64 << 20,
            notices: 8 << 20,
            commands: 64 << 20,
            journal: 64 << 20,
            dead: 8 << 20,
        };
        BusConfig {
            url: self.url().to_owned(),
            monitor_url: Some(self.monitor_url().to_owned()),
            require_sync_always: true,
            max_bytes: small,
            ..BusConfig::default()
        }
    }

    /// Returns a configuration to connect as `identity` to a server with users.
    pub fn config_of(&self, identity: BrokerIdentity) -> BusConfig {
        as_user(self.config(), identity)
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> &str {
        &self.ports.nats[0]
    }

    fn launch(&mut self, port: &str, monitor_port: &str) {
        let folder = self.folder.path();
        let config = format!(
            "host: 127.0.0.1\nport: {port}\nhttp: \"127.0.0.1:{monitor_port}\"\nports_file_dir: {0:?}\n\
             jetstream {{ store_dir: {1:?}, sync_interval: always, max_file_store: 1GB }}\n{2}",
            folder,
            folder.join("store"),
            self.further,
        );
        let config_file = folder.join("nats.conf");
        std::fs::write(&config_file, config).expect("the temporary folder can be written");
        let log =
            std::fs::File::create(folder.join("nats.log")).expect("the temporary folder can be written");
        let binary = server_binary().expect("nats-server is there: run tools/fetch-nats-server");
        let process = Command::new(&binary)
            .arg("--config")
            .arg(&config_file)
            .envs(BrokerIdentity::ALL.map(|identity| (identity.password_variable(), test_password(identity))))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nats-server can be run");
        let ports_file = folder.join(format!("nats-server_{}.ports", process.id()));
        self.process = Some(process);
        self.ports = wait_for_ports(&ports_file).unwrap_or_else(|error| {
            let log = std::fs::read_to_string(folder.join("nats.log")).unwrap_or_default();
            panic!("nats-server did not start: {error}\n{log}")
        });
    }
}

/// Returns `config` with the credential of `identity` at a server with users.
pub fn as_user(config: BusConfig, identity: BrokerIdentity) -> BusConfig {
    let (user, password) = (identity.as_str().to_owned(), test_password(identity));
    BusConfig { user: Some(user), password: Some(password), ..config }
}

/// Returns the password of a user of the test servers.
pub fn test_password(identity: BrokerIdentity) -> String {
    format!("password-of-{identity}")
}

/// Returns the part of a server's configuration that makes the users.
fn test_users() -> String {
    users_configuration(1, |identity| ServerCredential::PasswordVariable(identity.password_variable()))
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the ports file, which the server writes once it listens.
#[expect(clippy::disallowed_methods, reason = "polls a child process from plain test code, with a bound")]
fn wait_for_ports(file: &Path) -> io::Result<ServerPorts> {
    let started = Instant::now();
    loop {
        let ports = std::fs::read(file).and_then(|text| Ok(serde_json::from_slice(&text)?));
        match ports {
            Err(_) if started.elapsed() < START_TIMEOUT => std::thread::sleep(POLL),
            result => return result,
        }
    }
}

/// Returns the path of `nats-server`: `USHER_NATS_SERVER`, else `.tools/bin/nats-server` in this crate's folder or
/// above, else the one on `PATH`.
fn server_binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("USHER_NATS_SERVER") {
        return Some(named.into());
    }
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let fetched = above.map(|folder| folder.join(".tools/bin/nats-server")).find(|file| file.is_file());
    fetched.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("nats-server")).find(|file| file.is_file())
    })
}
