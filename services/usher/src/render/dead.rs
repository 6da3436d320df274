//! Rendering of dead letters and replays.

use std::collections::BTreeMap;

use console::api::{DeadDetail, DeadGroups, DeadLetterList, DiscardAnswer, ReplayAnswer};
use lifecycle::{FailedRequest, PreviewReplayReply, ReplayRun, ReplayRuns, ReplayState, RequestExchange};
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{attempts_text, clean_text, indent_text, instant_text, trace};

/// Renders a list of dead letters, one line each.
pub fn render_letters(page: &DeadLetterList) -> String {
    if page.items.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let header = ["ID", "DIED", "STATE", "TARGET", "KIND", "SUBJECT", "OPERATION", "CLASS", "TRIES", "ERROR"];
    let mut table = TextTable::new(header);
    for letter in &page.items {
        let tries = letter.attempts.to_string();
        let died = instant_text(&letter.at);
        table.row([
            &letter.id,
            &died,
            &letter.state,
            &letter.target,
            &letter.kind,
            &letter.subject,
            &letter.operation,
            &letter.class,
            &tries,
            &letter.error,
        ]);
    }
    table.render()
}

/// Renders groups of dead letters, one line each, and the next command.
pub fn render_groups(answer: &DeadGroups) -> String {
    if answer.groups.is_empty() {
        return "no open dead letters\n".to_owned();
    }
    let mut table = TextTable::new(["COUNT", "GROUP", "FIRST", "LAST", "SAMPLE", "ERROR"]);
    for group in &answer.groups {
        let (count, first, last) =
            (group.count.to_string(), instant_text(&group.first), instant_text(&group.last));
        table.row([count.as_str(), &group.group, &first, &last, &group.sample, &group.error]);
    }
    let first = clean_text(&answer.groups[0].group);
    let mut text = table.render();
    text.push_str(&format!(
        "\nonce the cause is fixed: usher dead replay --group {first} --why \"...\"  (--dry-run: preview)\n"
    ));
    text
}

/// Renders a dead letter with all details and the remedy.
pub fn render_letter(letter: &DeadDetail) -> String {
    let summary = &letter.summary;
    let mut table = TextTable::plain(2);
    table.row(["dead letter", &format!("{} ({})", summary.id, summary.state)]);
    let name = letter.person.user_name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    table.row([&summary.kind, &format!("{}{name}", summary.subject)]);
    table.row(["target", &summary.target]);
    table.row(["revision", &summary.revision.to_string()]);
    if let Some(decision) = &letter.decision {
        table.row(["decision", &trace::trace_line(decision)]);
    }
    table.row(["failed", &format!("{} at {}", summary.operation, instant_text(&summary.at))]);
    let tries = attempts_text(i64::from(summary.attempts));
    table.row(["error", &format!("{} after {tries}: {}", summary.class, summary.error)]);
    table.row(["code", &format!("{} (docs/errors.md)", summary.code)]);
    if let Some(closed) = &summary.closed {
        let words =
            format!("{} by {} at {}: {}", closed.outcome, closed.by, instant_text(&closed.at), closed.why);
        table.row(["closed", &words]);
    }
    let mut text = table.render();
    text.push_str(&render_requests(letter));
    for failed in &letter.failures {
        text.push_str(&render_failure(failed));
    }
    match &letter.exchange {
        // The exchange is that of the last failure, which is already shown.
        Some(exchange) if letter.failures.last().is_some_and(|last| last.exchange == *exchange) => {}
        Some(exchange) => {
            text.push_str("\nlast request\n");
            text.push_str(&request_and_answer(exchange));
        }
        None => text.push_str("\nno request was sent\n"),
    }
    text.push_str(&what_to_do(letter));
    text
}

