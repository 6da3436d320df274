//! `usher restore`: restores a data folder from a backup.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bus::{BackupMark, BusConfig};
use recovery::RestoredStream;
use store::Store;
use time::OffsetDateTime;
use time::macros::format_description;

use super::broker::BackupBroker;
use super::manifest::BackupManifest;
use super::{DATABASES, FOLDER, STREAMS, files};
use crate::cli::RestoreArgs;
use crate::data_folder;
use crate::operator::CommandEnd;
use crate::private_file::make_private_folder;

/// The next steps for operators after a restore.
pub(super) const WHAT_IS_LEFT: &str = "next: have sources send again what they sent since the backup, review `usher reconcile TARGET \
     --dry-run`, and resume each target with `usher target resume TARGET`. Until then accounts are only disabled";
/// Files that a restore leaves in place: the list of erased people is newer than every backup.
const STAYS: [&str; 2] = [data_folder::LOCK_FILE, data_folder::TOMBSTONES_FILE];
/// Prefix of folders with replaced files.
const REPLACED: &str = "replaced-";
/// Prefix of folders in which a data folder is assembled.
const STAGING: &str = "restoring-";

/// Restores a data folder to its state at the time of a backup.
///
/// # Errors
/// Returns an error if the backup is incomplete, `usher up` runs, or the data folder has content and --replace was not given.
/// In these cases nothing is changed.
pub async fn restore_backup(args: &RestoreArgs) -> anyhow::Result<CommandEnd> {
    let manifest = BackupManifest::read_and_check(&args.backup)?;
    make_private_folder(&args.data)?;
    let _lock = data_folder::lock_folder(&args.data)?;
    let data = args.data.canonicalize().with_context(|| format!("cannot use {}", args.data.display()))?;
    let before = what_is_there(&data)?;
    ensure!(
        before.is_empty() || args.replace,
        "{} is not empty: --replace moves what is there aside, into a folder in it; or name another folder with --data",
        data.display()
    );
    let stamp = folder_stamp();
    let staging = data.join(format!("{STAGING}{stamp}"));
    let built = build_folder(&args.backup, &manifest, &staging).await;
    if built.is_err() {
        let _ = std::fs::remove_dir_all(&staging);
    }
    built.context("nothing was changed")?;
    let aside = data.join(format!("{REPLACED}{stamp}"));
    exchange_folders(&data, &staging, &before, &aside)?;
    report_restore(&args.backup, &manifest, &data, (!before.is_empty()).then_some(&aside));
    Ok(CommandEnd::Done)
}

fn report_restore(backup: &Path, manifest: &BackupManifest, data: &Path, aside: Option<&PathBuf>) {
    println!("restored {} to {}, as of {}", backup.display(), data.display(), manifest.taken);
    if let Some(aside) = aside {
        println!("what was there is in {}", aside.display());
    }
    if manifest.data != data {
        let before = manifest.data.display();
        println!(
            "it was {before} before: if its configuration names files below that folder, change it there"
        );
    }
    println!("start `usher up`; {WHAT_IS_LEFT}");
}

/// Lists everything in a data folder that a restore replaces.
fn what_is_there(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut there = Vec::new();
    for path in files::folder_entries(data)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(STAGING) {
            // A leftover of an interrupted restore, from before anything was moved.
            ensure!(!data_folder::is_being_restored(data), unfinished_notice(data));
            std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        } else if !STAYS.contains(&name.as_str()) && !name.starts_with(REPLACED) {
            there.push(path);
        }
    }
    ensure!(!data_folder::is_being_restored(data), unfinished_notice(data));
    Ok(there)
}

fn unfinished_notice(data: &Path) -> String {
    format!(
        "an earlier restore was interrupted while it exchanged files in {}: move what is in its folder {STAGING}* up into it, and \
         remove {}; or restore into another folder with --data",
        data.display(),
        data.join(data_folder::RESTORE_FILE).display()
    )
}

