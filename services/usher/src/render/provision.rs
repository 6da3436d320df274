//! Provisioning on demand, step by step.

use std::fmt::Write as _;

use console::api::Provisioning;
use lifecycle::{ClauseResult, Explained, LookReply, Planned, RowReply};

use super::table::Table;
use super::{clean, indented, value};

/// How it ended at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The target agrees.
    Agrees,
    /// The group agrees; memberships wait, usually for accounts that are not there.
    MembershipsWait,
    /// There was nothing to be asked for.
    NothingAsked,
    /// A human is needed.
    Stuck,
    /// It is still being tried.
    NotYet,
}

/// The four steps: import, scope, match, action.
pub fn report(report: &Provisioning) -> String {
    let explained = &report.explained;
    let mut text = format!(
        "{} {} at {}, policy version {}\n",
        explained.kind.as_str(),
        clean(&explained.subject),
        clean(&explained.target),
        explained.policy_version
    );
    text.push_str(&import(explained));
    text.push_str(&scope(explained));
    text.push_str(&matching(report));
    text.push_str(&action(report));
    text.push_str(&members(explained));
    text
}

/// What is waited for, without a line end.
pub fn waiting(row: &RowReply) -> String {
    let status = row.status.as_deref().unwrap_or("on its way to the writer");
    match row.memberships_pending {
        0 => format!("waiting: {}", clean(status)),
        pending => format!("waiting: {}, {pending} memberships", clean(status)),
    }
}

/// What came of it.
pub fn outcome(row: &RowReply, settled: Settled) -> String {
    let mut text = String::from("\nOutcome\n");
    let words = match settled {
        Settled::Agrees => format!("the target agrees (revision {})", row.applied_revision),
        Settled::MembershipsWait => {
            format!("the group agrees (revision {}); memberships wait for accounts", row.applied_revision)
        }
        Settled::NothingAsked => "nothing was to be done".to_owned(),
        Settled::Stuck => "it needs a human: `usher dead ls` shows why".to_owned(),
        Settled::NotYet => "not done yet; it is tried on: `usher trace` shows how far it is".to_owned(),
    };
    let mut table = Table::plain(2);
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

fn import(explained: &Explained) -> String {
    let mut table = Table::plain(2);
    table.row(["  is", &explained.employment]);
    for (name, known) in &explained.attributes {
        table.row([format!("  {name}"), value(known)]);
    }
    let groups = if explained.groups.is_empty() { "none".to_owned() } else { explained.groups.join(", ") };
    table.row(["  in groups", &groups]);
    format!("\n1 Import\n{}", table.render())
}

fn scope(explained: &Explained) -> String {
    let verdict = if explained.in_scope { "in scope" } else { "not in scope" };
    let mut text = format!("\n2 Scope: {verdict}\n");
    let mut table = Table::plain(3);
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
    writeln!(text, "  decision: {}", clean(&explained.reason)).expect("writing to a String never fails");
    text
}

fn clause_cells(clause: &ClauseResult) -> [String; 3] {
    let holds = if clause.holds { "  holds" } else { "  does not hold" };
    [holds.to_owned(), clause.clause.clone(), format!("saw {}", clause.saw)]
}

fn matching(report: &Provisioning) -> String {
    if let Some(problem) = &report.look_problem {
        return format!(
            "\n3 Match: the target could not be looked at\n  {} [code {}]\n",
            clean(&problem.detail),
            clean(&problem.code)
        );
    }
    let Some(look) = &report.look else {
        return "\n3 Match: not needed\n".to_owned();
    };
    let mut table = Table::plain(3);
    for step in &look.steps {
        let status = step.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        table.row([&format!("  {}", step.request), &status, &step.found]);
    }
    format!("\n3 Match: {}\n{}", matched(look), table.render())
}

fn matched(look: &LookReply) -> String {
    let id = look.remote_id.as_deref().map(|id| format!(", {}", clean(id))).unwrap_or_default();
    match look.matched.as_str() {
        "linked" => format!("known from before{id}"),
        "found" => format!("found at the target{id}"),
        "nothing" => "nothing at the target".to_owned(),
        "foreign" => format!("it belongs to somebody else{id}"),
        other => format!("{}{id}", clean(other)),
    }
}

fn action(report: &Provisioning) -> String {
    let mut text = match &report.look {
        Some(look) => planned(&look.action),
        None if report.look_problem.is_some() => {
            "\n4 Action: none, because the target could not be looked at\n".to_owned()
        }
        None => format!("\n4 Action: none\n  {}\n", clean(&report.explained.reason)),
    };
    if !report.explained.mappings.is_empty() {
        text.push_str(&mappings(&report.explained));
    }
    text
}

fn planned(planned: &Planned) -> String {
    let mut text = format!("\n4 Action: {}\n", clean(&planned.action));
    for words in planned.why.iter().chain(&planned.request) {
        writeln!(text, "  {}", clean(words)).expect("writing to a String never fails");
    }
    if let Some(body) = &planned.body {
        text.push_str(&indented(&serde_json::to_string_pretty(body).expect("a JSON value is JSON")));
    }
    text
}

fn mappings(explained: &Explained) -> String {
    let mut table = Table::new(["  ATTRIBUTE", "EFFECT", "VALUE", "FROM", "NOTE"]);
    for mapping in &explained.mappings {
        table.row([
            format!("  {}", mapping.path),
            mapping.effect.replace('_', " "),
            mapping.value.as_ref().map(value).unwrap_or_default(),
            mapping.from.clone(),
            mapping.note.clone().unwrap_or_default(),
        ]);
    }
    format!("\n{}", table.render())
}

fn members(explained: &Explained) -> String {
    if explained.members_total == 0 {
        return String::new();
    }
    let mut table = Table::new(["  MEMBER", "IN THE GROUP", "ACCOUNT"]);
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
