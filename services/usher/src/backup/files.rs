//! Files of backups: readable by their owner only, synced to disk, and identified by their hashes.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest, Sha256};

use super::manifest::BackupFile;
use crate::private_file::make_private_folder;

const READ_BYTES: usize = 1 << 20;
/// Folders that `usher up` and operators keep beside the databases, and that a backup contains.
const FOLDERS: [&str; 2] = ["policies", "tokens"];
/// File with the broker's token.
const NATS_TOKEN: &str = "nats/token";

/// Returns the size and hash of `path` below `folder`.
pub(super) fn describe_file(folder: &Path, path: &Path) -> anyhow::Result<BackupFile> {
    let mut file = File::open(folder.join(path))?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
        bytes += length as u64;
    }
    let sha256 = hex::encode(hash.finalize());
    Ok(BackupFile { path: path.to_owned(), bytes, sha256 })
}

/// Creates a file that only its owner can read.
pub(super) fn create_private(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file that only its owner can read, and syncs it to disk.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Copies a file. The copy can be read by its owner only, and is synced to disk.
pub(super) fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        make_private_folder(folder)?;
    }
    let mut source = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let mut target = create_private(to)?;
    std::io::copy(&mut source, &mut target)
        .and_then(|_| target.sync_all())
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Restricts a file that another process wrote to its owner, and syncs it to disk.
pub(super) fn restrict_file(path: &Path) -> anyhow::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .and_then(|()| File::open(path)?.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Syncs the entries of `folder` to disk.
pub(super) fn settle_folder(folder: &Path) -> anyhow::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot write {}", folder.display()))
}

/// Lists the files of a data folder that a backup contains beside databases and streams: configuration, policies, tokens.
pub(super) fn beside_the_stores(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let is_config = |path: &Path| path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
    let mut found: Vec<PathBuf> = folder_entries(data)?.into_iter().filter(|path| is_config(path)).collect();
    for folder in FOLDERS.map(|name| data.join(name)) {
        if folder.is_dir() {
            found.extend(folder_entries(&folder)?);
        }
    }
    found.push(data.join(NATS_TOKEN));
    let mut below = Vec::new();
    for path in found.into_iter().filter(|path| path.is_file()) {
        below.push(path.strip_prefix(data)?.to_owned());
    }
    below.sort();
    Ok(below)
}

/// Lists the entries of a folder.
pub(super) fn folder_entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let listed: std::io::Result<Vec<PathBuf>> = read();
    listed.with_context(|| format!("cannot read the folder {}", folder.display()))
}
