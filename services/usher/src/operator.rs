//! The operator commands: clients of the console's API, and what can be done with policy files alone.

mod apply;
mod client;
mod dead;
mod feed;
mod held;
mod leavers;
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
use client::understood;

pub use apply::{apply, rollback};
pub use dead::dead;
pub use feed::feed;
pub use held::{conflicts, held, target};
pub use leavers::leavers;
pub use orders::order;
pub use outbox::outbox;
pub use people::people;
pub use plan::plan;
pub use policy::policy;
pub use probe::probe;
pub use provision::provision;
pub use quarantine::quarantine;
pub use reconcile::reconcile;
pub use schedule::schedule;
pub use status::{healthcheck, status};
pub use trace::trace;
pub use verify::verify;
pub use versions::{export, versions};

/// How a command ended that was able to say what it had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Done; for a plan: nothing changes, and nothing fails that did not.
    Done,
    /// A plan says that something changes, or that mappings fail which did not.
    SomethingChanges,
    /// Not done, and it was said why.
    Failed,
    /// It waits until an operator lets the target go on.
    Paused,
    /// What was asked for is not known: a service or the console does not answer, or refuses.
    NotKnown,
    /// Departures are not decided yet.
    Undecided,
}

impl Ended {
    /// How a look at leavers ends. docs/leavers.md has the table.
    fn of_leavers(counts: &LeaverCounts) -> Self {
        match counts {
            LeaverCounts { overdue: 1.., .. } => Self::Failed,
            LeaverCounts { undecided: 1.., .. } => Self::Undecided,
            _ => Self::Done,
        }
    }

    /// Without an answer nothing is known: says why, so that it is told from leavers who are overdue.
    fn or_not_known(result: anyhow::Result<Self>) -> Self {
        result.unwrap_or_else(|error| {
            eprintln!("usher: {error:#}");
            Self::NotKnown
        })
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Done => Self::SUCCESS,
            Ended::Failed => Self::FAILURE,
            Ended::SomethingChanges => Self::from(2),
            Ended::Paused => Self::from(3),
            Ended::NotKnown => Self::from(3),
            Ended::Undecided => Self::from(4),
        }
    }
}

/// Data goes to stdout, as text or as the API's JSON.
fn show<T: DeserializeOwned>(
    args: &OperatorArgs,
    answer: &Value,
    render: impl Fn(&T) -> String,
) -> anyhow::Result<Ended> {
    if args.json {
        return print_json(answer);
    }
    print(&render(&understood(answer)?))
}

fn print_json(value: &impl Serialize) -> anyhow::Result<Ended> {
    let text = serde_json::to_string_pretty(value).expect("answers have only string keys");
    print(&format!("{text}\n"))
}

fn print(text: &str) -> anyhow::Result<Ended> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Ended::Done), // `| head` has seen enough
        written => written.context("cannot write to stdout").map(|()| Ended::Done),
    }
}

#[cfg(test)]
mod tests;
