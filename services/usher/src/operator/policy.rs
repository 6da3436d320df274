//! Runs the subcommands of `usher policy`, which need only files.

mod entra;
mod eval;

use std::path::Path;

use policy::{Policy, PolicyError, PolicyRemark};
use serde_json::{Value, json};

use super::{CommandEnd, print_json, print_text};
use crate::cli::{PolicyCheckArgs, PolicyCommand};
use crate::render;

/// Runs a subcommand of `usher policy`.
///
/// # Errors
/// Returns an error if a file cannot be read, or if stdin or stdout fails.
pub fn run_policy(command: &PolicyCommand) -> anyhow::Result<CommandEnd> {
    match command {
        PolicyCommand::Check(args) => check_policies(args),
        PolicyCommand::Eval => eval::run_eval().map(|()| CommandEnd::Done),
        PolicyCommand::ImportEntra(args) => entra::import_entra(args),
        PolicyCommand::Schema => print_text(policy::SCHEMA),
        PolicyCommand::ExportEntra(args) => entra::export_entra(args),
    }
}

/// A policy file, and its error if it has one.
enum CheckedPolicy {
    Fine { target: String, remarks: Vec<PolicyRemark> },
    Faulty(PolicyError),
    Unreadable(String),
}

fn check_policies(args: &PolicyCheckArgs) -> anyhow::Result<CommandEnd> {
    let checked: Vec<(String, CheckedPolicy)> =
        args.files.iter().map(|file| (file.display().to_string(), check_file(file))).collect();
    let ended = if checked.iter().all(|(_, checked)| matches!(checked, CheckedPolicy::Fine { .. })) {
        CommandEnd::Done
    } else {
        CommandEnd::Failed
    };
    if args.json {
        let files: Vec<Value> = checked.iter().map(|(file, checked)| as_json(file, checked)).collect();
        print_json(&files)?;
        return Ok(ended);
    }
    for (file, checked) in &checked {
        match checked {
            CheckedPolicy::Fine { target, remarks } => {
                eprint!("{}", render::policy::render_remarks(file, remarks));
                print_text(&format!(
                    "{}: fine, for the target {}\n",
                    render::clean_text(file),
                    render::clean_text(target)
                ))?;
            }
            CheckedPolicy::Faulty(error) => eprint!("{}", render::policy::render_fault(error)),
            CheckedPolicy::Unreadable(why) => eprintln!("{}: {why}", render::clean_text(file)),
        }
    }
    Ok(ended)
}

fn check_file(file: &Path) -> CheckedPolicy {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return CheckedPolicy::Unreadable(format!("cannot be read: {error}")),
    };
    match Policy::parse(&text, &file.display().to_string()) {
        Ok(policy) => {
            CheckedPolicy::Fine { target: policy.target().to_owned(), remarks: policy.remarks().to_vec() }
        }
        Err(error) => CheckedPolicy::Faulty(error),
    }
}

fn as_json(file: &str, checked: &CheckedPolicy) -> Value {
    match checked {
        CheckedPolicy::Fine { target, remarks } => {
            let place = |remark: &PolicyRemark| json!({ "line": remark.line, "column": remark.column, "text": remark.text });
            let remarks: Vec<Value> = remarks.iter().map(place).collect();
            json!({ "file": file, "fine": true, "target": target, "remarks": remarks })
        }
        CheckedPolicy::Faulty(error) => {
            let more: Vec<Value> = error.more.iter().map(fault_json).collect();
            let mut fault = fault_json(error);
            fault["file"] = file.into();
            fault["fine"] = false.into();
            fault["more"] = more.into();
            fault
        }
        CheckedPolicy::Unreadable(why) => json!({ "file": file, "fine": false, "what": why }),
    }
}

fn fault_json(error: &PolicyError) -> Value {
    json!({
        "line": error.line, "column": error.column, "what": error.what, "fix": error.fix, "span": error.span(),
        "snippet": error.snippet(),
    })
}
