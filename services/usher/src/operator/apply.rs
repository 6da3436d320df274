//! `usher apply` and `usher rollback`: plan, preview, confirm, apply, follow.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use console::api::{ApplyRequestBody, StartPlan};
use lifecycle::{ApplyReply, MapperStatus, PolicyPlan, PolicyText, PolicyVersions};
use serde_json::{Value, json};

use super::client::{OperatorClient, read_answer};
use super::plan::{draft_policy, finished_plan, warn_of_unknown, work_out};
use super::progress::TerminalProgress;
use super::{CommandEnd, print_json, print_text};
use crate::cli::{ApplyArgs, OperatorArgs, PolicyConsent, RollbackArgs};
use crate::render;

/// Interval between requests for the progress of the re-evaluation.
const POLL: Duration = Duration::from_millis(500);
/// Maximum number of versions that are searched for the previous one.
const TEXTS_COMPARED_MAX: usize = 50;
/// Maximum number of consecutive failed polls before the command stops following.
const POLL_FAILURES_MAX: u32 = 20;

/// Runs `usher apply`.
///
/// # Errors
/// Returns an error if the file cannot be used, the plan fails, or the policy is not applied.
pub async fn apply_policies(args: &ApplyArgs) -> anyhow::Result<CommandEnd> {
    let draft = draft_policy(&args.file, args.consent.changes)?;
    let console = OperatorClient::new(&args.operator)?;
    put_in_force(&console, draft, &args.why, &args.consent, &args.operator).await
}

/// Runs `usher rollback`.
///
/// # Errors
/// Returns an error if there is no such version, or as [`apply_policies`] does.
pub async fn rollback_policy(args: &RollbackArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let target = args.target.as_str();
    let to = match args.to {
        Some(to) => to,
        None => version_before(&console, target).await?,
    };
    let text = text_of(&console, target, to).await?;
    let draft = StartPlan {
        policy: text.policy,
        file: Some(format!("{target}, version {to}")),
        person: None,
        changes_max: Some(args.consent.changes),
    };
    let why = format!("back to version {to}: {}", args.why.trim());
    put_in_force(&console, draft, &why, &args.consent, &args.operator).await
}

async fn text_of(console: &OperatorClient, target: &str, version: i64) -> anyhow::Result<PolicyText> {
    read_answer(&console.get(&["policies", target], &[("version", version.to_string())]).await?)
}

/// Returns the version that was in force before the current one.
async fn version_before(console: &OperatorClient, target: &str) -> anyhow::Result<i64> {
    let known: PolicyVersions = read_answer(&console.get(&["policies", target, "versions"], &[]).await?)?;
    let numbers: Vec<i64> = known.versions.iter().map(|version| version.version).collect();
    let mut texts = Vec::new();
    for number in numbers.iter().take(TEXTS_COMPARED_MAX) {
        texts.push(text_of(console, target, *number).await?.policy);
    }
    match newest_before(&texts).and_then(|at| numbers.get(at)) {
        Some(version) => Ok(*version),
        None => bail!(
            "{} has no version before the policy in force, as far as can be determined: give one with --to",
            render::clean_text(target)
        ),
    }
}

/// Returns the index of the text before the newest one, from texts in force one after the other, newest first. If the newest
/// equals an older text, a rollback happened: the result is the text before that older one, and the texts in between are
/// skipped.
fn newest_before(texts: &[String]) -> Option<usize> {
    let newest = texts.first()?;
    let first_time = texts.iter().rposition(|text| text == newest)?;
    Some(first_time + 1)
}

async fn put_in_force(
    console: &OperatorClient,
    draft: StartPlan,
    why: &str,
    consent: &PolicyConsent,
    operator: &OperatorArgs,
) -> anyhow::Result<CommandEnd> {
    if !consent.yes && !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for confirmation: check `usher plan`, then give --yes");
    }
    let status = work_out(console, draft).await?;
    let plan = finished_plan(&status)?;
    say_text(operator, &render::plan::render_plan(plan))?;
    warn_of_unknown(console, &plan.target).await;
    let refusal = over_the_guard(plan, consent.allow_deletes);
    if let Some(refusal) = refusal.or_else(|| grants_too_much(plan, consent.allow_grants)) {
        bail!("{refusal}");
    }
    if !consent.yes && !ask_consent(plan)? {
        eprintln!("usher: nothing was applied");
        return Ok(CommandEnd::Failed);
    }
    let PolicyConsent { allow_deletes, allow_grants, .. } = *consent;
    let body =
        ApplyRequestBody { plan: status.id.to_string(), allow_deletes, allow_grants, why: why.to_owned() };
    let applied = console.post(&["policies", "apply"], &body).await?;
    let reply: ApplyReply = read_answer(&applied)?;
    say_text(operator, &render::plan::render_applied(&reply))?;
    if !consent.no_wait {
        follow_evaluation(console)
            .await
            .context("the policy is in force, but the progress of the evaluation is unknown")?;
        say_text(operator, "all people and groups are evaluated with it\n")?;
    }
    if operator.json {
        print_json(&json!({ "plan": status, "applied": applied }))?;
    }
    Ok(CommandEnd::Done)
}

