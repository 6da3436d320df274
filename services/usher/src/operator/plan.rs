//! `usher plan`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use console::api::StartPlan;
use lifecycle::{Plan, PlanState, PlanStatus};
use policy::Policy;

use super::client::{Console, understood};
use super::progress::Progress;
use super::{Ended, print, print_json};
use crate::cli::PlanArgs;
use crate::render;

/// How often is asked how far a plan is.
const POLL: Duration = Duration::from_millis(200);
/// How long a plan may stand still before it is given up.
const STALLED_AFTER: Duration = Duration::from_secs(120);

/// `usher plan`: every file in turn.
///
/// # Errors
/// When a file cannot be read or used, the console cannot be reached, or a plan cannot be worked out.
pub async fn plan(args: &PlanArgs) -> anyhow::Result<Ended> {
    let drafts: Vec<StartPlan> =
        args.files.iter().map(|file| draft(file, args.changes)).collect::<anyhow::Result<_>>()?;
    let console = Console::new(&args.operator)?;
    let mut ended = Ended::Done;
    for (number, draft) in drafts.into_iter().enumerate() {
        let status = work_out(&console, StartPlan { person: args.person.clone(), ..draft }).await?;
        let plan = finished(&status)?;
        if plan.needs_a_look() {
            ended = Ended::SomethingChanges;
        }
        if args.operator.json {
            print_json(&status)?;
        } else {
            let gap = if number > 0 { "\n" } else { "" };
            print(&format!("{gap}{}", render::plan::plan(plan)))?;
        }
    }
    Ok(ended)
}

/// The policy of a file, if it is one. Checked here as well as by the mapper: here the file can be shown.
pub(super) fn draft(file: &Path, changes: u32) -> anyhow::Result<StartPlan> {
    let policy = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.display().to_string();
    if let Err(error) = Policy::parse(&policy, &name) {
        bail!("the policy cannot be used\n{}", render::policy::fault(&error).trim_end());
    }
    Ok(StartPlan { policy, file: Some(name), person: None, changes_max: Some(changes) })
}

/// Starts a plan and waits until it is finished or has failed.
pub(super) async fn work_out(console: &Console, draft: StartPlan) -> anyhow::Result<PlanStatus> {
    let progress = Progress::new();
    let mut status: PlanStatus = understood(&console.post(&["plans"], &draft).await?)?;
    let (mut moved, mut done) = (Instant::now(), status.done);
    while status.state == PlanState::Running {
        if status.done != done {
            (moved, done) = (Instant::now(), status.done);
        }
        if moved.elapsed() > STALLED_AFTER {
            bail!("the plan {} does not get on: look at the mapper's log", status.id);
        }
        progress.show(&render::plan::progress(&status));
        tokio::time::sleep(POLL).await;
        status = understood(&console.get(&["plans", status.id.as_str()], &[]).await?)?;
    }
    Ok(status)
}

/// The plan, if it could be worked out.
pub(super) fn finished(status: &PlanStatus) -> anyhow::Result<&Plan> {
    if status.state == PlanState::Failed {
        let why = status.error.as_deref().unwrap_or("the mapper does not say why");
        bail!("the plan for {} failed: {}", render::clean(&status.target), render::clean(why));
    }
    status.plan.as_ref().context("the console says that the plan is finished, and does not give it")
}
