//! Runs `usher policy import-entra` and `usher policy export-entra`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use entra::{ConversionNote, ImportResult, ImportedPolicy, JobScope};
use policy::Policy;
use serde_json::{Value, json};

use crate::cli::{ExportEntraArgs, ImportEntraArgs};
use crate::operator::{CommandEnd, print_json, print_text};
use crate::render;

/// Runs `usher policy import-entra`: writes policies to stdout or into a folder, and notes about the conversion to stderr.
///
/// # Errors
/// Returns an error if the export cannot be read, or if a file cannot be written.
pub(super) fn import_entra(args: &ImportEntraArgs) -> anyhow::Result<CommandEnd> {
    let json = read_export(&args.file)?;
    let job = match (args.all, args.assigned.as_slice()) {
        (true, _) => JobScope::Everybody,
        (false, []) => JobScope::NotSaid,
        (false, groups) => JobScope::Assigned(groups.to_vec()),
    };
    let imported = entra::import_schema(&json, args.target.as_deref(), &job)
        .with_context(|| format!("cannot import {}", args.file.display()))?;
    if args.json {
        return print_json(&as_json(&imported));
    }
    tell_notes(&imported.notes);
    match &args.out {
        Some(folder) => {
            for policy in &imported.policies {
                write_policy(folder, policy)?;
            }
            Ok(CommandEnd::Done)
        }
        None => match imported.policies.as_slice() {
            [only] => print_text(&only.yaml),
            several => {
                let targets: Vec<&str> = several.iter().map(|policy| policy.target.as_str()).collect();
                let targets = render::clean_text(&targets.join(", ")).into_owned();
                bail!("it holds policies for {} targets ({targets}): give --out DIR", several.len())
            }
        },
    }
}

fn read_export(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Runs `usher policy export-entra`: writes the schema to stdout, and notes about the conversion to stderr.
///
/// # Errors
/// Returns an error if the file cannot be read, or if it is not a policy.
pub(super) fn export_entra(args: &ExportEntraArgs) -> anyhow::Result<CommandEnd> {
    let text = read_export(&args.file)?;
    let policy = match Policy::parse(&text, &args.file.display().to_string()) {
        Ok(policy) => policy,
        Err(error) => bail!("the policy cannot be used\n{}", render::policy::render_fault(&error).trim_end()),
    };
    let exported = entra::export_policy(&policy);
    tell_notes(&exported.notes);
    print_text(&exported.json)
}

/// Prints notes about settings that were converted differently or not at all. They are not data, so they go to stderr.
fn tell_notes(notes: &[ConversionNote]) {
    for note in notes {
        eprintln!("{}", render::clean_text(&note.to_string()));
    }
}

fn as_json(imported: &ImportResult) -> Value {
    let policies: Vec<Value> = imported
        .policies
        .iter()
        .map(|policy| json!({ "target": policy.target, "policy": policy.yaml }))
        .collect();
    json!({ "policies": policies, "notes": imported.notes })
}

/// Writes a policy to a new file. An existing file is not overwritten, because it may contain manual changes.
fn write_policy(folder: &Path, policy: &ImportedPolicy) -> anyhow::Result<()> {
    let path = folder.join(file_name(&policy.target)?);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(policy.yaml.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Returns the file name for a target. The name comes from an external file, so it must not lead out of the folder.
fn file_name(target: &str) -> anyhow::Result<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if target.is_empty() || target.starts_with('.') || !target.chars().all(plain) {
        bail!("the target's name `{}` is no file name: give --target NAME", render::clean_text(target));
    }
    Ok(format!("{target}.yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_targets_name_does_not_lead_out_of_the_folder() {
        assert_eq!(file_name("zscaler-two").unwrap(), "zscaler-two.yaml");
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a\u{0}b"] {
            assert!(file_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_policy_that_is_there_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let policy = ImportedPolicy { target: "zia".into(), yaml: "target: zia\n".into() };
        write_policy(folder.path(), &policy).unwrap();
        std::fs::write(folder.path().join("zia.yaml"), "mine").unwrap();
        assert!(write_policy(folder.path(), &policy).is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join("zia.yaml")).unwrap(), "mine");
    }
}
