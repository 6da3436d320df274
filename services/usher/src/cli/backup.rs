//! Arguments of `usher backup` and `usher restore`.

use std::path::PathBuf;

use clap::Args;

use super::DATA_FOLDER;

/// Arguments of `usher backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Folder to write; it must be empty or not exist.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Data folder of `usher up`.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Configuration file of `usher up`; defaults to that of the running one, or to DIR/usher.yaml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `usher restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Backup folder that `usher backup` wrote.
    pub backup: PathBuf,
    /// Data folder of `usher up`.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Move the current content of the data folder into a subfolder; nothing is deleted.
    #[arg(long)]
    pub replace: bool,
}