fn render_requests(letter: &DeadDetail) -> String {
    if letter.requests.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(["TIME", "REQUEST", "STATUS", "TOOK", "CLASS", "WHY"]);
    for entry in &letter.requests {
        let word = |name: &str| entry.fact.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let number = |name: &str| entry.fact.get(name).and_then(serde_json::Value::as_i64);
        let status = number("status").map_or_else(|| "-".to_owned(), |status| status.to_string());
        let took = format!("{} ms", number("durationMs").unwrap_or_default());
        table.row([&instant_text(&entry.at), word("request"), &status, &took, word("class"), word("error")]);
    }
    format!("\nrequests\n{}", indent_text(&table.render()))
}

fn render_failure(failed: &FailedRequest) -> String {
    let FailedRequest { at, operation, class, error, duration_ms, exchange } = failed;
    let at = instant_text(&at.format(&Rfc3339).unwrap_or_default());
    let head = format!("{at} {operation}: {} after {duration_ms} ms: {error}", class.as_str());
    format!("\nfailed request, {}\n{}", clean_text(&head), request_and_answer(exchange))
}

fn request_and_answer(exchange: &RequestExchange) -> String {
    let mut text = format!("  {} {}\n", clean_text(&exchange.method), clean_text(&exchange.path));
    if let Some(body) = &exchange.request_body {
        text.push_str(&indent_text(&serde_json::to_string_pretty(body).expect("a JSON value is JSON")));
    }
    text.push_str("\nanswer\n");
    match exchange.status {
        Some(status) => text.push_str(&format!("  {status}\n")),
        None => text.push_str("  none\n"),
    }
    text.push_str(&indent_text(exchange.response_body.as_deref().unwrap_or_default()));
    text
}

fn what_to_do(letter: &DeadDetail) -> String {
    let summary = &letter.summary;
    if summary.state != "open" {
        return "\nwhat to do\n  nothing: it is closed\n".to_owned();
    }
    let advice = clean_text(&letter.remedy);
    let id = &summary.id;
    format!(
        "\nwhat to do\n  {advice}, then\n    usher dead replay {id} --why \"...\"\n  or, if nothing should happen\n    \
         usher dead discard {id} --why \"...\"\n"
    )
}

/// Maximum number of outcomes that are listed; more are only counted.
const OUTCOMES_MAX: usize = 100;

/// Renders the outcome of each replayed dead letter, or the number of each outcome if there are many.
pub fn render_replayed(answer: &ReplayAnswer) -> String {
    if answer.outcomes.is_empty() {
        return "nothing to replay\n".to_owned();
    }
    if answer.outcomes.len() > OUTCOMES_MAX {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for outcome in &answer.outcomes {
            *counts.entry(outcome.outcome.as_str()).or_default() += 1;
        }
        let mut table = TextTable::new(["OUTCOME", "COUNT"]);
        for (outcome, count) in counts {
            table.row([outcome, &count.to_string()]);
        }
        return table.render();
    }
    let mut table = TextTable::new(["ID", "OUTCOME"]);
    for outcome in &answer.outcomes {
        table.row([outcome.id.as_str(), outcome.outcome.as_str()]);
    }
    table.render()
}

/// Renders the progress of a replay in one line.
pub fn render_replay_progress(run: &ReplayRun) -> String {
    format!("{} of {} dead letters", run.done, run.total)
}

/// Renders the state of a replay.
pub fn render_replay(run: &ReplayRun) -> String {
    let outcomes: Vec<String> =
        run.outcomes.iter().map(|(outcome, count)| format!("{count} {}", clean_text(outcome))).collect();
    let mut text = format!("{}: {}, {} of {} dead letters", run.id, run.state.as_str(), run.done, run.total);
    if !outcomes.is_empty() {
        text.push_str(&format!(": {}", outcomes.join(", ")));
    }
    text.push('\n');
    if run.state == ReplayState::Running {
        text.push_str(&format!("to cancel it: usher dead replay-cancel {} --why \"...\"\n", run.id));
    }
    text
}

