//! A timeline, one line per fact.

use console::api::{Trace, TraceEntry};
use serde_json::{Map, Value};

use super::table::Table;
use super::{attempts, clean, instant};

/// The whole timeline; its first line says who it is about.
pub fn render(trace: &Trace) -> String {
    let name = trace.person.user_name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    let mut text = format!("{}{}\n", clean(&trace.person.key), clean(&name));
    if trace.entries.is_empty() {
        text.push_str("nothing in the timeline any more\n");
        return text;
    }
    let mut table = Table::new(["TIME", "SERVICE", "WHAT", "RESULT", "WHY"]);
    for entry in &trace.entries {
        table.row([instant(&entry.at), entry.service.clone(), what(entry), result(entry), why(entry)]);
    }
    text.push_str(&table.render());
    text
}

/// One fact in one line, for views that show a single one.
pub(crate) fn line(entry: &TraceEntry) -> String {
    let parts = [instant(&entry.at), what(entry), result(entry), why(entry)];
    let parts: Vec<String> =
        parts.into_iter().filter(|part| !part.is_empty()).map(|part| clean(&part).into_owned()).collect();
    parts.join("  ")
}

fn what(entry: &TraceEntry) -> String {
    let fact = &entry.fact;
    match name_of(fact) {
        "merged" => format!("merged {}", text(fact, "eventType")),
        "decided" => format!("decided {} at {}", text(fact, "kind"), text(fact, "target")),
        "membershipDecided" => format!("decided membership at {}", text(fact, "target")),
        "attempted" => format!("{} at {}", text(fact, "operation"), text(fact, "target")),
        "superseded" | "settled" | "conflict" | "died" | "held" | "refused" => {
            format!("{} {} at {}", name_of(fact), text(fact, "kind"), text(fact, "target"))
        }
        "replayed" | "discarded" => format!("{} {}", name_of(fact), text(fact, "deadLetter")),
        "accessOrdered" => format!("{} by an operator: {}", text(fact, "outcome"), text(fact, "order")),
        "leaverProven" => format!("proven to be off at {}", text(fact, "target")),
        "leaverOverdue" => format!("overdue at {}", text(fact, "target")),
        "leaverReopened" => format!("came back at {}", text(fact, "target")),
        "joined" => format!("joined {} into {}", text(fact, "other"), text(fact, "person")),
        "correlated" => format!("record {} of {}", text(fact, "record"), text(fact, "source")),
        "scheduleCancelled" => "cancelled before it took effect".to_owned(),
        "feedHeld" => format!("held run of feed {}", text(fact, "feed")),
        "feedDecided" => format!("{} run of feed {}", text(fact, "outcome"), text(fact, "feed")),
        "heldDecided" => {
            format!("{} {} at {}", text(fact, "outcome"), text(fact, "kind"), text(fact, "target"))
        }
        other => other.to_owned(),
    }
}

fn result(entry: &TraceEntry) -> String {
    let fact = &entry.fact;
    match name_of(fact) {
        "merged" => format!("{} r{}", text(fact, "outcome"), number(fact, "revision")),
        "decided" => {
            format!("{} r{}, {}", text(fact, "state"), number(fact, "revision"), text(fact, "lane"))
        }
        "membershipDecided" => {
            format!("{} r{}, {}", text(fact, "state"), number(fact, "revision"), text(fact, "lane"))
        }
        "superseded" => format!("r{} by r{}", number(fact, "revision"), number(fact, "by")),
        "attempted" => {
            let status = match fact.get("status").and_then(Value::as_u64) {
                Some(status) => status.to_string(),
                None => "no answer".to_owned(),
            };
            format!("{} ({status}, {} ms)", text(fact, "class"), number(fact, "durationMs"))
        }
        "settled" => format!(
            "{} r{} after {}",
            text(fact, "outcome"),
            number(fact, "revision"),
            duration(number(fact, "latencyMs"))
        ),
        "conflict" | "held" | "refused" => format!("r{} not applied", number(fact, "revision")),
        "heldDecided" => format!("r{}", number(fact, "revision")),
        "died" => format!("{} after {}", text(fact, "class"), attempts(number(fact, "attempts"))),
        "replayed" => text(fact, "outcome").to_owned(),
        "correlated" => match (text(fact, "outcome"), text(fact, "person")) {
            ("linked", person) => format!("is {person}"),
            ("conflict", "") => "conflict, counts for nobody".to_owned(),
            ("conflict", person) => format!("conflict, stays {person}"),
            (outcome, _) => outcome.to_owned(),
        },
        "leaverProven" => {
            format!("{} after {}", text(fact, "evidence"), duration(number(fact, "lateMs")))
        }
        "leaverOverdue" => format!("due {}", instant(text(fact, "dueAt"))),
        "scheduleCancelled" => {
            format!("{} at {}", names(fact, "what"), instant(text(fact, "effectiveAt")))
        }
        "feedHeld" => text(fact, "run").to_owned(),
        "feedDecided" => format!("{}, {} missing", text(fact, "run"), number(fact, "missing")),
        "discarded" => "closed".to_owned(),
        _ => String::new(),
    }
}

