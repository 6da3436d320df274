//! The data folder of `usher up`: its lock, its tokens, its default configuration, `run.json`.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::private_file::{make_private_folder, read_private, tighten_folder, write_private};
use crate::token;

const RUN_FILE: &str = "run.json";
/// Maximum size of a file with a token.
pub const TOKEN_BYTES_MAX: u64 = 4096;
/// File that is locked by the process that uses the folder.
pub const LOCK_FILE: &str = "lock";
/// List of erased people. No backup contains it, and no restore replaces it.
pub const TOMBSTONES_FILE: &str = "tombstones.log";
/// File that exists while a restore exchanges the content of the folder.
pub const RESTORE_FILE: &str = "restore-under-way";

/// An open data folder. No other process can open it until this value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    source_token: String,
    operator_token: String,
    nats_token: String,
    _lock: File,
}

/// The addresses and process ids of a running `usher up`, for other commands and tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// Process id of `usher up`.
    pub pid: u32,
    /// Base URL of the gateway.
    pub gateway: String,
    /// Base URL of the console.
    pub console: String,
    /// Base URL of the admin listener.
    pub admin: String,
    /// URL of the broker.
    pub nats: String,
    /// Process id of the broker; it changes when the broker is restarted.
    pub nats_pid: u32,
    /// Path of the configuration file.
    #[serde(default)]
    pub config: Option<PathBuf>,
}

impl RunFile {
    /// Reads the run file of a data folder.
    ///
    /// # Errors
    /// Returns an error if there is no run file: `usher up` does not run there.
    pub fn read(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(RUN_FILE);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "nothing runs in {}: start `usher up`, or say where the console is with --console",
                data.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }
}

/// Returns the path of the operator's token in a data folder.
pub fn operator_token_file(data: &Path) -> PathBuf {
    data.join("tokens/operator")
}

impl DataFolder {
    /// Opens the data folder at `path`, and creates it if it does not exist. Only its owner can read it.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be written, or if another `usher up` holds it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        for folder in ["", "tokens", "policies", "nats"] {
            make_private_folder(&path.join(folder))?;
        }
        let path = path.canonicalize().with_context(|| format!("cannot use {}", path.display()))?;
        tighten_folder(&path)?;
        let lock = lock_folder(&path)?;
        if is_being_restored(&path) {
            bail!(
                "a restore into {} was interrupted while it exchanged files: move what is in its folder restoring-* up into it, and \
                 remove {}; or restore into another folder with --data",
                path.display(),
                path.join(RESTORE_FILE).display()
            );
        }
        let _ = std::fs::remove_file(path.join(RUN_FILE)); // of a process that was killed
        let token_in = |name: &str| read_or_make_token(&path.join(name));
        Ok(Self {
            source_token: token_in("tokens/source")?,
            operator_token: token_in("tokens/operator")?,
            nats_token: token_in("nats/token")?,
            path,
            _lock: lock,
        })
    }

    /// Returns the absolute path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the broker's folder.
    pub fn nats(&self) -> PathBuf {
        self.path.join("nats")
    }

    /// Returns the broker's token.
    pub fn nats_token(&self) -> &str {
        &self.nats_token
    }

    /// Writes the default configuration unless there is one, and returns its path.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn default_config(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join("usher.yaml");
        if !path.exists() {
            write_private(&path, &self.default_config_text())?;
        }
        Ok(path)
    }

    fn default_config_text(&self) -> String {
        DEFAULT_CONFIG
            .replace("{{policies}}", &quote_path(&self.path.join("policies")))
            .replace("{{source}}", &token::hash_of(&self.source_token))
            .replace("{{operator}}", &token::hash_of(&self.operator_token))
    }

    /// Returns the defaults of `usher up` for settings that the configuration leaves out.
    pub fn config_defaults(&self) -> Map<String, Value> {
        config_defaults(&self.path, &self.source_token, &self.operator_token)
    }

    /// Writes `run.json` atomically, so that a reader sees either the new file or the previous one.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write_run_file(&self, run: &RunFile) -> anyhow::Result<()> {
        let (fresh, path) = (self.path.join("run.json.new"), self.path.join(RUN_FILE));
        write_private(&fresh, &serde_json::to_string(run).expect("a run file has only string keys"))?;
        std::fs::rename(&fresh, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Removes `run.json`, if it exists.
    pub fn remove_run_file(&self) {
        let _ = std::fs::remove_file(self.path.join(RUN_FILE));
    }
}

/// Returns the defaults of `usher up` with the tokens that are in the data folder `path` now.
///
/// # Errors
/// Returns an error if a token cannot be read.
pub fn current_defaults(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let token_in = |name: &str| {
        let file = path.join("tokens").join(name);
        let text =
            read_private(&file, TOKEN_BYTES_MAX).with_context(|| format!("cannot use {}", file.display()))?;
        anyhow::Ok(text.trim().to_owned())
    };
    Ok(config_defaults(path, &token_in("source")?, &token_in("operator")?))
}

