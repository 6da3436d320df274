//! Rendering of plans.

use std::fmt::Write as _;

use lifecycle::{
    ApplyReply, AttributeChange, OrphanAction, OrphanPolicy, PlanCounts, PlanStatus, PlannedAction,
    PlannedChange, PolicyPlan, ScopeChange,
};

use super::table::TextTable;
use super::{clean_text, value_line};

/// Renders a whole plan: the changes, the totals, and the guard's verdict.
pub fn render_plan(plan: &PolicyPlan) -> String {
    let mut text = clean_text(&plan.target).into_owned();
    match plan.base_version {
        Some(version) => {
            push_line(&mut text, format_args!(": compared with version {version}, which is in force"))
        }
        None => push_line(&mut text, format_args!(": the target has no policy yet")),
    }
    if !plan.changes.is_empty() {
        text.push('\n');
    }
    for change in &plan.changes {
        text.push_str(&one_change(change));
    }
    if plan.more > 0 {
        push_line(
            &mut text,
            format_args!("  ... and {}; --changes N lists more", count_text(plan.more, "more change")),
        );
    }
    text.push_str(&render_totals(plan));
    text.push_str(&render_attributes(plan));
    text.push_str(&render_orphans(plan));
    text.push_str(&render_guard(plan));
    text
}

/// Renders the progress of a plan, without a line end.
pub fn render_plan_progress(status: &PlanStatus) -> String {
    format!("planning {}: {} of {} evaluated", clean_text(&status.target), status.done, status.total)
}

/// Renders the summary that the operator is asked to confirm.
pub fn render_question(plan: &PolicyPlan) -> String {
    let changes = plan.users.changes() + plan.groups.changes();
    let target = clean_text(&plan.target);
    if !plan.changes_anything() {
        return match plan.newly_failing {
            0 => format!("Nothing changes at {target}."),
            failing => format!("Nothing changes at {target}, but new mapping failures occur for {failing}."),
        };
    }
    if changes == 0 && plan.memberships == 0 {
        return format!("The handling of orphans changes at {target}.");
    }
    let changed = count_text(changes, "account or group");
    let changed = changed.replace("account or groups", "accounts and groups");
    match plan.removals() {
        0 => format!("{changed} would change at {target}."),
        removals => format!("{changed} would change at {target}; {removals} would lose access."),
    }
}

/// Renders the policy version in force after an apply.
pub fn render_applied(reply: &ApplyReply) -> String {
    let (target, version) = (clean_text(&reply.target), reply.version);
    if reply.unchanged {
        return format!("{target}: version {version} has this text already and stays in force\n");
    }
    format!(
        "{target}: version {version} is in force, {} people and groups are evaluated again\n",
        reply.to_evaluate
    )
}

fn one_change(change: &PlannedChange) -> String {
    let sign = match change.action {
        PlannedAction::Create => '+',
        PlannedAction::Adopt => '=',
        PlannedAction::Update => '~',
        PlannedAction::Enable => '^',
        PlannedAction::Disable => '-',
        PlannedAction::Delete => 'x',
        PlannedAction::None => '.',
    };
    let action = match change.action {
        PlannedAction::None => "nothing to do for",
        PlannedAction::Create => "create or adopt",
        PlannedAction::Adopt => "adopt, if it is there,",
        action => action.as_str(),
    };
    let mut text = format!("  {sign} {action} {} {}", change.kind.as_str(), clean_text(&change.subject));
    if let Some(name) = &change.name {
        write!(text, " ({})", clean_text(name)).expect("writing to a String never fails");
    }
    text.push('\n');
    let scope = match change.scope {
        Some(ScopeChange::Into) => "comes into scope: ",
        Some(ScopeChange::OutOf) => "falls out of scope: ",
        None => "",
    };
    push_line(&mut text, format_args!("      {scope}{}", clean_text(&change.reason)));
    let widest = change.attributes.iter().map(|attribute| attribute.path.chars().count()).max().unwrap_or(0);
    for attribute in &change.attributes {
        let path = format!("{}:", clean_text(&attribute.path));
        push_line(
            &mut text,
            format_args!("      {path:<width$} {}", render_difference(attribute), width = widest + 1),
        );
    }
    text
}

/// Renders a difference as `"old" -> "new"`.
fn render_difference(change: &AttributeChange) -> String {
    match (&change.before, &change.after) {
        (None, Some(after)) if change.on_creation => format!("{} (on creation)", value_line(after)),
        (Some(before), _) if change.released => {
            format!("{} (stays, and is left alone from now on)", value_line(before))
        }
        (None, _) if change.released => "left alone from now on".to_owned(),
        (Some(before), Some(after)) => format!("{} -> {}", value_line(before), value_line(after)),
        (None, Some(after)) => value_line(after),
        (Some(before), None) => format!("{} -> (removed)", value_line(before)),
        (None, None) => "(removed, if there is one)".to_owned(),
    }
}