fn why(entry: &TraceEntry) -> String {
    let fact = &entry.fact;
    match name_of(fact) {
        "merged" => {
            let note = text(fact, "note");
            let note = if note.is_empty() { String::new() } else { format!("; {note}") };
            let (source, sender) = (text(fact, "source"), text(fact, "sender"));
            let is_own = sender.is_empty() || source.trim_matches('/') == sender;
            let sent_by = if is_own { String::new() } else { format!(" sent by {sender}") };
            format!("from {source}{sent_by} ({}){note}", text(fact, "event"))
        }
        "correlated" => correlated(fact),
        "decided" => {
            let changed = names(fact, "changed");
            if changed.is_empty() {
                text(fact, "reason").to_owned()
            } else {
                format!("{}; changed: {changed}", text(fact, "reason"))
            }
        }
        "membershipDecided" => match text(fact, "event") {
            "" => format!("group {}; a policy brought it to the target", text(fact, "memberOf")),
            event => format!("group {}; by {event}", text(fact, "memberOf")),
        },
        "attempted" => match text(fact, "error") {
            "" => format!("{}{}", of_group(fact), text(fact, "request")),
            error => format!("{}{}: {error}", of_group(fact), text(fact, "request")),
        },
        "settled" => match text(fact, "note") {
            "" => of_group(fact).trim_end_matches("; ").to_owned(),
            note => note.to_owned(),
        },
        "conflict" => format!("found {}", text(fact, "found")),
        "died" => format!("{}; see `usher dead show {}`", text(fact, "error"), text(fact, "id")),
        "feedHeld" => {
            let reasons = fact.get("reasons").and_then(Value::as_array).into_iter().flatten();
            let reasons: Vec<&str> = reasons.filter_map(Value::as_str).collect();
            format!("{}; see `usher feed show {}`", reasons.join("; "), text(fact, "run"))
        }
        "held" => format!("{}; see `usher held ls`", text(fact, "reason")),
        "leaverOverdue" => {
            let reason = lifecycle::WaitingFor::named(text(fact, "waitsFor")).in_words();
            let detail = match text(fact, "detail") {
                "" => String::new(),
                detail => format!(": {detail}"),
            };
            format!("{reason}{detail}; see `usher leavers`")
        }
        "leaverReopened" => {
            format!("{} holds no more; see `usher leavers`", text(fact, "evidence"))
        }
        "refused" => text(fact, "reason").to_owned(),
        "replayed" | "discarded" | "accessOrdered" | "heldDecided" | "feedDecided" | "scheduleCancelled"
        | "joined" => {
            format!("{}: {}", text(fact, "who"), text(fact, "why"))
        }
        _ => String::new(),
    }
}

/// By what it was decided whose record it is.
fn correlated(fact: &Map<String, Value>) -> String {
    let actor = |name: &str| fact.get("actor").and_then(|actor| actor.get(name)).and_then(Value::as_str);
    if let (Some(who), Some(why)) = (actor("who"), actor("why")) {
        let counts_for = names(fact, "countsFor");
        let counts_for =
            if counts_for.is_empty() { counts_for } else { format!("; counts for {counts_for}") };
        return format!("{who}: {why}{counts_for}");
    }
    let by = match text(fact, "by") {
        "" => "no value to match".to_owned(),
        by => format!("by {by}"),
    };
    match (text(fact, "reason"), names(fact, "candidates")) {
        ("", _) if names(fact, "countsFor").is_empty() => by,
        ("", _) => format!("{by}; counts for {}", names(fact, "countsFor")),
        (reason, candidates) => {
            format!("{by}; {reason}: may be {candidates}; see `usher people conflicts ls`")
        }
    }
}

/// Which group it was about, in front of something else.
fn of_group(fact: &Map<String, Value>) -> String {
    match text(fact, "memberOf") {
        "" => String::new(),
        group => format!("group {group}; "),
    }
}

fn names(fact: &Map<String, Value>, key: &str) -> String {
    let names = fact.get(key).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn name_of(fact: &Map<String, Value>) -> &str {
    text(fact, "fact")
}

fn text<'a>(fact: &'a Map<String, Value>, key: &str) -> &'a str {
    fact.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(fact: &Map<String, Value>, key: &str) -> i64 {
    fact.get(key).and_then(Value::as_i64).unwrap_or_default()
}

