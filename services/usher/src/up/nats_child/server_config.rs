//! The server's own configuration file.

use std::path::{Path, PathBuf};

use super::NatsSettings;
use crate::private_file::write_private;

/// The ports of one run; they stay the same when the server is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChildPorts {
    pub(super) client: u16,
    pub(super) monitor: u16,
}

/// Returns the path of the configuration file.
pub(super) fn config_path(folder: &Path) -> PathBuf {
    folder.join("server.conf")
}

/// Writes the file. Only its owner can read it, because it contains the token.
pub(super) fn write_config(settings: &NatsSettings, ports: ChildPorts) -> anyhow::Result<()> {
    write_private(&config_path(&settings.folder), &config_text(settings, ports))
}

/// Renders the file. `sync_interval: always` makes the server acknowledge a publish only when the message is on disk.
/// `max_file_store` is set because the default, a share of the free disk, may be less than the sum of the streams' limits; no
/// space is reserved.
fn config_text(settings: &NatsSettings, ports: ChildPorts) -> String {
    let quoted =
        |path: PathBuf| serde_json::to_string(&path.display().to_string()).expect("a string is always JSON");
    format!(
        "# Written by `usher up` at every start.\n\
         server_name: usher\n\
         listen: \"127.0.0.1:{client}\"\n\
         http: \"127.0.0.1:{monitor}\"\n\
         max_payload: 8MB\n\
         log_file: {log}\n\
         logfile_size_limit: 16MB\n\
         logfile_max_num: 3\n\
         authorization {{ token: \"{token}\" }}\n\
         jetstream {{ store_dir: {store}, sync_interval: always, max_file_store: 1TB }}\n",
        client = ports.client,
        monitor = ports.monitor,
        log = quoted(settings.folder.join("server.log")),
        token = settings.token,
        store = quoted(settings.folder.clone()),
    )
}
