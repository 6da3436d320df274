//! Runs `usher provision`.

use std::time::{Duration, Instant};

use console::api::{ProvisionAnswer, ProvisionRequestBody};
use lifecycle::{ExplainedPerson, RowReply};
use serde_json::Value;

use super::client::{OperatorClient, read_answer};
use super::progress::TerminalProgress;
use super::{CommandEnd, print_json, print_text};
use crate::cli::ProvisionArgs;
use crate::render;
use crate::render::provision::SettledOperation;

/// Maximum time for the writer to settle the change.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// Maximum time without progress of memberships, once their group agrees, before the command stops waiting. The members may be
/// people without an account.
const MEMBERSHIPS_WAIT: Duration = Duration::from_secs(10);
/// Interval between requests to the writer.
const POLL: Duration = Duration::from_millis(250);

/// Runs `usher provision`. The command fails if the target cannot be read, or does not agree in the end.
///
/// # Errors
/// Returns an error if the console cannot be reached, or refuses because it knows no such person or target.
pub async fn run_provision(args: &ProvisionArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let body = ProvisionRequestBody {
        person: args.person.clone(),
        target: args.target.clone(),
        dry_run: args.dry_run,
        why: args.why.clone(),
    };
    let mut answer = console.post(&["provision"], &body).await?;
    let report: ProvisionAnswer = read_answer(&answer)?;
    if !args.operator.json {
        print_text(&render::provision::render_report(&report))?;
    }
    let wanted = report.queued.as_ref().map(|queued| queued.mapper.revision);
    let mut ended = if report.look_problem.is_some() { CommandEnd::Failed } else { CommandEnd::Done };
    if let Some(revision) = wanted {
        let (row, settled) = wait_for_target(&console, &report.explained, revision).await?;
        if matches!(settled, SettledOperation::Stuck | SettledOperation::NotYet) {
            ended = CommandEnd::Failed;
        }
        if args.operator.json {
            answer["outcome"] = serde_json::to_value(&row).expect("a row has only string keys");
        } else {
            print_text(&render::provision::render_outcome(&row, settled))?;
        }
    }
    if args.operator.json {
        print_json(&answer)?;
    }
    Ok(ended)
}

/// Polls until the writer has settled the revision, or the time has passed.
async fn wait_for_target(
    console: &OperatorClient,
    explained: &ExplainedPerson,
    revision: i64,
) -> anyhow::Result<(RowReply, SettledOperation)> {
    if revision == 0 {
        return Ok((RowReply::default(), SettledOperation::NothingAsked));
    }
    let path = ["targets", &explained.target, explained.kind.as_str(), &explained.subject];
    let (progress, began) = (TerminalProgress::new(), Instant::now());
    let mut still = StableCount { pending: u64::MAX, since: began };
    loop {
        let answer: Value = console.get(&path, &[]).await?;
        let row: RowReply = read_answer(&answer)?;
        still.see(row.memberships_pending);
        match settled_operation(&row, revision, still.since.elapsed()) {
            Some(settled) => return Ok((row, settled)),
            None if began.elapsed() > SETTLED_WITHIN => return Ok((row, SettledOperation::NotYet)),
            None => progress.show(&render::provision::render_waiting(&row)),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The time since which the number of pending memberships has not changed.
struct StableCount {
    pending: u64,
    since: Instant,
}

impl StableCount {
    fn see(&mut self, pending: u64) {
        if pending != self.pending {
            *self = Self { pending, since: Instant::now() };
        }
    }
}

/// Returns the result if the writer has settled `revision`; `still` is the time for which the number of pending memberships has
/// not changed.
fn settled_operation(row: &RowReply, revision: i64, still: Duration) -> Option<SettledOperation> {
    if row.revision < revision {
        return None; // the command is still on its way
    }
    match row.status.as_deref() {
        Some("in_sync") if row.memberships_pending == 0 => Some(SettledOperation::Agrees),
        Some("in_sync") if still > MEMBERSHIPS_WAIT => Some(SettledOperation::MembershipsWait),
        Some("dead" | "conflict") => Some(SettledOperation::Stuck),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_settled_when_the_wanted_revision_is_in_force_or_stuck() {
        let row = |status: Option<&str>, revision: i64, memberships_pending: u64| RowReply {
            status: status.map(str::to_owned),
            revision,
            memberships_pending,
            ..RowReply::default()
        };
        for (row, expected) in [
            (row(None, 0, 0), None),
            (row(Some("in_sync"), 3, 0), None),
            (row(Some("dead"), 3, 0), None),
            (row(Some("in_sync"), 4, 0), Some(SettledOperation::Agrees)),
            (row(Some("in_sync"), 5, 0), Some(SettledOperation::Agrees)),
            (row(Some("in_sync"), 4, 2), None),
            (row(Some("pending"), 4, 0), None),
            (row(Some("retrying"), 4, 0), None),
            (row(Some("conflict"), 4, 0), Some(SettledOperation::Stuck)),
            (row(Some("dead"), 4, 0), Some(SettledOperation::Stuck)),
        ] {
            assert_eq!(settled_operation(&row, 4, Duration::ZERO), expected, "{row:?}");
        }
        let waits = settled_operation(&row(Some("in_sync"), 4, 2), 4, MEMBERSHIPS_WAIT * 2);
        assert_eq!(waits, Some(SettledOperation::MembershipsWait));
    }
}
