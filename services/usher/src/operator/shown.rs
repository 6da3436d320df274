//! Remembers what lists showed, so that a decision covers that and nothing that came later.
//!
//! One file for each list and console: in the data folder, or without one in the user's state folder. It only saves the
//! operator from typing identities: the service that decides compares them with what it knows.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lifecycle::{HeldBy, HeldDecision, HeldResource, HoldEffect, HoldId, ResourceKind, ShownHold};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::client::OperatorClient;
use crate::cli::OperatorArgs;

/// One held change, as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownChange {
    pub(super) target: String,
    pub(super) kind: ResourceKind,
    pub(super) subject: String,
    /// The revision that is held.
    #[serde(default)]
    pub(super) revision: i64,
    pub(super) hold: HoldId,
    pub(super) effect: HoldEffect,
    pub(super) by: HeldBy,
    pub(super) decisions: Vec<HeldDecision>,
}

impl ShownChange {
    /// Returns what the console takes as the subject of a decision.
    pub(super) fn shown_hold(&self) -> ShownHold {
        ShownHold { subject: self.subject.clone(), hold: self.hold.clone() }
    }
}

impl From<&HeldResource> for ShownChange {
    fn from(held: &HeldResource) -> Self {
        Self {
            target: held.target.clone(),
            kind: held.kind,
            subject: held.subject.clone(),
            revision: held.revision,
            hold: held.hold.clone(),
            effect: held.effect,
            by: held.by,
            decisions: held.decisions.clone(),
        }
    }
}

/// The content of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ShownFile {
    /// `true` if a list of all targets was shown.
    all_targets: bool,
    /// The targets whose list was shown.
    targets: BTreeSet<String>,
    changes: Vec<ShownChange>,
}

/// What the lists of one console showed.
#[derive(Debug)]
pub(super) struct ShownLists {
    folder: Option<PathBuf>,
    console: String,
}

impl ShownLists {
    /// Returns the memory for a console.
    pub(super) fn open(args: &OperatorArgs, client: &OperatorClient) -> Self {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = args.data_folder();
        let folder = if data.is_dir() {
            Some(data.join("shown"))
        } else {
            let home = || Some(variable("HOME")?.join(".local/state"));
            variable("XDG_STATE_HOME").or_else(home).map(|folder| folder.join("usher/shown"))
        };
        Self { folder, console: client.base().to_string() }
    }

    /// Reads what a list showed; `None` if it never was. A file that is damaged, or that another version wrote, counts as
    /// missing: the list is shown again.
    pub(super) fn read<T: DeserializeOwned>(&self, list: &str) -> anyhow::Result<Option<T>> {
        let Some(file) = self.file(list) else { return Ok(None) };
        match std::fs::read(&file) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Remembers what a list showed.
    pub(super) fn write<T: Serialize>(&self, list: &str, shown: &T) -> anyhow::Result<()> {
        let file = self.file(list).context("there is no data folder, and HOME is not set")?;
        write_file(&file, &serde_json::to_vec(shown)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Returns the file of a list. Its name has the console's address.
    fn file(&self, list: &str) -> Option<PathBuf> {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
        let console: String = self.console.chars().map(plain).collect();
        Some(self.folder.as_ref()?.join(format!("{list}-{console}.json")))
    }
}

/// Writes a file that only its owner can read, in one step.
fn write_file(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?.write_all(content)?;
    std::fs::rename(&draft, file)
}

/// The name of the list of holds.
const HOLDS: &str = "held";

/// The holds that were last shown of one console.
#[derive(Debug)]
pub(super) struct ShownHolds(ShownLists);

impl ShownHolds {
    /// Returns the memory for a console.
    pub(super) fn open(args: &OperatorArgs, client: &OperatorClient) -> Self {
        Self(ShownLists::open(args, client))
    }

    /// Remembers a list: of one target, or of all.
    pub(super) fn remember(&self, target: Option<&str>, shown: &[HeldResource]) -> anyhow::Result<()> {
        let mut content = match target {
            Some(_) => self.0.read(HOLDS)?.unwrap_or_default(),
            None => ShownFile { all_targets: true, ..ShownFile::default() },
        };
        if let Some(target) = target {
            content.changes.retain(|change| change.target != target);
            content.targets.insert(target.to_owned());
        }
        content.changes.extend(shown.iter().map(ShownChange::from));
        self.0.write(HOLDS, &content)
    }

    /// Returns the holds of a target that were shown; `None` if its list never was.
    pub(super) fn of_target(&self, target: &str) -> anyhow::Result<Option<Vec<ShownChange>>> {
        let Some(content) = self.0.read::<ShownFile>(HOLDS)? else { return Ok(None) };
        let is_known = content.all_targets || content.targets.contains(target);
        let mut changes = content.changes;
        changes.retain(|change| change.target == target && change.kind != ResourceKind::Membership);
        Ok(is_known.then_some(changes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(target: &str, subject: &str, hold: &str) -> HeldResource {
        serde_json::from_value(json!({"target": target, "kind": "user", "subject": subject, "revision": 2,
            "hold": hold, "wanted": "disabled", "effect": "disable", "by": "guard", "reason": "why",
            "since": "2026-01-02T03:04:05Z"}))
        .unwrap()
    }

    #[test]
    fn what_was_shown_is_remembered_for_each_target_until_it_is_shown_again() {
        let folder = tempfile::tempdir().unwrap();
        let console = "http://127.0.0.1:8081/".to_owned();
        let memory = ShownHolds(ShownLists { folder: Some(folder.path().join("shown")), console });
        let ids = |target: &str| {
            let changes = memory.of_target(target).unwrap()?;
            Some(changes.into_iter().map(|change| change.hold.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(ids("app"), None, "it never was");
        memory.remember(Some("app"), &[held("app", "E-1", "a1"), held("app", "E-2", "a2")]).unwrap();
        memory.remember(Some("crm"), &[held("crm", "E-1", "c1")]).unwrap();
        memory.remember(Some("app"), &[held("app", "E-2", "a3")]).unwrap();
        assert_eq!(
            (ids("app").unwrap(), ids("crm").unwrap()),
            (vec!["a3".to_owned()], vec!["c1".to_owned()])
        );
        assert_eq!(ids("zia"), None);
        memory.remember(None, &[held("crm", "E-1", "c2")]).unwrap();
        assert_eq!((ids("app").unwrap(), ids("crm").unwrap()), (Vec::new(), vec!["c2".to_owned()]));
    }
}
