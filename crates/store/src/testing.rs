//! Real databases for tests: a new SQLite file, and a separate PostgreSQL server if the machine has one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A database that exists until this value is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// The kind: `sqlite` or `postgres`.
    pub name: &'static str,
    /// The URL for [`crate::Store::open`].
    pub url: String,
    server: Option<Child>,
    /// The folder of PostgreSQL's programs.
    bin: PathBuf,
    folder: TempDir,
}

impl TestDatabase {
    /// Kills the server as `kill -9` does and waits until it is gone. Its connections break. Does nothing if there is no server.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGINT would be a fast shutdown; a throw-away database needs none.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts the server again on the same data, after [`Self::kill`].
    ///
    /// # Panics
    /// Panics if the server does not become ready within 30 s.
    pub fn restart(&mut self) {
        self.kill();
        let socket = self.folder.path().display().to_string();
        for _ in 0..LOOKS_MAX {
            // It refuses to start while processes of the killed server still hold the shared memory.
            let ended = self.server.as_mut().is_none_or(|server| !matches!(server.try_wait(), Ok(None)));
            if ended {
                self.server = Some(serve_postgres(&self.bin, self.folder.path()));
            }
            if is_ready(&self.bin, &socket) {
                return;
            }
            look_again();
        }
        panic!("postgres did not become ready again within 30 s");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns one new database of every kind that this machine has; SQLite always.
///
/// # Panics
/// Panics if an installed database cannot be started.
pub fn test_databases() -> Vec<TestDatabase> {
    std::iter::once(sqlite_database()).chain(postgres_database()).collect()
}

/// Returns a new SQLite file.
///
/// # Panics
/// Panics if no temporary folder can be created.
pub fn sqlite_database() -> TestDatabase {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
    TestDatabase { name: "sqlite", url, server: None, bin: PathBuf::new(), folder }
}

/// Returns a new PostgreSQL server on a Unix socket, or `None` if the machine has no `initdb`.
///
/// # Panics
/// Panics if PostgreSQL is installed but does not start.
pub fn postgres_database() -> Option<TestDatabase> {
    let bin = postgres_folder()?;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let data = folder.path().join("data");
    let root = is_root();
    if root {
        run_command(Command::new("chown").arg("postgres").arg(folder.path()));
    }
    run_command(
        as_postgres(&bin.join("initdb"), root)
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"])
            .arg(&data),
    );
    let server = serve_postgres(&bin, folder.path());
    let socket = folder.path().display().to_string();
    let url = format!("postgres://postgres@localhost/postgres?host={socket}");
    let database = TestDatabase { name: "postgres", url, server: Some(server), bin, folder };
    wait_until_ready(&database.bin, &socket);
    Some(database)
}

/// Starts the server with the data and the socket in `folder`.
fn serve_postgres(bin: &Path, folder: &Path) -> Child {
    let mut server = as_postgres(&bin.join("postgres"), is_root());
    server.arg("-D").arg(folder.join("data")).args(["-c", "listen_addresses=", "-c", "max_connections=200"]);
    server.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres starts")
}

/// The maximum number of checks, with [`look_again`] between them: 30 s in total.
const LOOKS_MAX: usize = 600;

fn wait_until_ready(bin: &Path, socket: &str) {
    for _ in 0..LOOKS_MAX {
        if is_ready(bin, socket) {
            return;
        }
        look_again();
    }
    panic!("postgres did not become ready within 30 s");
}

fn is_ready(bin: &Path, socket: &str) -> bool {
    let ready = Command::new(bin.join("pg_isready")).args(["-q", "-h", socket]).status();
    ready.is_ok_and(|status| status.success())
}

#[expect(clippy::disallowed_methods, reason = "polls for a level, outside of any async runtime")]
fn look_again() {
    std::thread::sleep(std::time::Duration::from_millis(50));
}

fn postgres_folder() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc is mounted")) == 0
}

/// Returns a command that runs `program` as an unprivileged user, because PostgreSQL refuses to run as root. `setpriv`
/// replaces itself with the program, so the child's pid is the server's.
fn as_postgres(program: &Path, root: bool) -> Command {
    if root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run_command(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