/// Renders a list of replays, one line each.
pub fn render_replays(answer: &ReplayRuns) -> String {
    if answer.items.is_empty() {
        return "no replays\n".to_owned();
    }
    let mut table = TextTable::new(["ID", "STARTED", "STATE", "DONE", "TOTAL", "WHAT", "BY", "WHY"]);
    for run in &answer.items {
        let what = run.group.as_deref().or(run.target.as_deref()).unwrap_or("by id");
        let started = instant_text(&run.started.format(&Rfc3339).unwrap_or_default());
        let (done, total) = (run.done.to_string(), run.total.to_string());
        table.row([run.id.as_str(), &started, run.state.as_str(), &done, &total, what, &run.who, &run.why]);
    }
    table.render()
}

/// Renders the request that a replay would send, or why it is not known.
pub fn render_preview(id: &str, look: Result<PreviewReplayReply, String>) -> String {
    let look = match look {
        Ok(look) => look,
        Err(why) => return format!("\n{}\n  not known: {}\n", clean_text(id), clean_text(&why)),
    };
    let of = look.member_of.map(|group| format!(" in group {group}")).unwrap_or_default();
    let about = format!("{} {}{of}", look.kind.as_str(), look.subject);
    let mut text = format!("\n{}  {}\n", clean_text(id), clean_text(&about));
    let Some(planned) = look.action else {
        text.push_str(&format!("  nothing: {}\n", look.outcome.as_str()));
        return text;
    };
    let why = planned.why.map(|why| format!(": {why}")).unwrap_or_default();
    text.push_str(&format!("  {}{}\n", clean_text(&planned.action), clean_text(&why)));
    if let Some(request) = &planned.request {
        text.push_str(&format!("  {}\n", clean_text(request)));
    }
    if let Some(body) = &planned.body {
        text.push_str(&indent_text(&serde_json::to_string_pretty(body).expect("a JSON value is JSON")));
    }
    text
}

/// Renders a note if the requests of some of the `queued` dead letters are not shown.
pub fn requests_shown(queued: usize, max: usize) -> String {
    if queued <= max {
        return String::new();
    }
    format!("\nthe requests of the first {max} of {queued} are shown; --requests {queued}: of all\n")
}

