//! Rendering of a timeline, one line per fact.

use console::api::{PersonTrace, TraceEntry};
use serde_json::{Map, Value};

use super::table::TextTable;
use super::{attempts_text, clean_text, instant_text};

/// Renders the whole timeline; its first line names the person or group.
pub fn render_trace(trace: &PersonTrace) -> String {
    let name = trace.person.user_name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    let mut text = format!("{}{}\n", clean_text(&trace.person.key), clean_text(&name));
    if trace.entries.is_empty() {
        text.push_str("nothing in the timeline any more\n");
        return text;
    }
    let mut table = TextTable::new(["TIME", "SERVICE", "WHAT", "RESULT", "WHY"]);
    for entry in &trace.entries {
        table.row([
            instant_text(&entry.at),
            entry.service.clone(),
            entry_text(entry),
            result_text(entry),
            reason_text(entry),
        ]);
    }
    text.push_str(&table.render());
    text
}

/// Renders one fact in one line, for views of a single fact.
pub(crate) fn trace_line(entry: &TraceEntry) -> String {
    let parts = [instant_text(&entry.at), entry_text(entry), result_text(entry), reason_text(entry)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| clean_text(&part).into_owned())
        .collect();
    parts.join("  ")
}

fn entry_text(entry: &TraceEntry) -> String {
    let fact = &entry.fact;
    match name_of(fact) {
        "merged" => format!("merged {}", fact_text(fact, "eventType")),
        "decided" => format!("decided {} at {}", fact_text(fact, "kind"), fact_text(fact, "target")),
        "membershipDecided" => format!("decided membership at {}", fact_text(fact, "target")),
        "attempted" => format!("{} at {}", fact_text(fact, "operation"), fact_text(fact, "target")),
        "superseded" | "settled" | "conflict" | "died" | "held" | "refused" => {
            format!("{} {} at {}", name_of(fact), fact_text(fact, "kind"), fact_text(fact, "target"))
        }
        "replayed" | "discarded" => format!("{} {}", name_of(fact), fact_text(fact, "deadLetter")),
        "accessOrdered" => {
            format!("{} by an operator: {}", fact_text(fact, "outcome"), fact_text(fact, "order"))
        }
        "leaverProven" => format!("proven to be off at {}", fact_text(fact, "target")),
        "leaverOverdue" => format!("overdue at {}", fact_text(fact, "target")),
        "leaverReopened" => format!("came back at {}", fact_text(fact, "target")),
        "joined" => format!("joined {} into {}", fact_text(fact, "other"), fact_text(fact, "person")),
        "correlated" => format!("record {} of {}", fact_text(fact, "record"), fact_text(fact, "source")),
        "scheduleCancelled" => "cancelled before it took effect".to_owned(),
        "feedHeld" => format!("held run of feed {}", fact_text(fact, "feed")),
        "feedDecided" => format!("{} run of feed {}", fact_text(fact, "outcome"), fact_text(fact, "feed")),
        "heldDecided" => {
            format!(
                "{} {} at {}",
                fact_text(fact, "outcome"),
                fact_text(fact, "kind"),
                fact_text(fact, "target")
            )
        }
        other => other.to_owned(),
    }
}

fn result_text(entry: &TraceEntry) -> String {
    let fact = &entry.fact;
    match name_of(fact) {
        "merged" => format!("{} r{}", fact_text(fact, "outcome"), fact_number(fact, "revision")),
        "decided" => {
            format!(
                "{} r{}, {}",
                fact_text(fact, "state"),
                fact_number(fact, "revision"),
                fact_text(fact, "lane")
            )
        }
        "membershipDecided" => {
            format!(
                "{} r{}, {}",
                fact_text(fact, "state"),
                fact_number(fact, "revision"),
                fact_text(fact, "lane")
            )
        }
        "superseded" => format!("r{} by r{}", fact_number(fact, "revision"), fact_number(fact, "by")),
        "attempted" => {
            let status = match fact.get("status").and_then(Value::as_u64) {
                Some(status) => status.to_string(),
                None => "no answer".to_owned(),
            };
            format!("{} ({status}, {} ms)", fact_text(fact, "class"), fact_number(fact, "durationMs"))
        }
        "settled" => format!(
            "{} r{} after {}",
            fact_text(fact, "outcome"),
            fact_number(fact, "revision"),
            duration_text(fact_number(fact, "latencyMs"))
        ),
        "conflict" | "held" | "refused" => format!("r{} not applied", fact_number(fact, "revision")),
        "heldDecided" => format!("r{}", fact_number(fact, "revision")),
        "died" => {
            format!("{} after {}", fact_text(fact, "class"), attempts_text(fact_number(fact, "attempts")))
        }
        "replayed" => fact_text(fact, "outcome").to_owned(),
        "correlated" => match (fact_text(fact, "outcome"), fact_text(fact, "person")) {
            ("linked", person) => format!("is {person}"),
            ("conflict", "") => "conflict, has no effect".to_owned(),
            ("conflict", person) => format!("conflict, stays {person}"),
            (outcome, _) => outcome.to_owned(),
        },
        "leaverProven" => {
            format!("{} after {}", fact_text(fact, "evidence"), duration_text(fact_number(fact, "lateMs")))
        }
        "leaverOverdue" => format!("due {}", instant_text(fact_text(fact, "dueAt"))),
        "scheduleCancelled" => {
            format!("{} at {}", name_list(fact, "what"), instant_text(fact_text(fact, "effectiveAt")))
        }
        "feedHeld" => fact_text(fact, "run").to_owned(),
        "feedDecided" => format!("{}, {} missing", fact_text(fact, "run"), fact_number(fact, "missing")),
        "discarded" => "closed".to_owned(),
        _ => String::new(),
    }
}

