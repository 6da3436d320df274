//! Rendering of provisioning on demand, step by step.

use std::fmt::Write as _;

use console::api::ProvisionAnswer;
use lifecycle::{ClauseResult, ExplainedPerson, PlannedOperation, PreviewReply, RowReply};

use super::table::TextTable;
use super::{clean_text, indent_text, value_line};

/// The result of provisioning at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledOperation {
    /// The target agrees with the desired state.
    Agrees,
    /// The group agrees; memberships wait, usually for accounts that do not exist.
    MembershipsWait,
    /// Nothing was requested.
    NothingAsked,
    /// An operator must act.
    Stuck,
    /// The writer still retries.
    NotYet,
}

/// Renders the four steps: import, scope, match, action.
pub fn render_report(report: &ProvisionAnswer) -> String {
    let explained = &report.explained;
    let mut text = format!(
        "{} {} at {}, policy version {}\n",
        explained.kind.as_str(),
        clean_text(&explained.subject),
        clean_text(&explained.target),
        explained.policy_version
    );
    text.push_str(&render_import(explained));
    text.push_str(&render_scope(explained));
    text.push_str(&render_matching(report));
    text.push_str(&render_action(report));
    text.push_str(&render_members(explained));
    text
}

/// Renders what the command waits for, without a line end.
pub fn render_waiting(row: &RowReply) -> String {
    let status = row.status.as_deref().unwrap_or("on its way to the writer");
    match row.memberships_pending {
        0 => format!("waiting: {}", clean_text(status)),
        pending => format!("waiting: {}, {pending} memberships", clean_text(status)),
    }
}

/// Renders the outcome at the target.
pub fn render_outcome(row: &RowReply, settled: SettledOperation) -> String {
    let mut text = String::from("\nOutcome\n");
    let words = match settled {
        SettledOperation::Agrees => format!("the target agrees (revision {})", row.applied_revision),
        SettledOperation::MembershipsWait => {
            format!("the group agrees (revision {}); memberships wait for accounts", row.applied_revision)
        }
        SettledOperation::NothingAsked => "nothing to do".to_owned(),
        SettledOperation::Stuck => "an operator must act: `usher dead ls` shows why".to_owned(),
        SettledOperation::NotYet => {
            "not done yet; the writer retries: `usher trace` shows the progress".to_owned()
        }
    };
    let mut table = TextTable::plain(2);
    table.row(["  result", &words]);
    if let Some(status) = &row.status {
        table.row(["  status", status]);
    }
    if let Some(id) = &row.remote_id {
        table.row(["  remote id", id]);
    }
    if let Some(error) = &row.error {
        table.row(["  error", error]);
    }
    if row.memberships_pending > 0 {
        table.row(["  memberships pending", &row.memberships_pending.to_string()]);
    }
    text.push_str(&table.render());
    text
}

fn render_import(explained: &ExplainedPerson) -> String {
    let mut table = TextTable::plain(2);
    table.row(["  is", &explained.employment]);
    for (name, known) in &explained.attributes {
        table.row([format!("  {name}"), value_line(known)]);
    }
    let groups = if explained.groups.is_empty() { "none".to_owned() } else { explained.groups.join(", ") };
    table.row(["  in groups", &groups]);
    format!("\n1 Import\n{}", table.render())
}

fn render_scope(explained: &ExplainedPerson) -> String {
    let verdict = if explained.in_scope { "in scope" } else { "not in scope" };
    let mut text = format!("\n2 Scope: {verdict}\n");
    let mut table = TextTable::plain(3);
    let mut alternative = 0;
    for clause in &explained.clauses {
        if clause.alternative != alternative && alternative != 0 {
            table.row(["  or"]);
        }
        alternative = clause.alternative;
        table.row(clause_cells(clause));
    }
    if explained.clauses.is_empty() {
        table.row(["  the scope has no clauses"]);
    }
    text.push_str(&table.render());
    writeln!(text, "  decision: {}", clean_text(&explained.reason)).expect("writing to a String never fails");
    text
}

fn clause_cells(clause: &ClauseResult) -> [String; 3] {
    let holds = if clause.holds { "  holds" } else { "  does not hold" };
    [holds.to_owned(), clause.clause.clone(), format!("saw {}", clause.saw)]
}

fn render_matching(report: &ProvisionAnswer) -> String {
    if let Some(problem) = &report.look_problem {
        return format!(
            "\n3 Match: the target could not be read\n  {} [code {}]\n",
            clean_text(&problem.detail),
            clean_text(&problem.code)
        );
    }
    let Some(look) = &report.look else {
        return "\n3 Match: not needed\n".to_owned();
    };
    let mut table = TextTable::plain(3);
    for step in &look.steps {
        let status = step.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        table.row([&format!("  {}", step.request), &status, &step.found]);
    }
    format!("\n3 Match: {}\n{}", render_match(look), table.render())
}

fn render_match(look: &PreviewReply) -> String {
    let id = look.remote_id.as_deref().map(|id| format!(", {}", clean_text(id))).unwrap_or_default();
    match look.matched.as_str() {
        "linked" => format!("already linked{id}"),
        "found" => format!("found at the target{id}"),
        "nothing" => "nothing at the target".to_owned(),
        "foreign" => format!("belongs to another person or group{id}"),
        other => format!("{}{id}", clean_text(other)),
    }
}

fn render_action(report: &ProvisionAnswer) -> String {
    let mut text = match &report.look {
        Some(look) => render_planned(&look.action),
        None if report.look_problem.is_some() => {
            "\n4 Action: none, because the target could not be read\n".to_owned()
        }
        None => format!("\n4 Action: none\n  {}\n", clean_text(&report.explained.reason)),
    };
    if !report.explained.mappings.is_empty() {
        text.push_str(&render_mappings(&report.explained));
    }
    text
}

fn render_planned(planned: &PlannedOperation) -> String {
    let mut text = format!("\n4 Action: {}\n", clean_text(&planned.action));
    for words in planned.why.iter().chain(&planned.request) {
        writeln!(text, "  {}", clean_text(words)).expect("writing to a String never fails");
    }
    if let Some(body) = &planned.body {
        text.push_str(&indent_text(&serde_json::to_string_pretty(body).expect("a JSON value is JSON")));
    }
    text
}

fn render_mappings(explained: &ExplainedPerson) -> String {
    let mut table = TextTable::new(["  ATTRIBUTE", "EFFECT", "VALUE", "FROM", "NOTE"]);
    for mapping in &explained.mappings {
        table.row([
            format!("  {}", mapping.path),
            mapping.effect.replace('_', " "),
            mapping.value.as_ref().map(value_line).unwrap_or_default(),
            mapping.from.clone(),
            mapping.note.clone().unwrap_or_default(),
        ]);
    }
    format!("\n{}", table.render())
}

fn render_members(explained: &ExplainedPerson) -> String {
    if explained.members_total == 0 {
        return String::new();
    }
    let mut table = TextTable::new(["  MEMBER", "IN THE GROUP", "ACCOUNT"]);
    for member in &explained.members {
        table.row([
            format!("  {}", member.member).as_str(),
            if member.present { "yes" } else { "no" },
            member.account.as_deref().unwrap_or("none"),
        ]);
    }
    let shown = explained.members.len() as u64;
    let total = explained.members_total;
    let rest = if total > shown { format!(", the first {shown} are shown") } else { String::new() };
    format!("\nMembers: {total}{rest}\n{}", table.render())
}

#[cfg(test)]
mod tests;