fn duration(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min", ms / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trace(entries: Value) -> Trace {
        serde_json::from_value(
            json!({"person": {"key": "E-1", "user_name": "anna@x.org"}, "entries": entries}),
        )
        .unwrap()
    }

    #[test]
    fn each_fact_is_one_line_with_time_service_what_result_and_reason() {
        let text = render(&trace(json!([
            {"at": "2026-01-02T03:04:05.678901Z", "service": "mapper", "trace_id": null, "fact": "merged",
             "event": "evt_1", "eventType": "worker.left", "source": "hr", "revision": 3, "outcome": "changed"},
            {"at": "2026-01-02T03:04:06Z", "service": "mapper", "fact": "decided", "target": "zia", "kind": "user",
             "revision": 2, "state": "disabled", "lane": "leaver", "reason": "left", "changed": ["active"],
             "userName": "anna@x.org"},
            {"at": "2026-01-02T03:04:07Z", "service": "writer", "fact": "attempted", "id": "att_1", "target": "zia",
             "kind": "user", "revision": 2, "operation": "disable", "request": "PATCH /Users/7", "status": 500,
             "class": "transient", "durationMs": 12, "error": "boom\u{1b}[2J"},
            {"at": "2026-01-02T03:04:08Z", "service": "writer", "fact": "settled", "target": "zia", "kind": "user",
             "revision": 2, "outcome": "disabled", "latencyMs": 2500},
        ])));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert_eq!(lines[0], "E-1 (anna@x.org)");
        let has = |line: usize, parts: &[&str]| {
            for part in parts {
                assert!(lines[line].contains(part), "{part} is not in {}", lines[line]);
            }
        };
        has(
            2,
            &["2026-01-02T03:04:05.678Z", "mapper", "merged worker.left", "changed r3", "from hr (evt_1)"],
        );
        has(3, &["decided user at zia", "disabled r2, leaver", "left; changed: active"]);
        has(4, &["disable at zia", "transient (500, 12 ms)", "PATCH /Users/7: boom [2J"]);
        has(5, &["settled user at zia", "disabled r2 after 2.5 s"]);
    }

    #[test]
    fn a_membership_is_told_with_its_event_request_and_result() {
        let text = render(&trace(json!([
            {"at": "2026-01-02T03:04:06Z", "service": "mapper", "fact": "membershipDecided", "target": "zia",
             "memberOf": "G-1", "revision": 4, "state": "no_member", "lane": "mover", "event": "evt_1"},
            {"at": "2026-01-02T03:04:07Z", "service": "writer", "fact": "attempted", "target": "zia", "revision": 4,
             "kind": "membership", "memberOf": "G-1", "operation": "remove_members", "request": "PATCH /Groups/7",
             "status": 204, "class": "success", "durationMs": 12},
            {"at": "2026-01-02T03:04:08Z", "service": "writer", "fact": "settled", "target": "zia", "revision": 4,
             "kind": "membership", "memberOf": "G-1", "outcome": "member_removed", "latencyMs": 12},
        ])));
        for part in [
            "decided membership at zia",
            "no_member r4, mover",
            "group G-1; by evt_1",
            "success (204, 12 ms)",
            "group G-1; PATCH /Groups/7",
            "settled membership at zia",
            "member_removed r4 after 12 ms",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn whose_record_it_is_is_told_with_what_decided_it_and_what_it_counts_for() {
        let linked = json!({"at": "2026-01-02T03:04:06Z", "service": "mapper", "fact": "correlated", "source": "directory",
            "record": "u-1", "outcome": "linked", "person": "E-1", "by": "key", "countsFor": ["mail"]});
        let conflict = json!({"at": "2026-01-02T03:04:07Z", "service": "mapper", "fact": "correlated", "source": "directory",
            "record": "u-1", "outcome": "conflict", "person": "E-1", "by": "key", "reason": "moved", "candidates": ["E-2"]});
        let said = json!({"at": "2026-01-02T03:04:08Z", "service": "mapper", "fact": "correlated", "source": "directory",
            "record": "u-1", "outcome": "linked", "person": "E-1", "actor": {"who": "alice", "why": "a slip"}});
        let text = render(&trace(json!([linked, conflict, said])));
        for part in [
            "record u-1 of directory",
            "is E-1",
            "by key; counts for mail",
            "conflict, stays E-1",
            "moved: may be E-2; see `usher people conflicts ls`",
            "alice: a slip",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn a_fact_of_a_newer_version_is_still_shown() {
        let text = render(&trace(json!([{"at": "x", "service": "s", "fact": "invented"}])));
        assert!(text.contains("invented"), "{text}");
    }
}
