//! Runs `usher reconcile`.

use std::time::Duration;

use console::api::{ConsoleStatusView, ReconcileRequestBody};
use lifecycle::{PausedTarget, ReconcileState, Reconciliation};

use super::client::{OperatorClient, read_answer};
use super::progress::TerminalProgress;
use super::{CommandEnd, print_json, print_text};
use crate::cli::ReconcileArgs;
use crate::render;

/// Interval between requests for the progress of a reconciliation.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// Number of progress requests between two checks whether the target is paused.
const LOOK_EVERY: u32 = 20;

/// Runs `usher reconcile`. It ends with "something changes" if there are differences, and with "paused" if it would wait for an
/// operator.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_reconcile(args: &ReconcileArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let path = ["targets", args.target.as_str(), "reconcile"];
    let why = args.why.clone().unwrap_or_else(|| "compared on demand".to_owned());
    let body = ReconcileRequestBody {
        dry_run: args.dry_run,
        gone_max: args.allow_gone,
        cancel: args.cancel,
        why,
        ..ReconcileRequestBody::default()
    };
    let mut report: Reconciliation = read_answer(&console.post(&path, &body).await?)?;
    let joined = !args.cancel && report.dry_run != args.dry_run;
    if joined {
        eprintln!(
            "usher: another reconciliation is already running ({}); following it",
            if report.dry_run { "a dry run" } else { "no dry run" }
        );
    }
    let progress = TerminalProgress::new();
    let mut asked = 0;
    while report.state == ReconcileState::Running {
        if asked % LOOK_EVERY == 0
            && let Some(paused) = pause_in_the_way(&console, &report).await?
        {
            drop(progress);
            eprintln!("usher: {}", render::reconcile::paused(&report, &paused));
            return tell(args, &report).map(|_| CommandEnd::Paused);
        }
        if args.no_wait {
            break;
        }
        asked += 1;
        progress.show(&render::reconcile::render_reconcile_progress(&report));
        tokio::time::sleep(ASK_EVERY).await;
        report = read_answer(&console.get(&path, &[]).await?)?;
    }
    drop(progress);
    tell(args, &report)?;
    Ok(match report.state {
        ReconcileState::Failed => CommandEnd::Failed,
        ReconcileState::Finished if render::reconcile::has_differences(&report) => {
            CommandEnd::SomethingChanges
        }
        _ => CommandEnd::Done,
    })
}

fn tell(args: &ReconcileArgs, report: &Reconciliation) -> anyhow::Result<CommandEnd> {
    if args.operator.json {
        print_json(report)
    } else {
        print_text(&render::reconcile::render_reconciliation(report))
    }
}

/// Returns the pause that the reconciliation waits for, if there is one.
async fn pause_in_the_way(
    console: &OperatorClient,
    report: &Reconciliation,
) -> anyhow::Result<Option<PausedTarget>> {
    let status: ConsoleStatusView = read_answer(&console.get(&["status"], &[]).await?)?;
    let target = status.targets.into_iter().find(|target| target.target == report.target);
    let paused = target.and_then(|target| target.paused);
    Ok(paused.filter(|paused| !(report.dry_run && paused.only_grants)))
}
