//! Rendering of targets, policies, queues and lag.

mod sources;
mod streams;

use std::collections::BTreeMap;

use console::api::ConsoleStatusView;
use lifecycle::{FindingCounts, MapperStatus, OutboxStatus, TargetStatus};
use time::OffsetDateTime;

use super::table::TextTable;
use super::{clean_text, leavers, policy, verify};

/// Age from which waiting outbox rows are shown, in seconds; younger ones are on their way.
const SHOWN_AFTER_SECONDS: i64 = 10;

/// Renders leavers with access, silent services, one line per target, the policies, and the lag of each service.
pub fn render_status(status: &ConsoleStatusView) -> String {
    let mut text = match &status.mapper {
        Some(mapper) => leavers::render_headline(&mapper.leavers),
        None => "Leavers with access: unknown (the mapper does not answer)\n".to_owned(),
    };
    if status.mapper.as_ref().is_some_and(|mapper| mapper.leavers.with_access > 0) {
        text.push_str("see `usher leavers`\n");
    }
    if let Some(mapper) = status.mapper.as_ref().filter(|mapper| mapper.leavers.other_accounts > 0) {
        text.push_str(&leavers::others::active(&mapper.leavers));
    }
    if status.quarantined > 0 {
        let (count, departures) = (status.quarantined, status.quarantined_departures);
        let leavers =
            if departures > 0 { format!(", {departures} of them departures") } else { String::new() };
        text.push_str(&format!("{count} in quarantine{leavers}: see `usher quarantine ls`\n"));
    }
    if let Some(mapper) = &status.mapper {
        text.push_str(&render_findings(&mapper.findings));
        text.push_str(&sources::undecided(&mapper.undecided_feeds));
        text.push_str(&sources::silent(&mapper.silent_feeds));
    }
    text.push_str(&sources::render(&status.source_problems, status.source_problems_unlisted));
    text.push('\n');
    for problem in &status.unavailable {
        text.push_str(&format!("{} [code {}]\n\n", clean_text(&problem.detail), clean_text(&problem.code)));
    }
    if status.unavailable.iter().any(|problem| problem.service == "writer") {
        text.push_str("targets are not known: the writer does not answer\n");
    } else if status.targets.is_empty() {
        text.push_str("no targets are configured\n");
    } else {
        let mut table = TextTable::new(["TARGET", "CIRCUIT", "OWNER", "EPOCH", "QUEUE", "RESOURCES"]);
        for target in &status.targets {
            table.row([
                target.target.as_str(),
                &target.circuit,
                target.owner.as_deref().unwrap_or("none"),
                &target.epoch.to_string(),
                &render_counts(&target.queue),
                &render_counts(&target.resources),
            ]);
        }
        text.push_str(&table.render());
        let count =
            |ends: &[&str]| status.targets.iter().map(|target| render_resources(target, ends)).sum::<i64>();
        let held = count(&[".held"]);
        if held > 0 {
            text.push_str(&format!("\n{held} held for approval: see `usher held ls`\n"));
        }
        let taken = count(&["user.waiting", "group.waiting"]);
        if taken > 0 {
            let wait = if taken == 1 { "waits" } else { "wait" };
            text.push_str(&format!(
                "\n{taken} {wait} for a value that another person or group has: see `usher held ls`\n"
            ));
        }
    }
    let unverified = status.targets.iter().filter_map(|target| Some((target, target.unverified.as_ref()?)));
    for (target, why) in unverified {
        text.push_str(&format!(
            "\n{}: only disabling is sent for now: {}\n",
            clean_text(&target.target),
            clean_text(why)
        ));
    }
    for target in &status.targets {
        for remark in &target.remarks {
            text.push_str(&format!("\n{}: {}\n", clean_text(&target.target), clean_text(&remark.detail)));
        }
    }
    for notice in &status.notices {
        text.push_str(&format!("\n{}\n", clean_text(notice)));
    }
    if let Some(mapper) = &status.mapper {
        text.push('\n');
        text.push_str(&render_policies(mapper));
    }
    let mut lag = TextTable::new(["LAG", "MESSAGES"]);
    for (name, messages) in
        [("events", status.lag.events), ("commands", status.lag.commands), ("journal", status.lag.journal)]
    {
        lag.row([name, &messages.map_or_else(|| "unknown".to_owned(), |messages| messages.to_string())]);
    }
    text.push('\n');
    text.push_str(&lag.render());
    let now = OffsetDateTime::now_utc();
    text.push_str(&streams::render_streams(&status.streams, status.backup.as_ref(), now));
    text.push_str(
        &status.backup.as_ref().map(|backup| streams::last_backup(backup, now)).unwrap_or_default(),
    );
    for outbox in &status.outboxes {
        text.push_str(&render_waiting(outbox));
    }
    text
}