fn render_totals(plan: &PolicyPlan) -> String {
    let (users, groups) = (&plan.users, &plan.groups);
    let sum = |of: fn(&PlanCounts) -> u64| of(users) + of(groups);
    let mut text = String::from("\n");
    text.push_str(&render_failures(plan));
    if plan.unreadable > 0 {
        push_line(
            &mut text,
            format_args!(
                "Not in this plan: {} people and groups whose stored state cannot be read, see `usher quarantine ls`",
                plan.unreadable
            ),
        );
    }
    if plan.changes_anything() {
        let adopted = match sum(|counts| counts.adopt) {
            0 => String::new(),
            adopted => format!(" {adopted} to adopt if they are there,"),
        };
        push_line(
            &mut text,
            format_args!(
                "Plan: {} to create or adopt,{adopted} {} to change, {} to enable, {} to disable, {} to delete",
                sum(|counts| counts.create),
                sum(|counts| counts.update),
                sum(|counts| counts.enable),
                sum(|counts| counts.disable),
                sum(|counts| counts.delete)
            ),
        );
    } else {
        text.push_str("Plan: nothing changes\n");
    }
    let mut table = TextTable::new([
        "",
        "EVALUATED",
        "CREATE",
        "ADOPT",
        "CHANGE",
        "ENABLE",
        "DISABLE",
        "DELETE",
        "UNCHANGED",
        "IMPOSSIBLE",
        "INTO SCOPE",
        "OUT OF SCOPE",
    ]);
    for (name, counts) in [("people", users), ("groups", groups)] {
        let numbers = [
            counts.evaluated,
            counts.create,
            counts.adopt,
            counts.update,
            counts.enable,
            counts.disable,
            counts.delete,
            counts.unchanged,
            counts.impossible,
            counts.into_scope,
            counts.out_of_scope,
        ];
        table.row(std::iter::once(name.to_owned()).chain(numbers.map(|number| number.to_string())));
    }
    text.push_str(&table.render());
    if sum(|counts| counts.create + counts.adopt) > 0 {
        text.push_str("The target is not read: an existing account or group is adopted and changed as the policy says\n");
    }
    if plan.memberships > 0 {
        let told = count_text(plan.memberships, "membership");
        push_line(&mut text, format_args!("{told} would be sent because their group is created"));
    }
    text
}

/// Renders the failed evaluations first, because no other total includes them.
fn render_failures(plan: &PolicyPlan) -> String {
    let mut text = String::new();
    for (what, counts) in [("people", &plan.users), ("groups", &plan.groups)] {
        if counts.impossible > 0 {
            let (impossible, of) = (counts.impossible, counts.evaluated);
            push_line(
                &mut text,
                format_args!("IMPOSSIBLE: {impossible} of {of} {what} cannot be built and stay as they are"),
            );
        }
    }
    if !plan.failures.is_empty() {
        let mut table = TextTable::new(["NO VALUE FOR", "HOW MANY"]);
        for (path, how_many) in &plan.failures {
            table.row([path.as_str(), &how_many.to_string()]);
        }
        text.push_str(&table.render());
        let newly = plan.newly_failing;
        push_line(
            &mut text,
            format_args!(
                "{newly} of them only with this policy\n  what to do: check one with --person, and correct the mapping, or the \
                 attribute at its source\n"
            ),
        );
    }
    text
}

fn render_attributes(plan: &PolicyPlan) -> String {
    if plan.attributes.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(["ATTRIBUTE", "CHANGES"]);
    for (path, changes) in &plan.attributes {
        table.row([path.as_str(), &changes.to_string()]);
    }
    format!("\n{}", table.render())
}

/// Renders the change for orphans. A plan cannot count them, because it does not read the target.
fn render_orphans(plan: &PolicyPlan) -> String {
    let Some(OrphanPolicy { action, except }) = &plan.orphans else { return String::new() };
    let what = match action {
        OrphanAction::Report => "are reported from now on, and left alone",
        OrphanAction::Disable => "are disabled",
        OrphanAction::Delete => "are deleted",
    };
    let mut text = String::new();
    push_line(
        &mut text,
        format_args!(
            "\nOrphans (accounts without a person): at the next reconciliation of the target they {what}{}.",
            match except.len() {
                0 => String::new(),
                names => format!(
                    ", except for {}",
                    count_text(u64::try_from(names).unwrap_or(u64::MAX), "exception")
                ),
            }
        ),
    );
    if *action != OrphanAction::Report {
        let target = clean_text(&plan.target);
        push_line(
            &mut text,
            format_args!("  what to do: list them with: usher reconcile {target} --dry-run"),
        );
    }
    text
}

/// Renders the thresholds of the guard that the number of grants exceeds.
fn grants_guard(plan: &PolicyPlan) -> String {
    let mut text = String::new();
    for trip in &plan.grants_guard {
        let (threshold, grants, of) = (clean_text(&trip.threshold), trip.grants, trip.of);
        push_line(
            &mut text,
            format_args!(
                "\nGuard: {grants} accounts would be created or enabled in addition to {of} accounts and groups that have access, over {threshold}"
            ),
        );
    }
    if !plan.grants_guard.is_empty() {
        let grants = plan.grants();
        push_line(
            &mut text,
            format_args!(
                "  what to do: check who gets access and why; if it is a mistake, correct the scope; if it is intended, apply with\n    \
                 --allow-grants {grants}"
            ),
        );
    }
    text
}

fn render_guard(plan: &PolicyPlan) -> String {
    let mut text = grants_guard(plan);
    if plan.guard.is_empty() {
        return text;
    }
    for trip in &plan.guard {
        let (threshold, removals, of) = (clean_text(&trip.threshold), trip.removals, trip.of);
        push_line(
            &mut text,
            format_args!(
                "\nGuard: {removals} of {of} accounts and groups would lose access, over {threshold}"
            ),
        );
    }
    let removals = plan.removals();
    push_line(
        &mut text,
        format_args!(
            "  what to do: check who loses access and why; if it is a mistake, correct the scope; if it is intended, apply \
             with\n    --allow-deletes {removals}"
        ),
    );
    text
}

fn count_text(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn push_line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a String never fails");
    text.push('\n');
}

#[cfg(test)]
mod tests;