/// Returns the defaults of `usher up` for a configuration in the data folder `path`.
pub fn config_defaults(path: &Path, source_token: &str, operator_token: &str) -> Map<String, Value> {
    let database =
        |service: &str| format!("sqlite://{}?mode=rwc", path.join(format!("{service}.db")).display());
    let token = token::hash_of(source_token);
    let source = json!({"name": "local", "token": token, "ce_source": ["*"], "may": "everything"});
    let operator = json!({"name": "local", "token": token::hash_of(operator_token)});
    let sections = [
        (
            "gateway",
            json!({"listen": "127.0.0.1:8080", "database": database("gateway"), "sources": [source]}),
        ),
        (
            "mapper",
            json!({
                "database": database("mapper"), "policies": path.join("policies"), "tombstones": path.join(TOMBSTONES_FILE)
            }),
        ),
        ("writer", json!({"database": database("writer"), "targets": []})),
        (
            "console",
            json!({"listen": "127.0.0.1:8081", "database": database("console"), "operators": [operator]}),
        ),
        ("telemetry", json!({"admin_listen": "127.0.0.1:9090"})),
    ];
    sections.into_iter().map(|(name, section)| (name.to_owned(), section)).collect()
}

fn quote_path(path: &Path) -> String {
    serde_json::to_string(&path.display().to_string()).expect("a string is always JSON")
}

/// Returns whether a restore has begun to exchange the content of the folder and has not finished.
pub fn is_being_restored(folder: &Path) -> bool {
    folder.join(RESTORE_FILE).exists()
}

/// Returns whether an `usher up` holds the folder.
///
/// # Errors
/// Returns an error if the lock cannot be read.
pub fn is_in_use(folder: &Path) -> anyhow::Result<bool> {
    let path = folder.join(LOCK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Locks the folder. The lock is released when the file is dropped.
///
/// # Errors
/// Returns an error if another process has the lock, or the lock file cannot be written.
pub fn lock_folder(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another `usher up` runs in {}: stop it first, or choose another folder with --data",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

fn read_or_make_token(path: &Path) -> anyhow::Result<String> {
    if !path.exists() {
        return make_token(path);
    }
    let text =
        read_private(path, TOKEN_BYTES_MAX).with_context(|| format!("cannot use {}", path.display()))?;
    match text.trim() {
        "" => make_token(path),
        token => Ok(token.to_owned()),
    }
}

fn make_token(path: &Path) -> anyhow::Result<String> {
    let token = token::random_token();
    write_private(path, &format!("{token}\n"))?;
    Ok(token)
}

const DEFAULT_CONFIG: &str = r#"# Written by `usher up`; edit it as you like. `usher config check usher.yaml` reports errors in it.
# Any string may hold ${NAME} (environment) or ${file:/path}. Databases are SQLite files in this folder unless a
# section names another one with `database:`.

gateway:
  listen: 127.0.0.1:8080
  sources: # who may post events; `usher token --name NAME` creates a token
    # in tokens/source; may speak for any source, and say everything: docs/authority.md
    - { name: local, token: "{{source}}", ce_source: ["*"], may: everything }
  # scim: # identity providers that provision into /scim/v2/NAME, as into an application
  #   - { name: entra, token: "sha256:..." }

mapper:
  policies: {{policies}} # one file per target: who is in scope, and which attribute goes where

writer:
  targets: [] # each needs a policy of the same name
  #  - name: zscaler
  #    base_url: https://zsapi.example.net/tenant/scim
  #    token: ${ZSCALER_SCIM_TOKEN}
  #    profile: zscaler-zia
  #    never: { user_names: [admin@example.com], groups: [Tenant Admins] } # no request changes these: docs/adoption.md

console:
  listen: 127.0.0.1:8081
  operators:
    - { name: local, token: "{{operator}}" } # in tokens/operator

telemetry:
  admin_listen: 127.0.0.1:9090
  log_format: text
"#;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_used_by_one_process_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let first = DataFolder::open(data.path()).unwrap();
        let refused = DataFolder::open(data.path()).unwrap_err().to_string();
        assert!(refused.contains("another `usher up` runs in"), "{refused}");
        drop(first);
        assert!(DataFolder::open(data.path()).is_ok());
    }

    #[test]
    fn tokens_are_made_once_and_only_their_owner_can_read_them() {
        let data = tempfile::tempdir().unwrap();
        let first = DataFolder::open(data.path()).unwrap().source_token;
        assert_eq!(DataFolder::open(data.path()).unwrap().source_token, first);
        for name in ["tokens/source", "tokens/operator", "nats/token"] {
            let mode = std::fs::metadata(data.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn the_default_configuration_is_written_once_and_holds_no_token() {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(data.path()).unwrap();
        let path = folder.default_config().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&folder.source_token) && !text.contains("{{"), "{text}");
        let defaults = folder.config_defaults();
        let config = crate::config::UsherConfig::load_over(&path, Some(&defaults)).unwrap();
        assert!(config.gateway.is_some() && config.console.is_some());
        assert!(config.mapper.unwrap().database.contains("mapper.db"));
        std::fs::write(&path, "# mine\n").unwrap();
        folder.default_config().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\n");
        let config = crate::config::UsherConfig::load_over(&path, Some(&defaults)).unwrap();
        assert_eq!(config.writer.unwrap().targets.len(), 0, "an empty file is all defaults");
    }

    #[test]
    fn the_run_file_can_be_read_back_and_removed() {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(data.path()).unwrap();
        let run = RunFile {
            pid: 1,
            gateway: "http://127.0.0.1:1".into(),
            console: "http://127.0.0.1:2".into(),
            admin: "http://127.0.0.1:3".into(),
            nats: "nats://127.0.0.1:4".into(),
            nats_pid: 5,
            config: None,
        };
        folder.write_run_file(&run).unwrap();
        assert_eq!(RunFile::read(data.path()).unwrap(), run);
        folder.remove_run_file();
        let error = RunFile::read(data.path()).unwrap_err().to_string();
        assert!(error.contains("start `usher up`"), "{error}");
    }
}