/// Renders one line for each non-empty list of findings about people.
fn render_findings(counts: &FindingCounts) -> String {
    let mut text = String::new();
    if counts.refused_departures > 0 {
        let count = counts.refused_departures;
        text.push_str(&format!(
            "{count} departures refused, because their senders may not state them; these people keep access: see \
             `usher people refused --departures`\n"
        ));
    }
    if counts.refused > 0 {
        let count = counts.refused;
        text.push_str(&format!(
            "{count} kinds of statements refused, because their senders may not make them: see `usher people refused`\n"
        ));
    }
    if counts.contradictions > 0 {
        let count = counts.contradictions;
        text.push_str(&format!(
            "{count} contradictions about employment: see `usher people contradictions`\n"
        ));
    }
    if counts.unread > 0 {
        let count = counts.unread;
        text.push_str(&format!("{count} values of people could not be read: see `usher people unread`\n"));
    }
    for (target, count) in counts.unbuilt.iter().filter(|(_, count)| **count > 0) {
        text.push_str(&format!(
            "{count} people cannot be built for {}, or only partly: see `usher people unbuilt`\n",
            clean_text(target)
        ));
    }
    text
}

/// Renders one line for each kind of unpublished message; empty if all are published.
fn render_waiting(outbox: &OutboxStatus) -> String {
    let service = clean_text(&outbox.service);
    let mut text = String::new();
    let lanes = [
        ("departures", outbox.departures, outbox.oldest_departure_seconds),
        ("commands", outbox.commands, outbox.oldest_command_seconds),
        ("facts", outbox.facts, outbox.oldest_fact_seconds),
    ];
    for (lane, rows, age) in lanes {
        let age = age.unwrap_or(0);
        if rows > 0 && age >= SHOWN_AFTER_SECONDS {
            text.push_str(&format!(
                "{rows} batches of {lane} wait in the outbox of the {service}, the oldest for {age} s\n"
            ));
        }
    }
    if outbox.set_aside > 0 {
        let count = outbox.set_aside;
        text.push_str(&format!(
            "{count} set aside by the {service} because the broker refuses it: see `usher outbox ls`\n"
        ));
    }
    if outbox.facts_dropped > 0 {
        let count = outbox.facts_dropped;
        text.push_str(&format!(
            "{count} messages with facts of the {service} were dropped because JOURNAL was full\n"
        ));
    }
    text
}

fn render_resources(target: &TargetStatus, ends: &[&str]) -> i64 {
    let is_counted = |name: &str| ends.iter().any(|end| name.ends_with(end));
    target.resources.iter().filter(|(name, _)| is_counted(name)).map(|(_, count)| count).sum()
}

fn render_policies(mapper: &MapperStatus) -> String {
    let mut text = String::new();
    if mapper.policies.is_empty() {
        text.push_str("no policies are in force\n");
    } else {
        let mut table = TextTable::new(["POLICY", "VERSION", "SINCE", "BY", "WHY"]);
        for in_force in &mapper.policies {
            let version = &in_force.version;
            let (number, since) = (version.version.to_string(), policy::since_text(version));
            table.row([in_force.target.as_str(), &number, &since, &version.who, &version.why]);
        }
        text.push_str(&table.render());
    }
    for held in &mapper.held_files {
        text.push_str(&format!("held: {}: {}\n", clean_text(&held.file), clean_text(&held.why)));
    }
    text.push_str(&to_evaluate(mapper));
    text.push('\n');
    if mapper.clock_skew_ms.abs() > SKEW_TOLD_MS {
        let seconds = mapper.clock_skew_ms / 1_000;
        text.push_str(&format!(
            "the mapper's clock is {seconds} s ahead of its database's; the database's clock is used\n"
        ));
    }
    for one in &mapper.verifications {
        text.push_str(&verify::verification_line(one));
    }
    if mapper.record_conflicts > 0 {
        let count = mapper.record_conflicts;
        let records = if count == 1 { "record" } else { "records" };
        text.push_str(&format!(
            "{count} {records} may belong to another person: see `usher people conflicts ls`\n"
        ));
    }
    if mapper.waiting_departures > 0 {
        let count = mapper.waiting_departures;
        let (records, say) = if count == 1 {
            ("record", "waits for its person and says")
        } else {
            ("records", "wait for their person and say")
        };
        text.push_str(&format!(
            "{count} {records} {say} that the person left: see `usher people ls --status waiting`\n"
        ));
    }
    if mapper.scheduled > 0 {
        let count = mapper.scheduled;
        let people = if count == 1 { "person" } else { "people" };
        text.push_str(&format!("scheduled changes for {count} {people}: see `usher schedule ls`\n"));
    }
    text
}

/// Clock difference above which a warning is shown, in milliseconds.
const SKEW_TOLD_MS: i64 = 2_000;

