//! The manifest of a backup.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bus::StreamDescription;
use recovery::DatabaseContents;
use serde::{Deserialize, Serialize};

use super::files;

/// The format that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;
const NAME: &str = "manifest.json";

/// The manifest of a backup. It is written last, so that a folder without one is not a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackupManifest {
    pub(super) format: u32,
    /// Version of the `usher` that wrote the backup.
    pub(super) usher: String,
    /// Time at which the backup was started, by the database's clock; microseconds since the Unix epoch.
    pub(super) taken_at: i64,
    /// The same time in a readable form.
    pub(super) taken: String,
    /// The data folder.
    pub(super) data: PathBuf,
    pub(super) installation: String,
    /// Number of times that the installation was restored before.
    pub(super) generation: i64,
    /// The contents of each database, as the database describes them.
    pub(super) databases: BTreeMap<String, DatabaseContents>,
    /// The state of each stream, as the server describes it.
    pub(super) streams: BTreeMap<String, StreamDescription>,
    pub(super) files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BackupFile {
    /// Path below the backup's folder.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl BackupManifest {
    pub(super) const FORMAT: u32 = FORMAT;

    /// Reads and checks the manifest of the backup in `folder`, and every file that it names.
    pub(super) fn read_and_check(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "{} is no backup: {} cannot be read. A backup that was not finished has none",
                folder.display(),
                path.display()
            )
        })?;
        let read: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        let format = read["format"].as_u64().unwrap_or(0);
        ensure!(
            format == u64::from(FORMAT),
            "the backup {} has format {format}, and this usher reads format {FORMAT}: use the usher that wrote it ({})",
            folder.display(),
            read["usher"].as_str().unwrap_or("unknown")
        );
        let manifest: Self =
            serde_json::from_value(read).with_context(|| format!("{} is damaged", path.display()))?;
        manifest.check_version()?;
        manifest.check_files(folder)?;
        Ok(manifest)
    }

    /// Writes the manifest into `folder`.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("a manifest has only string keys")?;
        files::write_private(&folder.join(NAME), text.as_bytes())
    }

    fn check_version(&self) -> anyhow::Result<()> {
        let ours = env!("CARGO_PKG_VERSION");
        if version_numbers(&self.usher) > version_numbers(ours) {
            bail!(
                "the backup was written by usher {}, which is newer than this one ({ours}): its databases cannot be read; \
                 use usher {} or newer",
                self.usher,
                self.usher
            );
        }
        Ok(())
    }

    fn check_files(&self, folder: &Path) -> anyhow::Result<()> {
        let snapshots =
            self.streams.keys().map(|name| Path::new(super::STREAMS).join(super::snapshot_file(name)));
        let databases = self.databases.keys();
        let databases = databases.map(|name| Path::new(super::DATABASES).join(super::database_file(name)));
        for needed in databases.chain(snapshots) {
            let is_listed = self.files.iter().any(|file| file.path == needed);
            ensure!(is_listed, "the manifest of {} does not list {}", folder.display(), needed.display());
        }
        for file in &self.files {
            let is_below = file.path.components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(is_below, "the manifest of {} names {}", folder.display(), file.path.display());
            let path = folder.join(&file.path);
            let found = files::describe_file(folder, &file.path)
                .with_context(|| format!("the backup is not whole: {} cannot be read", path.display()))?;
            ensure!(
                found == *file,
                "the backup is damaged: {} has {} bytes and SHA-256 {}, and not {} and {}; use another backup",
                path.display(),
                found.bytes,
                found.sha256,
                file.bytes,
                file.sha256
            );
        }
        Ok(())
    }
}

fn version_numbers(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &Path) -> BackupManifest {
        std::fs::create_dir_all(folder.join("folder")).unwrap();
        std::fs::write(folder.join("folder/usher.yaml"), "# mine\n").unwrap();
        BackupManifest {
            format: FORMAT,
            usher: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: 0,
            taken: super::super::in_words(0),
            data: PathBuf::from("/data"),
            installation: "one".to_owned(),
            generation: 0,
            databases: BTreeMap::new(),
            streams: BTreeMap::new(),
            files: vec![files::describe_file(folder, Path::new("folder/usher.yaml")).unwrap()],
        }
    }

    fn refused(folder: &Path) -> String {
        format!("{:#}", BackupManifest::read_and_check(folder).unwrap_err())
    }

    #[test]
    fn a_whole_backup_is_believed_and_a_damaged_cut_off_or_unfinished_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refused(folder.path()).contains("is no backup"));
        let written = manifest(folder.path());
        written.write(folder.path()).unwrap();
        assert_eq!(BackupManifest::read_and_check(folder.path()).unwrap(), written);
        std::fs::write(folder.path().join("folder/usher.yaml"), "# yours").unwrap();
        assert!(refused(folder.path()).contains("is damaged"), "{}", refused(folder.path()));
        std::fs::remove_file(folder.path().join("folder/usher.yaml")).unwrap();
        assert!(refused(folder.path()).contains("is not whole"), "{}", refused(folder.path()));
    }

    #[test]
    fn a_backup_of_a_newer_version_or_format_and_one_that_names_files_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let fine = manifest(folder.path());
        BackupManifest { format: 2, usher: "9.0.0".to_owned(), ..fine.clone() }.write(folder.path()).unwrap();
        assert!(
            refused(folder.path()).contains("use the usher that wrote it (9.0.0)"),
            "{}",
            refused(folder.path())
        );
        BackupManifest { usher: "99.0.0".to_owned(), ..fine.clone() }.write(folder.path()).unwrap();
        assert!(refused(folder.path()).contains("use usher 99.0.0 or newer"), "{}", refused(folder.path()));
        let mut elsewhere = fine.clone();
        elsewhere.files[0].path = PathBuf::from("../usher.yaml");
        elsewhere.write(folder.path()).unwrap();
        assert!(refused(folder.path()).contains("names ../usher.yaml"), "{}", refused(folder.path()));
        let contents =
            DatabaseContents { installation: "one".to_owned(), generation: 0, positions: Vec::new() };
        BackupManifest { databases: BTreeMap::from([("mapper".to_owned(), contents)]), ..fine }
            .write(folder.path())
            .unwrap();
        assert!(
            refused(folder.path()).contains("does not list databases/mapper.db"),
            "{}",
            refused(folder.path())
        );
    }
}