/// Assembles the data folder in `staging`.
async fn build_folder(backup: &Path, manifest: &BackupManifest, staging: &Path) -> anyhow::Result<()> {
    make_private_folder(&staging.join("nats"))?;
    for file in &manifest.files {
        let below = [FOLDER, DATABASES].into_iter().find_map(|part| file.path.strip_prefix(part).ok());
        if let Some(below) = below {
            files::copy_file(&backup.join(&file.path), &staging.join(below))?;
        }
    }
    // The manifest was checked before the copies were made, so each copy is checked here.
    for file in &manifest.files {
        let below = [FOLDER, DATABASES].into_iter().find_map(|part| file.path.strip_prefix(part).ok());
        let Some(below) = below else { continue };
        let copied = files::describe_file(staging, below)?;
        ensure!(copied.sha256 == file.sha256, "{} changed while it was copied", file.path.display());
    }
    let streams = restore_streams(backup, manifest, &staging.join("nats")).await?;
    for service in manifest.databases.keys() {
        mark_database(&staging.join(super::database_file(service)), service, manifest.taken_at, &streams)
            .await?;
    }
    Ok(())
}

async fn mark_database(
    database: &Path,
    service: &str,
    taken_at: i64,
    streams: &[RestoredStream],
) -> anyhow::Result<()> {
    let marked = async {
        let store = Store::connect(&format!("sqlite://{}?mode=rw", database.display())).await?;
        let generation = recovery::mark_restored(&store, service, taken_at, streams).await?;
        store.close().await?;
        anyhow::Ok(generation)
    };
    let generation = marked.await.with_context(|| format!("cannot use {}", database.display()))?;
    ensure!(generation.is_some(), "{} says nothing of itself", database.display());
    files::restrict_file(database)
}

async fn restore_streams(
    backup: &Path,
    manifest: &BackupManifest,
    nats: &Path,
) -> anyhow::Result<Vec<RestoredStream>> {
    let broker = BackupBroker::start(BusConfig::default(), nats).await?;
    let restored = async {
        let mut all = Vec::new();
        for (stream, description) in &manifest.streams {
            let path = backup.join(STREAMS).join(super::snapshot_file(stream));
            let file = tokio::fs::File::open(&path).await;
            let mut file = file.with_context(|| format!("cannot read {}", path.display()))?;
            let made_now = broker.bus.restore_stream(stream, description, &mut file).await?;
            let (stream, made_before) = (stream.clone(), description.made_at);
            all.push(RestoredStream { stream, made_before, made_now });
        }
        broker.bus.leave_backup(BackupMark { at: manifest.taken_at }).await?;
        anyhow::Ok(all)
    };
    let restored = restored.await;
    broker.stop().await?;
    restored
}

/// Moves the existing files aside and the assembled ones into their place. A start in between is refused.
fn exchange_folders(data: &Path, staging: &Path, before: &[PathBuf], aside: &Path) -> anyhow::Result<()> {
    let marker = data.join(data_folder::RESTORE_FILE);
    files::write_private(&marker, b"")?;
    files::settle_folder(data)?;
    if !before.is_empty() {
        make_private_folder(aside)?;
    }
    for path in before {
        rename_into(path, aside)?;
    }
    for path in files::folder_entries(staging)? {
        rename_into(&path, data)?;
    }
    std::fs::remove_dir(staging).with_context(|| format!("cannot remove {}", staging.display()))?;
    files::settle_folder(data)?;
    std::fs::remove_file(&marker).with_context(|| format!("cannot remove {}", marker.display()))?;
    files::settle_folder(data)
}

fn rename_into(path: &Path, folder: &Path) -> anyhow::Result<()> {
    let Some(name) = path.file_name() else { bail!("{} has no name", path.display()) };
    std::fs::rename(path, folder.join(name))
        .with_context(|| format!("cannot move {} into {}", path.display(), folder.display()))
}

/// Returns the current time in a form for folder names.
fn folder_stamp() -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    OffsetDateTime::now_utc().format(&format).unwrap_or_else(|_| "now".to_owned())
}