fn reason_text(entry: &TraceEntry) -> String {
    let fact = &entry.fact;
    match name_of(fact) {
        "merged" => {
            let note = fact_text(fact, "note");
            let note = if note.is_empty() { String::new() } else { format!("; {note}") };
            let (source, sender) = (fact_text(fact, "source"), fact_text(fact, "sender"));
            let is_own = sender.is_empty() || source.trim_matches('/') == sender;
            let sent_by = if is_own { String::new() } else { format!(" sent by {sender}") };
            format!("from {source}{sent_by} ({}){note}", fact_text(fact, "event"))
        }
        "correlated" => correlation_text(fact),
        "decided" => {
            let changed = name_list(fact, "changed");
            if changed.is_empty() {
                fact_text(fact, "reason").to_owned()
            } else {
                format!("{}; changed: {changed}", fact_text(fact, "reason"))
            }
        }
        "membershipDecided" => match fact_text(fact, "event") {
            "" => format!("group {}; added to the target by a policy", fact_text(fact, "memberOf")),
            event => format!("group {}; by {event}", fact_text(fact, "memberOf")),
        },
        "attempted" => match fact_text(fact, "error") {
            "" => format!("{}{}", of_group(fact), fact_text(fact, "request")),
            error => format!("{}{}: {error}", of_group(fact), fact_text(fact, "request")),
        },
        "settled" => match fact_text(fact, "note") {
            "" => of_group(fact).trim_end_matches("; ").to_owned(),
            note => note.to_owned(),
        },
        "conflict" => format!("found {}", fact_text(fact, "found")),
        "died" => format!("{}; see `usher dead show {}`", fact_text(fact, "error"), fact_text(fact, "id")),
        "feedHeld" => {
            let reasons = fact.get("reasons").and_then(Value::as_array).into_iter().flatten();
            let reasons: Vec<&str> = reasons.filter_map(Value::as_str).collect();
            format!("{}; see `usher feed show {}`", reasons.join("; "), fact_text(fact, "run"))
        }
        "held" => format!("{}; see `usher held ls`", fact_text(fact, "reason")),
        "leaverOverdue" => {
            let reason = lifecycle::WaitingFor::named(fact_text(fact, "waitsFor")).in_words();
            let detail = match fact_text(fact, "detail") {
                "" => String::new(),
                detail => format!(": {detail}"),
            };
            format!("{reason}{detail}; see `usher leavers`")
        }
        "leaverReopened" => {
            format!("{} holds no more; see `usher leavers`", fact_text(fact, "evidence"))
        }
        "refused" => fact_text(fact, "reason").to_owned(),
        "replayed" | "discarded" | "accessOrdered" | "heldDecided" | "feedDecided" | "scheduleCancelled"
        | "joined" => {
            format!("{}: {}", fact_text(fact, "who"), fact_text(fact, "why"))
        }
        _ => String::new(),
    }
}

/// Returns the decision that matched a record: the operator or the value.
fn correlation_text(fact: &Map<String, Value>) -> String {
    let actor = |name: &str| fact.get("actor").and_then(|actor| actor.get(name)).and_then(Value::as_str);
    if let (Some(who), Some(why)) = (actor("who"), actor("why")) {
        let counts_for = name_list(fact, "countsFor");
        let counts_for =
            if counts_for.is_empty() { counts_for } else { format!("; counts for {counts_for}") };
        return format!("{who}: {why}{counts_for}");
    }
    let by = match fact_text(fact, "by") {
        "" => "no value to match".to_owned(),
        by => format!("by {by}"),
    };
    match (fact_text(fact, "reason"), name_list(fact, "candidates")) {
        ("", _) if name_list(fact, "countsFor").is_empty() => by,
        ("", _) => format!("{by}; counts for {}", name_list(fact, "countsFor")),
        (reason, candidates) => {
            format!("{by}; {reason}: may be {candidates}; see `usher people conflicts ls`")
        }
    }
}

/// Returns the group of a membership fact as a prefix.
fn of_group(fact: &Map<String, Value>) -> String {
    match fact_text(fact, "memberOf") {
        "" => String::new(),
        group => format!("group {group}; "),
    }
}

fn name_list(fact: &Map<String, Value>, key: &str) -> String {
    let names = fact.get(key).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn name_of(fact: &Map<String, Value>) -> &str {
    fact_text(fact, "fact")
}

fn fact_text<'a>(fact: &'a Map<String, Value>, key: &str) -> &'a str {
    fact.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn fact_number(fact: &Map<String, Value>, key: &str) -> i64 {
    fact.get(key).and_then(Value::as_i64).unwrap_or_default()
}

fn duration_text(ms: i64) -> String {
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

    fn trace(entries: Value) -> PersonTrace {
        serde_json::from_value(
            json!({"person": {"key": "E-1", "userName": "anna@x.org"}, "entries": entries}),
        )
        .unwrap()
    }

    #[test]
    fn each_fact_is_one_line_with_time_service_what_result_and_reason() {
        let text = render_trace(&trace(json!([
            {"at": "2026-01-02T03:04:05.678901Z", "service": "mapper", "traceId": null, "fact": "merged",
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
        let text = render_trace(&trace(json!([
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
        let text = render_trace(&trace(json!([linked, conflict, said])));
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
        let text = render_trace(&trace(json!([{"at": "x", "service": "s", "fact": "invented"}])));
        assert!(text.contains("invented"), "{text}");
    }
}