/// Prints text to stderr if `--json` reserves stdout for the JSON.
fn say_text(operator: &OperatorArgs, text: &str) -> anyhow::Result<()> {
    if operator.json {
        eprint!("{text}");
        return Ok(());
    }
    print_text(text).map(|_| ())
}

/// Returns the reason why the plan may not be applied, if it removes more access than allowed.
fn over_the_guard(plan: &PolicyPlan, allowed: Option<u64>) -> Option<String> {
    let removals = plan.removals();
    if plan.guard.is_empty() || allowed.is_some_and(|allowed| removals <= allowed) {
        return None;
    }
    let thresholds: Vec<&str> = plan.guard.iter().map(|trip| trip.threshold.as_str()).collect();
    Some(format!(
        "nothing was applied: {removals} accounts and groups would lose access, which is more than {} lets pass; if that \
         is meant, give --allow-deletes {removals}",
        render::clean_text(&thresholds.join(" and "))
    ))
}

/// Returns the reason why the plan may not be applied, if it grants more access than allowed.
fn grants_too_much(plan: &PolicyPlan, allowed: Option<u64>) -> Option<String> {
    let grants = plan.grants();
    if plan.grants_guard.is_empty() || allowed.is_some_and(|allowed| grants <= allowed) {
        return None;
    }
    let thresholds: Vec<&str> = plan.grants_guard.iter().map(|trip| trip.threshold.as_str()).collect();
    Some(format!(
        "nothing was applied: {grants} accounts would be created or switched on again, which is more than {} lets pass; if that \
         is meant, give --allow-grants {grants}",
        render::clean_text(&thresholds.join(" and "))
    ))
}

/// Asks for confirmation on the terminal. Only `yes` confirms.
fn ask_consent(plan: &PolicyPlan) -> anyhow::Result<bool> {
    eprint!("\n{} Put it in force? Only `yes` is a yes: ", render::plan::render_question(plan));
    std::io::stderr().flush().context("cannot ask")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim() == "yes")
}

/// Waits until all people are evaluated with the policies in force.
async fn follow_evaluation(console: &OperatorClient) -> anyhow::Result<()> {
    let progress = TerminalProgress::new();
    let mut failures = 0;
    loop {
        match console.get(&["policies"], &[]).await.and_then(|answer: Value| read_answer(&answer)) {
            Ok(MapperStatus { to_evaluate: 0, .. }) => return Ok(()),
            Ok(status) => {
                failures = 0;
                progress.show(&render::status::to_evaluate(&status));
            }
            Err(error) if failures == POLL_FAILURES_MAX => return Err(error),
            Err(_) => failures += 1, // the mapper may be restarting
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::{GrantsTrip, GuardTrip, PlanCounts};

    use super::*;

    fn plan(removals: u64, trips: bool) -> PolicyPlan {
        let trip = GuardTrip { threshold: "guard.deletions: 500".into(), removals, of: 1000 };
        PolicyPlan {
            users: PlanCounts { disable: removals, ..PlanCounts::default() },
            guard: if trips { vec![trip] } else { Vec::new() },
            ..PolicyPlan::default()
        }
    }

    #[test]
    fn a_plan_over_the_guard_needs_a_number_that_is_large_enough() {
        assert_eq!(over_the_guard(&plan(400, false), None), None);
        assert_eq!(over_the_guard(&plan(600, true), Some(600)), None);
        for allowed in [None, Some(599)] {
            let refusal = over_the_guard(&plan(600, true), allowed).unwrap();
            assert!(refusal.contains("guard.deletions: 500"), "{refusal}");
            assert!(refusal.ends_with("give --allow-deletes 600"), "{refusal}");
        }
    }

    #[test]
    fn a_plan_that_gives_access_to_more_than_the_guard_allows_needs_a_number_of_its_own() {
        let trip = GrantsTrip { threshold: "guard.percent: 20".into(), grants: 30, of: 100 };
        let users = PlanCounts { create: 20, enable: 10, ..PlanCounts::default() };
        let plan = PolicyPlan { users, grants_guard: vec![trip], ..PolicyPlan::default() };
        assert_eq!(over_the_guard(&plan, None), None);
        assert_eq!(grants_too_much(&plan, Some(30)), None);
        let refusal = grants_too_much(&plan, Some(29)).unwrap();
        assert!(refusal.contains("guard.percent: 20") && refusal.ends_with("--allow-grants 30"), "{refusal}");
    }

    #[test]
    fn a_rollback_goes_to_the_version_before_and_never_to_one_that_was_rolled_back() {
        // The versions, newest first, and the text that a rollback restores.
        let table = [
            ("BA", Some('A')),
            ("CBA", Some('B')),
            ("ABA", None),
            ("BCBA", Some('A')),
            ("ACABA", None),
            ("A", None),
            ("AA", None),
        ];
        for (history, expected) in table {
            let texts: Vec<String> = history.chars().map(String::from).collect();
            let to = newest_before(&texts).and_then(|at| history.chars().nth(at));
            assert_eq!(to, expected, "{history}");
        }
    }
}
