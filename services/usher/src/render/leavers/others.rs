//! Rendering of other accounts that may belong to leavers.

use std::collections::BTreeSet;

use lifecycle::{LeaverCounts, Obligation, OtherAccount, OtherAccounts};

use super::super::clean_text;
use super::super::table::TextTable;
use super::moment_text;

/// Renders one line per account, and one per reason why the list may be incomplete; empty if there is neither.
pub(super) fn table(leavers: &[Obligation]) -> String {
    let mut table = TextTable::new(["TARGET", "PERSON", "ACCOUNT", "STATE", "WHY", "SEEN"]);
    let mut told = BTreeSet::new();
    let mut rows = 0;
    for leaver in leavers {
        let Some(others) = &leaver.other_accounts else { continue };
        if !told.insert((&leaver.target, &leaver.person)) {
            continue;
        }
        for account in &others.accounts {
            let why = account.likeness.in_words().to_owned();
            row(
                &mut table,
                leaver,
                [name(account), account.state().to_owned(), why, moment_text(account.seen_at)],
            );
            rows += 1;
        }
        if others.unnamed > 0 {
            let more = format!("{} more, not named", others.unnamed);
            row(&mut table, leaver, [more, String::new(), String::new(), String::new()]);
            rows += 1;
        }
        for gap in &others.gaps {
            let unknown = "not known".to_owned();
            row(&mut table, leaver, [unknown, String::new(), gap.in_words().to_owned(), String::new()]);
            rows += 1;
        }
    }
    if rows == 0 {
        return String::new();
    }
    format!(
        "\nOther accounts that may be these people's. Usher does not know them, and never switches them off because of a \
         name:\n\n{}",
        table.render()
    )
}

fn row(table: &mut TextTable, leaver: &Obligation, [account, state, why, seen]: [String; 4]) {
    table.row([leaver.target.clone(), leaver.person.clone(), account, state, why, seen]);
}

fn name(account: &OtherAccount) -> String {
    clean_text(account.name()).into_owned()
}

/// Renders the number of active other accounts; empty if there are none.
pub(in crate::render) fn active(counts: &LeaverCounts) -> String {
    match counts.other_accounts {
        0 => String::new(),
        count => format!(
            "Other accounts of leavers that are active: {count}, which nothing switches off: see `usher leavers --others`\n"
        ),
    }
}

/// Renders the totals of all leavers, regardless of the filter; empty if all are zero.
pub(super) fn footer(counts: &LeaverCounts) -> String {
    let mut text = active(counts);
    for (target, count) in counts.by_target.iter().filter(|(_, count)| count.other_accounts_unknown > 0) {
        let people = count.other_accounts_unknown;
        let leavers = if people == 1 { "leaver" } else { "leavers" };
        text.push_str(&format!(
            "Other accounts at {} are not known, or not all, for {people} {leavers}: see otherAccounts.gaps in `usher leavers \
             --all --json`\n",
            clean_text(target)
        ));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// Returns the cells of comma-separated values: accounts, the number of active ones, and the reasons for gaps.
pub(super) fn cells(found: Option<&OtherAccounts>) -> [String; 3] {
    let Some(found) = found else { return Default::default() };
    let named = |account: &OtherAccount| {
        format!("{} ({}, {})", account.name(), account.state(), account.likeness.as_str())
    };
    let accounts: Vec<String> = found.accounts.iter().map(named).collect();
    let gaps: Vec<&str> = found.gaps.iter().map(|gap| gap.as_str()).collect();
    [accounts.join("; "), found.active().to_string(), gaps.join(" ")]
}
