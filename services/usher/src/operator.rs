//! The operator commands: clients of the console's API, and commands for policy files.

mod access;
mod apply;
mod client;
mod contexts;
mod dead;
mod feed;
mod held;
mod leavers;
mod login;
mod orders;
mod outbox;
mod people;
mod plan;
mod policy;
mod probe;
mod progress;
mod provision;
mod quarantine;
mod reconcile;
mod schedule;
mod shown;
mod status;
mod trace;
mod verify;
mod versions;

use std::process::ExitCode;

use anyhow::Context as _;
use lifecycle::LeaverCounts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::OperatorArgs;
use crate::render;
use client::read_answer;

pub use apply::{apply_policies, rollback_policy};
pub use dead::run_dead;
pub use feed::run_feed;
pub use held::{run_conflicts, run_held, run_target};
pub use leavers::run_leavers;
pub use login::{run_context, run_login};
pub use orders::run_order;
pub use outbox::run_outbox;
pub use people::run_people;
pub use plan::run_plan;
pub use policy::run_policy;
pub use probe::run_probe;
pub use provision::run_provision;
pub use quarantine::run_quarantine;
pub use reconcile::run_reconcile;
pub use schedule::run_schedule;
pub use status::{run_healthcheck, run_status};
pub use trace::run_trace;
pub use verify::run_verify;
pub use versions::{export_policy, list_versions};

/// The end of a command that produced its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandEnd {
    /// Success. For a plan: nothing changes, and no mapping fails that worked before.
    Done,
    /// A plan has changes, or mappings fail that worked before.
    SomethingChanges,
    /// Failure; the reason was printed.
    Failed,
    /// The command waits until an operator resumes the target.
    Paused,
    /// The answer is unknown: a service or the console does not answer, or refuses.
    NotKnown,
    /// Departures are not decided yet.
    Undecided,
}

impl CommandEnd {
    /// Returns the end of a command that lists leavers. docs/leavers.md has the table.
    fn of_leavers(counts: &LeaverCounts) -> Self {
        match counts {
            LeaverCounts { overdue: 1.., .. } => Self::Failed,
            LeaverCounts { undecided: 1.., .. } => Self::Undecided,
            _ => Self::Done,
        }
    }

    /// Maps an error to [`Self::NotKnown`] and prints it, so that it differs from overdue leavers.
    fn or_not_known(result: anyhow::Result<Self>) -> Self {
        result.unwrap_or_else(|error| {
            eprintln!("usher: {}", render::clean_lines(&format!("{error:#}")));
            Self::NotKnown
        })
    }
}

impl From<CommandEnd> for ExitCode {
    fn from(ended: CommandEnd) -> Self {
        match ended {
            CommandEnd::Done => Self::SUCCESS,
            CommandEnd::Failed => Self::FAILURE,
            CommandEnd::SomethingChanges => Self::from(2),
            CommandEnd::Paused => Self::from(3),
            CommandEnd::NotKnown => Self::from(3),
            CommandEnd::Undecided => Self::from(4),
        }
    }
}

/// Prints data to stdout, as text or as the API's JSON.
fn show_answer<T: DeserializeOwned>(
    args: &OperatorArgs,
    answer: &Value,
    view: impl Fn(&T) -> String,
) -> anyhow::Result<CommandEnd> {
    if args.json {
        return print_json(answer);
    }
    print_text(&render::clean_lines(&view(&read_answer(answer)?)))
}

fn print_json(value: &impl Serialize) -> anyhow::Result<CommandEnd> {
    let text = serde_json::to_string_pretty(value).expect("answers have only string keys");
    print_text(&format!("{}\n", render::escape_json(&text)))
}

fn print_text(text: &str) -> anyhow::Result<CommandEnd> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(CommandEnd::Done), // `| head` has seen enough
        written => written.context("cannot write to stdout").map(|()| CommandEnd::Done),
    }
}

#[cfg(test)]
mod tests;
