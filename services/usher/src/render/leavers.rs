//! Rendering of leavers' accounts: those proven disabled, and what the others wait for.

use lifecycle::export::{ChainReport, EvidenceKeys};
use lifecycle::{LeaverCounts, LeaversReply, Obligation, ObligationState, WaitReason};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) mod others;
mod undecided;

use super::table::TextTable;
use super::{clean_text, instant_text};
use crate::evidence::VerifiedEvidence;

/// Renders the first line of `usher leavers` and of `usher status`.
pub fn render_headline(counts: &LeaverCounts) -> String {
    let LeaverCounts { with_access, overdue, kept_by_policy, .. } = counts;
    let mut text = format!("Leavers with access: {with_access}");
    if *with_access > 0 {
        let within = with_access.saturating_sub(*overdue);
        text.push_str(&format!(" ({overdue} overdue, {within} within the objective)"));
    }
    let others = [
        ("kept by policy", *kept_by_policy),
        ("proven, and not verified since", counts.unverified),
        ("not decided yet", counts.undecided),
    ];
    for (what, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!("; {what}: {count}"));
    }
    text.push('\n');
    text
}

/// Renders one line per account; ages are relative to `now`.
pub fn render_leavers(reply: &LeaversReply, now: OffsetDateTime) -> String {
    let mut text = render_headline(&reply.counts);
    if !reply.leavers.is_empty() {
        text.push('\n');
        text.push_str(&table(reply, now));
    }
    if reply.next_cursor.is_some() {
        text.push_str("\nthere is more: --limit, --target, --person or --since\n");
    }
    text.push_str(&super::undecided::list(reply, now));
    text.push_str(&others::table(&reply.leavers));
    text.push_str(&others::footer(&reply.counts));
    text.push_str(&undecided::footer(&reply.not_decided));
    text
}

fn table(reply: &LeaversReply, now: OffsetDateTime) -> String {
    let mut table = TextTable::new([
        "TARGET",
        "PERSON",
        "WHY",
        "SINCE",
        "AGE",
        "DUE",
        "STATE",
        "WAITS FOR",
        "WHO CAN HELP",
    ]);
    for leaver in &reply.leavers {
        let since = leaver.effective_at.max(leaver.received_at);
        let helper = leaver.helper.map_or("", lifecycle::WaitHelper::in_words);
        table.row([
            leaver.target.clone(),
            leaver.person.clone(),
            waiting_text(leaver),
            moment_text(leaver.effective_at),
            if leaver.state == ObligationState::Open { age_text(now - since) } else { String::new() },
            moment_text(leaver.due_at),
            state_text(leaver),
            waits_for(leaver),
            helper.to_owned(),
        ]);
    }
    table.render()
}

fn waiting_text(leaver: &Obligation) -> String {
    let cause = leaver.cause.as_str().replace('_', " ");
    match &leaver.member_of {
        Some(group) => format!("{cause} {}", clean_text(group)),
        None => cause,
    }
}

fn state_text(leaver: &Obligation) -> String {
    let came_back = if leaver.reopened_at.is_some() { ", came back" } else { "" };
    match leaver.state {
        ObligationState::Open if leaver.overdue => format!("OVERDUE{came_back}"),
        ObligationState::Open => format!("open{came_back}"),
        other => other.as_str().replace('_', " "),
    }
}

fn waits_for(leaver: &Obligation) -> String {
    let waiting = leaver.waiting.as_ref().map(waiting_in_words);
    match (&leaver.evidence, waiting) {
        (Some(evidence), None) => format!("{} at {}", evidence.kind, moment_text(evidence.at)),
        (Some(evidence), Some(waiting)) => {
            format!("{} at {}; {waiting}", evidence.kind, moment_text(evidence.at))
        }
        (None, waiting) => waiting.unwrap_or_default(),
    }
}

pub(super) fn waiting_in_words(waiting: &WaitReason) -> String {
    match &waiting.detail {
        Some(detail) => format!("{}: {}", waiting.reason.in_words(), clean_text(detail)),
        None => waiting.reason.in_words().to_owned(),
    }
}

