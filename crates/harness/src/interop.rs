//! Independent SCIM servers, written by other people in other languages. They run for the duration of a test.
//!
//! Their code is fetched by `tools/fetch-interop` into `.tools/`. Their start scripts are in `interop/` of this crate.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::world::{level_reached, wait_for_level};

/// The maximum time to fetch a server on a fresh machine.
const FETCH_MAX: Duration = Duration::from_secs(300);
/// The maximum time until a server answers its first request.
const START_MAX: Duration = Duration::from_secs(60);
/// The token of the servers. It protects nothing: the data is generated and the port is on loopback.
const TOKEN: &str = "interop-token";

/// The independent servers that tests can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InteropServer {
    /// scim2-server (Python) behind gunicorn: a strict reading of the RFCs.
    Scim2,
    /// SCIMMY (Node): strict types, and a different interpretation of paging.
    Scimmy,
    /// better-auth's SCIM plugin (Node): every member must exist, one comparison per filter, 200 where others answer 204.
    BetterAuth,
}

impl InteropServer {
    fn name(self) -> &'static str {
        match self {
            Self::Scim2 => "scim2",
            Self::Scimmy => "scimmy",
            Self::BetterAuth => "better-auth",
        }
    }

    /// Returns `true` if this machine has the server's prerequisites. Node is not always installed.
    pub fn possible_here(self) -> bool {
        match self {
            Self::Scim2 => true,
            Self::Scimmy | Self::BetterAuth => on_path("node") && on_path("npm"),
        }
    }

    fn base_path(self) -> &'static str {
        match self {
            Self::Scim2 => "/v2",
            Self::Scimmy => "/scim/v2",
            Self::BetterAuth => "/api/auth/scim/v2",
        }
    }

    /// Returns the command that starts the server on a port.
    fn command(self, root: &Path, port: u16) -> Command {
        let sources = root.join("crates/harness/interop").join(self.name());
        match self {
            Self::Scim2 => {
                // There is one process, because its data is in memory.
                let mut command = Command::new(root.join(".tools/venv-scim2/bin/gunicorn"));
                command.args(["--worker-class", "gthread", "--workers", "1", "--threads", "8"]);
                command.args(["--keep-alive", "30", "--log-level", "warning"]);
                command.arg("--bind").arg(format!("127.0.0.1:{port}")).arg("wsgi:app");
                command.current_dir(&sources).env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
            Self::Scimmy | Self::BetterAuth => {
                // Node looks for modules next to the file that imports them.
                let home = root.join(".tools").join(self.name());
                let mut command = Command::new("node");
                command.arg(home.join("server.mjs")).arg(port.to_string()).current_dir(home);
                command
            }
        }
    }
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct RunningInteropServer {
    /// The base URL of its SCIM API.
    pub base_url: String,
    /// The bearer token of the server.
    pub token: String,
    _child: Child,
    _folder: tempfile::TempDir,
}

impl RunningInteropServer {
    /// Fetches the server if necessary, starts it on a free port, and returns when it answers.
    ///
    /// # Errors
    /// Fails if the server cannot be fetched or does not start. The error contains its output.
    pub async fn start(server: InteropServer) -> anyhow::Result<Self> {
        let root = repository_root()?;
        fetch_server(&root, server).await?;
        let folder = tempfile::tempdir().context("make a folder for the log")?;
        let log_path = folder.path().join("log");
        let log = File::create(&log_path).context("make the log")?;
        let port = free_port()?;
        let mut child = server
            .command(&root, port)
            .env("SCIM_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("open the log")?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", server.name()))?;
        let base_url = format!("http://127.0.0.1:{port}{}", server.base_path());
        if let Err(error) = wait_for_answer(&mut child, &base_url).await {
            bail!("{error:#}\n{}", std::fs::read_to_string(&log_path).unwrap_or_default());
        }
        Ok(Self { base_url, token: TOKEN.to_owned(), _child: child, _folder: folder })
    }
}

impl Drop for RunningInteropServer {
    fn drop(&mut self) {
        // gunicorn's worker is a child of the started process, so the signal goes to the process group.
        if let Some(group) = self._child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::SIGKILL);
        }
    }
}

/// Waits for the first successful answer, or for the end of the process.
async fn wait_for_answer(child: &mut Child, base_url: &str) -> anyhow::Result<()> {
    let http = crate::http_client();
    let ended = wait_for_level("the SCIM server answers", START_MAX, async || {
        if let Some(status) = child.try_wait().context("look after the SCIM server")? {
            return Ok(Some(status));
        }
        let answer = http.get(format!("{base_url}/Users?count=1")).bearer_auth(TOKEN).send().await?;
        level_reached(answer.status().is_success(), answer.status()).map_err(anyhow::Error::msg)?;
        anyhow::Ok(None)
    });
    match ended.await? {
        Some(status) => bail!("the SCIM server ended with {status}"),
        None => Ok(()),
    }
}

/// Runs `tools/fetch-interop` for the server.
async fn fetch_server(root: &Path, server: InteropServer) -> anyhow::Result<()> {
    let mut command = Command::new(root.join("tools/fetch-interop"));
    command.arg(server.name()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(FETCH_MAX, command.output()).await;
    let output = output.context("tools/fetch-interop takes too long")?.context("run tools/fetch-interop")?;
    if !output.status.success() {
        bail!("tools/fetch-interop: {}", String::from_utf8_lossy(&output.stderr));
    }
    if server != InteropServer::Scim2 {
        let sources = root.join("crates/harness/interop").join(server.name()).join("server.mjs");
        let home = root.join(".tools").join(server.name());
        std::fs::copy(sources, home.join("server.mjs")).context("copy server.mjs")?;
    }
    Ok(())
}

/// Returns the root of the repository that this crate was built in.
fn repository_root() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().context("the repository that this was built in is gone")
}

/// Returns a port that was free a moment ago. These servers cannot report which port they got.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
