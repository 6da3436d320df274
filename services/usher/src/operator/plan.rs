//! Runs `usher plan`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use console::api::{ConsoleStatusView, StartPlan};
use lifecycle::{PlanState, PlanStatus, PolicyPlan};
use policy::Policy;

use super::client::{OperatorClient, read_answer};
use super::progress::TerminalProgress;
use super::{CommandEnd, print_json, print_text};
use crate::cli::PlanArgs;
use crate::render;

/// The service that owns the targets.
const WRITER: &str = "writer";
/// Interval between requests for the progress of a plan.
const POLL: Duration = Duration::from_millis(200);
/// Maximum time without progress before the command gives up on a plan.
const STALLED_AFTER: Duration = Duration::from_secs(120);

/// Runs `usher plan`: plans every file in turn.
///
/// # Errors
/// Returns an error if a file cannot be read or used, the console cannot be reached, or a plan fails.
pub async fn run_plan(args: &PlanArgs) -> anyhow::Result<CommandEnd> {
    let drafts: Vec<StartPlan> =
        args.files.iter().map(|file| draft_policy(file, args.changes)).collect::<anyhow::Result<_>>()?;
    let console = OperatorClient::new(&args.operator)?;
    let mut ended = CommandEnd::Done;
    for (number, draft) in drafts.into_iter().enumerate() {
        let status = work_out(&console, StartPlan { person: args.person.clone(), ..draft }).await?;
        let plan = finished_plan(&status)?;
        warn_of_unknown(&console, &plan.target).await;
        if plan.needs_a_look() {
            ended = CommandEnd::SomethingChanges;
        }
        if args.operator.json {
            print_json(&status)?;
        } else {
            let gap = if number > 0 { "\n" } else { "" };
            print_text(&format!("{gap}{}", render::plan::render_plan(plan)))?;
        }
    }
    Ok(ended)
}

/// Reads the policy of a file and checks it. The mapper checks it too, but only here an error can show the file.
pub(super) fn draft_policy(file: &Path, changes: u32) -> anyhow::Result<StartPlan> {
    let policy = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.display().to_string();
    if let Err(error) = Policy::parse(&policy, &name) {
        bail!("the policy cannot be used\n{}", render::policy::render_fault(&error).trim_end());
    }
    Ok(StartPlan { policy, file: Some(name), person: None, changes_max: Some(changes) })
}

/// Starts a plan and waits until it has finished or failed.
pub(super) async fn work_out(console: &OperatorClient, draft: StartPlan) -> anyhow::Result<PlanStatus> {
    let progress = TerminalProgress::new();
    let mut status: PlanStatus = read_answer(&console.post(&["plans"], &draft).await?)?;
    let (mut moved, mut done) = (Instant::now(), status.done);
    while status.state == PlanState::Running {
        if status.done != done {
            (moved, done) = (Instant::now(), status.done);
        }
        if moved.elapsed() > STALLED_AFTER {
            bail!("the plan {} makes no progress: see the mapper's log", status.id);
        }
        progress.show(&render::plan::render_plan_progress(&status));
        tokio::time::sleep(POLL).await;
        status = read_answer(&console.get(&["plans", status.id.as_str()], &[]).await?)?;
    }
    Ok(status)
}

/// Warns if the writer does not have the target, so that the policy has no effect: a misspelled target is not an error
/// elsewhere.
pub(super) async fn warn_of_unknown(console: &OperatorClient, target: &str) {
    let Ok(answer) = console.get(&["status"], &[]).await else { return };
    let Ok(status) = read_answer::<ConsoleStatusView>(&answer) else { return };
    if let Some(warning) = unknown_target(&status, target) {
        eprintln!("usher: warning: {warning}");
    }
}

fn unknown_target(status: &ConsoleStatusView, target: &str) -> Option<String> {
    let is_known = status.targets.iter().any(|known| known.target == target);
    if is_known || status.unavailable.iter().any(|service| service.service == WRITER) {
        return None;
    }
    let known: Vec<&str> = status.targets.iter().map(|known| known.target.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Some(format!(
        "the writer has no target `{}`, so nothing is sent; it has: {}",
        render::clean_text(target),
        render::clean_text(&known)
    ))
}

/// Returns the result of a finished plan, or the error of a failed one.
pub(super) fn finished_plan(status: &PlanStatus) -> anyhow::Result<&PolicyPlan> {
    if status.state == PlanState::Failed {
        let why = status.error.as_deref().unwrap_or("the mapper does not say why");
        bail!("the plan for {} failed: {}", render::clean_text(&status.target), render::clean_text(why));
    }
    status.plan.as_ref().context("the console says that the plan is finished, and does not give it")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_target_that_the_writer_does_not_have_is_warned_of() {
        let status = |targets: &[&str], unavailable: Value| -> ConsoleStatusView {
            let target = |name: &&str| {
                let mut target = json!({ "target": name, "epoch": 1, "owner": null });
                for (name, value) in [("resources", json!({})), ("edges", json!({}))] {
                    target[name] = value;
                }
                target
            };
            let targets: Vec<Value> = targets.iter().map(target).collect();
            serde_json::from_value(json!({ "targets": targets, "lag": {}, "unavailable": unavailable }))
                .unwrap()
        };
        let warning = unknown_target(&status(&[], json!([])), "zai").unwrap();
        assert!(warning.contains("no target `zai`") && warning.ends_with("it has: none"), "{warning}");
        let silent = json!([{ "service": "writer", "code": "writer_not_running", "detail": "x" }]);
        assert_eq!(unknown_target(&status(&[], silent), "zai"), None);
    }
}