/// Renders the progress of evaluation with the policies in force, without a line end.
pub fn to_evaluate(mapper: &MapperStatus) -> String {
    match mapper.to_evaluate {
        0 => format!("all {} people and groups are evaluated with these policies", mapper.known),
        left => format!("{left} of {} people and groups are not evaluated yet", mapper.known),
    }
}

fn render_counts(counts: &BTreeMap<String, i64>) -> String {
    let counted: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count != 0)
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    if counted.is_empty() { "-".to_owned() } else { counted.join(" ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_shows_circuit_owner_queue_and_resources_and_unknown_lag_is_not_zero() {
        let status = serde_json::from_value(json!({
            "targets": [{"target": "zia", "owner": null, "epoch": 3, "circuit": "closed",
                         "resources": {"user.in_sync": 12, "user.dead": 0}, "queue": {}}],
            "lag": {"events": 0, "commands": 7, "journal": null},
        }))
        .unwrap();
        assert_eq!(
            render_status(&status),
            "Leavers with access: unknown (the mapper does not answer)\n\
             \n\
             TARGET  CIRCUIT  OWNER  EPOCH  QUEUE  RESOURCES\n\
             zia     closed   none   3      -      user.in_sync=12\n\
             \n\
             LAG       MESSAGES\n\
             events    0\n\
             commands  7\n\
             journal   unknown\n"
        );
    }

    #[test]
    fn what_a_human_should_look_at_in_people_is_counted_with_the_command_that_lists_it() {
        assert_eq!(render_findings(&FindingCounts::default()), "");
        let unbuilt = [("crm".to_owned(), 3), ("zia".to_owned(), 0)].into();
        let text = render_findings(&FindingCounts {
            contradictions: 2,
            unread: 1,
            unbuilt,
            refused_departures: 4,
            refused: 5,
        });
        assert_eq!(
            text,
            "4 departures refused, because their senders may not state them; these people keep access: see \
             `usher people refused --departures`\n\
             5 kinds of statements refused, because their senders may not make them: see `usher people refused`\n\
             2 contradictions about employment: see `usher people contradictions`\n\
             1 values of people could not be read: see `usher people unread`\n\
             3 people cannot be built for crm, or only partly: see `usher people unbuilt`\n"
        );
    }

    #[test]
    fn what_the_broker_does_not_have_is_shown_and_an_empty_outbox_is_not() {
        let outbox = |service: &str| OutboxStatus { service: service.to_owned(), ..OutboxStatus::default() };
        assert_eq!(render_waiting(&outbox("writer")), "");
        let full = OutboxStatus {
            commands: 3,
            oldest_command_seconds: Some(75),
            facts: 1,
            oldest_fact_seconds: Some(1),
            set_aside: 2,
            facts_dropped: 7,
            ..outbox("mapper")
        };
        assert_eq!(
            render_waiting(&full),
            "3 batches of commands wait in the outbox of the mapper, the oldest for 75 s\n\
             2 set aside by the mapper because the broker refuses it: see `usher outbox ls`\n\
             7 messages with facts of the mapper were dropped because JOURNAL was full\n"
        );
    }

    #[test]
    fn policies_progress_held_files_and_silent_services_are_shown() {
        let status = serde_json::from_value(json!({
            "targets": [], "lag": {"events": 0, "commands": 0, "journal": 0},
            "mapper": {
                "policies": [{"target": "zia", "version": 3, "at": "2026-01-02T03:04:05Z", "who": "alice",
                              "why": "sales only", "removals": 4}],
                "toEvaluate": 12, "known": 1006, "scheduled": 7,
                "leavers": {"withAccess": 3, "overdue": 2, "keptByPolicy": 4},
                "heldFiles": [{"file": "zia.yaml", "why": "over the guard; needs --allow-deletes 600"}],
            },
            "unavailable": [{"service": "writer", "code": "writer_not_running", "detail": "the writer is not running"}],
        }))
        .unwrap();
        assert_eq!(
            render_status(&status),
            "Leavers with access: 3 (2 overdue, 1 within the objective); kept by policy: 4\n\
             see `usher leavers`\n\
             \n\
             the writer is not running [code writer_not_running]\n\
             \n\
             targets are not known: the writer does not answer\n\
             \n\
             POLICY  VERSION  SINCE                 BY     WHY\n\
             zia     3        2026-01-02T03:04:05Z  alice  sales only\n\
             held: zia.yaml: over the guard; needs --allow-deletes 600\n\
             12 of 1006 people and groups are not evaluated yet\n\
             scheduled changes for 7 people: see `usher schedule ls`\n\
             \n\
             LAG       MESSAGES\n\
             events    0\n\
             commands  0\n\
             journal   0\n"
        );
    }
}
