//! `usher policy ...`: what can be done with files alone.

mod entra;
mod eval;

use std::path::Path;

use policy::{Policy, PolicyError, Remark};
use serde_json::{Value, json};

use super::{Ended, print, print_json};
use crate::cli::{PolicyCheckArgs, PolicyCommand};
use crate::render;

/// `usher policy ...`.
///
/// # Errors
/// When a file cannot be read, or stdin or stdout breaks.
pub fn policy(command: &PolicyCommand) -> anyhow::Result<Ended> {
    match command {
        PolicyCommand::Check(args) => check(args),
        PolicyCommand::Eval => eval::eval().map(|()| Ended::Done),
        PolicyCommand::ImportEntra(args) => entra::import(args),
        PolicyCommand::Schema => print(policy::SCHEMA),
        PolicyCommand::ExportEntra(args) => entra::export(args),
    }
}

/// A policy file with its fault, if it has one.
enum Checked {
    Fine { target: String, remarks: Vec<Remark> },
    Faulty(PolicyError),
    Unreadable(String),
}

fn check(args: &PolicyCheckArgs) -> anyhow::Result<Ended> {
    let checked: Vec<(String, Checked)> =
        args.files.iter().map(|file| (file.display().to_string(), check_file(file))).collect();
    let ended = if checked.iter().all(|(_, checked)| matches!(checked, Checked::Fine { .. })) {
        Ended::Done
    } else {
        Ended::Failed
    };
    if args.json {
        let files: Vec<Value> = checked.iter().map(|(file, checked)| as_json(file, checked)).collect();
        print_json(&files)?;
        return Ok(ended);
    }
    for (file, checked) in &checked {
        match checked {
            Checked::Fine { target, remarks } => {
                eprint!("{}", render::policy::remarks(file, remarks));
                print(&format!("{}: fine, for the target {}\n", render::clean(file), render::clean(target)))?;
            }
            Checked::Faulty(error) => eprint!("{}", render::policy::fault(error)),
            Checked::Unreadable(why) => eprintln!("{}: {why}", render::clean(file)),
        }
    }
    Ok(ended)
}

fn check_file(file: &Path) -> Checked {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Checked::Unreadable(format!("cannot be read: {error}")),
    };
    match Policy::parse(&text, &file.display().to_string()) {
        Ok(policy) => {
            Checked::Fine { target: policy.target().to_owned(), remarks: policy.remarks().to_vec() }
        }
        Err(error) => Checked::Faulty(error),
    }
}

fn as_json(file: &str, checked: &Checked) -> Value {
    match checked {
        Checked::Fine { target, remarks } => {
            let place = |remark: &Remark| json!({ "line": remark.line, "column": remark.column, "text": remark.text });
            let remarks: Vec<Value> = remarks.iter().map(place).collect();
            json!({ "file": file, "fine": true, "target": target, "remarks": remarks })
        }
        Checked::Faulty(error) => {
            let more: Vec<Value> = error.more.iter().map(fault).collect();
            let mut fault = fault(error);
            fault["file"] = file.into();
            fault["fine"] = false.into();
            fault["more"] = more.into();
            fault
        }
        Checked::Unreadable(why) => json!({ "file": file, "fine": false, "what": why }),
    }
}

fn fault(error: &PolicyError) -> Value {
    json!({
        "line": error.line, "column": error.column, "what": error.what, "fix": error.fix, "span": error.span(),
        "snippet": error.snippet(),
    })
}
