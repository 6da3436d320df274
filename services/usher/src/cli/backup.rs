//! `usher backup` and `usher restore`.

use std::path::PathBuf;

use clap::Args;

use super::DATA_FOLDER;

/// `usher backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Folder to write; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Data folder of `usher up`.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Configuration that `usher up` is started with; that of the running one, or DIR/usher.yaml, is used without it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `usher restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Folder that `usher backup` wrote.
    pub backup: PathBuf,
    /// Data folder of `usher up`.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Move what is in the data folder aside, into a folder in it; nothing is deleted.
    #[arg(long)]
    pub replace: bool,
}
