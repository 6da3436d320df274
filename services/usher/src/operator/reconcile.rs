//! `usher reconcile`.

use std::time::Duration;

use console::api::Reconcile;
use lifecycle::{ReconcileState, Reconciliation};

use super::client::{Console, understood};
use super::progress::Progress;
use super::{Ended, print, print_json};
use crate::cli::ReconcileArgs;
use crate::render;

/// How often the console is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// `usher reconcile`: ends with "something changes" when there are differences.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn reconcile(args: &ReconcileArgs) -> anyhow::Result<Ended> {
    let console = Console::new(&args.operator)?;
    let path = ["targets", args.target.as_str(), "reconcile"];
    let why = args.why.clone().unwrap_or_else(|| "compared on demand".to_owned());
    let body = Reconcile { dry_run: args.dry_run, allow_gone: args.allow_gone, cancel: args.cancel, why };
    let mut report: Reconciliation = understood(&console.post(&path, &body).await?)?;
    let joined = !args.cancel && report.dry_run != args.dry_run;
    if joined {
        eprintln!(
            "usher: another comparison is under way ({}); this follows it",
            if report.dry_run { "a dry run" } else { "no dry run" }
        );
    }
    let progress = Progress::new();
    while report.state == ReconcileState::Running && !args.no_wait {
        progress.show(&render::reconcile::progress(&report));
        tokio::time::sleep(ASK_EVERY).await;
        report = understood(&console.get(&path, &[]).await?)?;
    }
    drop(progress);
    if args.operator.json {
        print_json(&report)?;
    } else {
        print(&render::reconcile::report(&report))?;
    }
    Ok(match report.state {
        ReconcileState::Failed => Ended::Failed,
        ReconcileState::Finished if render::reconcile::differs(&report) => Ended::SomethingChanges,
        _ => Ended::Done,
    })
}