/// Renders which of the `asked` dead letters were discarded.
pub fn render_discarded(answer: &DiscardAnswer, asked: &[String]) -> String {
    let mut table = TextTable::new(["ID", "OUTCOME"]);
    for id in asked {
        table.row([id.as_str(), if answer.discarded.contains(id) { "discarded" } else { "not_open" }]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn letter(state: &str) -> Value {
        json!({
            "id": "ded_1", "state": state, "at": "2026-01-02T03:04:05Z", "target": "zia", "kind": "user",
            "subject": "E-1", "revision": 4, "operation": "update", "class": "permanent", "error": "bad department",
            "attempts": 1, "code": "bad_value", "group": "zia/user/update/permanent/-", "remedy": "correct the value",
            "requests": [{"at": "2026-01-02T03:04:05Z", "service": "writer", "fact": "attempted",
                          "request": "PATCH /Users/7", "status": 400, "class": "permanent", "durationMs": 12,
                          "error": "bad department"}],
            "person": {"key": "E-1", "userName": "anna@x.org"},
            "decision": {"at": "2026-01-02T03:04:04Z", "service": "mapper", "fact": "decided", "target": "zia",
                         "kind": "user", "revision": 4, "state": "active", "lane": "mover", "reason": "in scope",
                         "changed": ["department"]},
            "exchange": {"method": "PATCH", "path": "/Users/7", "requestBody": {"Operations": []}, "status": 400,
                         "responseBody": "{\"detail\":\"no\"}"},
        })
    }

    #[test]
    fn one_dead_letter_shows_person_decision_error_request_answer_and_what_to_do() {
        let text = render_letter(&serde_json::from_value(letter("open")).unwrap());
        for part in [
            "ded_1 (open)",
            "E-1 (anna@x.org)",
            "active r4, mover",
            "in scope; changed: department",
            "bad_value (docs/errors.md)",
            "PATCH /Users/7  400     12 ms  permanent  bad department",
            "correct the value, then",
            "permanent after 1 attempt: bad department",
            "PATCH /Users/7",
            "\"Operations\": []",
            "  400\n  {\"detail\":\"no\"}",
            "usher dead replay ded_1 --why",
            "usher dead discard ded_1 --why",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn each_failed_request_is_shown_with_what_was_sent_and_answered() {
        let mut letter = letter("open");
        let failed = |at: &str, title: &str, status: u16| {
            json!({"at": at, "operation": "update", "class": "transient", "error": format!("{status}"), "durationMs": 7,
                   "exchange": {"method": "PATCH", "path": "/Users/7", "requestBody": {"title": title}, "status": status,
                                "responseBody": format!("answer to {title}")}})
        };
        letter["failures"] =
            json!([failed("2026-01-02T03:04:01Z", "A", 500), failed("2026-01-02T03:04:05Z", "B", 502)]);
        letter["exchange"] = letter["failures"][1]["exchange"].clone();
        let text = render_letter(&serde_json::from_value(letter).unwrap());
        for part in [
            "2026-01-02T03:04:01",
            "transient after 7 ms: 500",
            "\"title\": \"A\"",
            "answer to A",
            "answer to B",
        ] {
            assert_eq!(text.matches(part).count(), 1, "{part} in\n{text}");
        }
    }

    #[test]
    fn a_preview_says_which_group_is_changed_and_how_many_are_not_shown() {
        let look = json!({"id": "ded_00000000000000000000000000000001", "target": "zia", "kind": "membership",
            "subject": "E-1", "memberOf": "G-1", "outcome": "queued",
            "action": {"action": "add_member", "request": "PATCH /Groups/7", "body": {"Operations": []}}});
        let text = render_preview("ded_1", Ok(serde_json::from_value(look).unwrap()));
        for part in ["membership E-1 in group G-1", "  add_member\n  PATCH /Groups/7\n", "\"Operations\""] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(render_preview("ded_1", Err("it is down".to_owned())).contains("not known: it is down"));
        assert_eq!(requests_shown(5, 5), "");
        assert!(requests_shown(500, 100).contains("first 100 of 500"));
    }

    #[test]
    fn an_operation_says_how_far_it_is_and_how_to_end_it() {
        let mut answer = json!({"id": "rpl_00000000000000000000000000000001", "state": "running", "target": "zia",
            "total": 5, "done": 3, "outcomes": {"queued": 2, "superseded": 1}, "who": "ann", "why": "fixed",
            "started": "2026-01-02T03:04:05Z"});
        let read = |answer: &Value| serde_json::from_value::<ReplayRun>(answer.clone()).unwrap();
        let text = render_replay(&read(&answer));
        assert!(text.contains("running, 3 of 5 dead letters: 2 queued, 1 superseded"), "{text}");
        assert!(text.contains("usher dead replay-cancel rpl_"), "{text}");
        let list = render_replays(&ReplayRuns { items: vec![read(&answer)], next_cursor: None });
        assert!(list.lines().count() == 2 && list.contains("zia") && list.contains("fixed"), "{list}");
        answer["state"] = "finished".into();
        assert!(!render_replay(&read(&answer)).contains("cancel"));
    }

    #[test]
    fn a_closed_one_needs_nothing() {
        let mut letter = letter("replayed");
        letter["closed"] =
            json!({"at": "2026-01-03T00:00:00Z", "by": "bob", "why": "fixed", "outcome": "queued"});
        let text = render_letter(&serde_json::from_value(letter).unwrap());
        assert!(text.contains("queued by bob at 2026-01-03T00:00:00Z: fixed"), "{text}");
        assert!(text.contains("nothing: it is closed") && !text.contains("dead replay"), "{text}");
    }

    #[test]
    fn a_list_is_one_line_each() {
        let page = serde_json::from_value(json!({"items": [letter("open"), letter("open")]})).unwrap();
        assert_eq!(render_letters(&page).lines().count(), 3);
        assert_eq!(render_letters(&DeadLetterList { items: vec![], next_cursor: None }), "no dead letters\n");
    }
}