pub(super) fn age_text(age: time::Duration) -> String {
    match age.whole_seconds() {
        seconds @ ..120 => format!("{} s", seconds.max(0)),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

pub(super) fn moment_text(moment: OffsetDateTime) -> String {
    instant_text(&moment.format(&Rfc3339).unwrap_or_default())
}

/// Renders the result for an intact evidence file.
pub fn render_verified(verified: &VerifiedEvidence) -> String {
    let VerifiedEvidence { lines, keys, is_trusted } = verified;
    let keys = keys.join(", ");
    let trust = if *is_trusted {
        "which is trusted".to_owned()
    } else {
        "as the file itself says: pass --key to check that it is yours (`usher leavers keys`)".to_owned()
    };
    format!("whole: {lines} lines, nothing changed, removed or added\nsigned with {keys}, {trust}\n")
}

/// Renders the result of checking the chain in the database.
pub fn render_chain(report: &ChainReport) -> String {
    let ChainReport { entries, head, broken } = report;
    match broken {
        None => {
            format!("chain whole: {entries} entries, nothing changed, removed or added\nhead {}\n", head.hash)
        }
        Some(broken) => format!(
            "chain BROKEN: {}\n{entries} entries before it are whole; the chain ends at entry {}\n",
            clean_text(broken),
            head.sequence
        ),
    }
}

/// Renders the public keys, one per line.
pub fn render_keys(keys: &EvidenceKeys) -> String {
    let mut table = TextTable::new(["KEY", "PUBLIC KEY (ED25519)", "SIGNS"]);
    for (number, key) in keys.keys.iter().enumerate() {
        table.row([&*key.key, &*key.public_key, if number == 0 { "yes" } else { "no more" }]);
    }
    table.render()
}

/// The columns of [`render_csv`].
const CSV_COLUMNS: [&str; 22] = [
    "id",
    "target",
    "person",
    "cause",
    "state",
    "said_at",
    "received_at",
    "effective_at",
    "decided_at",
    "due_at",
    "overdue",
    "waits_for",
    "detail",
    "who_can_help",
    "evidence",
    "evidence_at",
    "verified_at",
    "reopened_at",
    "member_of",
    "other_accounts",
    "other_accounts_active",
    "other_accounts_gaps",
];

/// Renders RFC 4180 comma-separated values with a header.
pub fn render_csv(reply: &LeaversReply) -> String {
    let mut text = format!("{}\r\n", CSV_COLUMNS.join(","));
    for leaver in &reply.leavers {
        let optional = |moment: Option<OffsetDateTime>| moment.map(full_moment).unwrap_or_default();
        let waiting = leaver.waiting.as_ref();
        let cells = [
            leaver.id.clone(),
            leaver.target.clone(),
            leaver.person.clone(),
            leaver.cause.as_str().to_owned(),
            leaver.state.as_str().to_owned(),
            optional(leaver.said_at),
            full_moment(leaver.received_at),
            full_moment(leaver.effective_at),
            full_moment(leaver.decided_at),
            full_moment(leaver.due_at),
            leaver.overdue.to_string(),
            waiting.map(|waiting| waiting.reason.as_str().to_owned()).unwrap_or_default(),
            waiting.and_then(|waiting| waiting.detail.clone()).unwrap_or_default(),
            leaver.helper.map(|helper| helper.as_str().to_owned()).unwrap_or_default(),
            leaver.evidence.as_ref().map(|evidence| evidence.kind.clone()).unwrap_or_default(),
            optional(leaver.evidence.as_ref().map(|evidence| evidence.at)),
            optional(leaver.verified_at),
            optional(leaver.reopened_at),
            leaver.member_of.clone().unwrap_or_default(),
        ];
        let others = others::cells(leaver.other_accounts.as_ref());
        let cells: Vec<String> = cells.iter().chain(&others).map(|cell| cell_of(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text.push_str(&super::undecided::csv(reply, &CSV_COLUMNS));
    text
}

pub(super) fn full_moment(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

/// Quotes a cell if necessary, and prevents a spreadsheet from reading it as a formula.
pub(crate) fn cell_of(text: &str) -> String {
    let text = clean_text(text);
    let is_formula = text.starts_with(['=', '+', '-', '@']);
    let guarded = if is_formula { format!("'{text}") } else { text.into_owned() };
    if guarded.contains([',', '"']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn reply() -> LeaversReply {
        let moment = "2026-07-01T00:00:00Z";
        serde_json::from_value(json!({
            "counts": { "withAccess": 2, "overdue": 1, "keptByPolicy": 1, "otherAccounts": 2, "undecided": 2,
                        "byTarget": { "zia": { "otherAccounts": 2, "otherAccountsUnknown": 1 } } },
            "undecided": [
                { "people": ["E-7", "E-8"], "since": moment, "helper": "operator",
                  "waiting": { "reason": "match", "detail": "record u-1 of directory" } },
                { "since": "2026-07-01T02:59:00Z", "helper": "operator", "waiting": { "reason": "quarantine" } },
            ],
            "leavers": [
                { "id": "obl_1", "target": "zia", "person": "E-1", "cause": "left", "state": "open",
                  "receivedAt": moment, "effectiveAt": moment, "decidedAt": moment, "dueAt": "2026-07-01T00:05:00Z",
                  "revision": 2, "overdue": true, "helper": "operator",
                  "waiting": { "reason": "pause", "detail": "by alice: \"maintenance\"" } },
                { "id": "obl_2", "target": "zia", "person": "=E-2", "cause": "out_of_scope", "state": "proven",
                  "receivedAt": moment, "effectiveAt": moment, "decidedAt": moment, "dueAt": moment, "revision": 2,
                  "overdue": false, "evidence": { "kind": "read_back", "at": "2026-07-01T00:00:02Z" },
                  "otherAccounts": { "reconciledAt": moment, "accounts": [
                      { "remoteId": "7", "login": "adm-e2", "active": true, "likeness": "login", "seenAt": moment },
                      { "remoteId": "8", "login": "", "likeness": "mail", "seenAt": moment },
                  ], "unnamed": 3, "gaps": ["too_many_orphans"] } },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn each_account_says_how_long_it_waits_for_what_and_who_can_help() {
        let text = render_leavers(&reply(), datetime!(2026-07-01 03:00 UTC));
        for part in [
            "Leavers with access: 2 (1 overdue, 1 within the objective); kept by policy: 1; not decided yet: 2\n",
            "zia     E-1     left          2026-07-01T00:00:00Z  3 h",
            "OVERDUE  the target is paused: by alice: \"maintenance\"",
            "an operator",
            "read_back at 2026-07-01T00:00:02Z",
            "\nOther accounts that may be these people's. Usher does not know them, and never switches them off because of a name:\n",
            "zia     =E-2    adm-e2             active                   the same login stem                        2026-07-01T00:00:00Z\n",
            "zia     =E-2    8                  not said whether active  the same mail address",
            "zia     =E-2    3 more, not named",
            "\nOther accounts of leavers that are active: 2, which nothing switches off: see `usher leavers --others`\n",
            "Other accounts at zia are not known, or not all, for 1 leaver: see otherAccounts.gaps in `usher leavers --all --json`\n",
            "\nDepartures that are not decided yet: 2\n",
            "E-7, E-8   2026-07-01T00:00:00Z  3 h   the record may belong to another person: record u-1 of directory",
            "not known  2026-07-01T02:59:00Z  60 s  in quarantine: it cannot be read or stored",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(
            render_leavers(&LeaversReply::default(), OffsetDateTime::UNIX_EPOCH),
            "Leavers with access: 0\n"
        );
    }

    #[test]
    fn comma_separated_values_are_quoted_and_no_formulas() {
        let text = render_csv(&reply());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], CSV_COLUMNS.join(","));
        assert!(lines[1].contains(",pause,\"by alice: \"\"maintenance\"\"\",operator,"), "{}", lines[1]);
        assert!(lines[2].starts_with("obl_2,zia,'=E-2,out_of_scope,proven,,"), "{}", lines[2]);
        let others = ",\"adm-e2 (active, login); 8 (not said whether active, mail)\",2,too_many_orphans";
        assert!(lines[2].ends_with(others), "{}", lines[2]);
        assert_eq!(
            lines[3],
            ",,E-7 E-8,,undecided,,2026-07-01T00:00:00Z,,,,,match,record u-1 of directory,operator,,,,,,,,"
        );
    }
}
