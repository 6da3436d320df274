//! Rendering of held changes, conflicts and pauses.

use std::collections::{BTreeMap, BTreeSet};

use console::api::DeadLetterList;
use lifecycle::{DecideHeldReply, HeldDecision, HeldReply, HeldResource, PauseReply, TestReply};
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{clean_text, instant_text};

/// The number of changes by effect and reason.
pub type EffectCounts = BTreeMap<(&'static str, &'static str), usize>;

/// Counts changes that are not shown one by one.
pub fn count_effects(held: &[HeldResource]) -> EffectCounts {
    let mut counts = EffectCounts::new();
    for held in held {
        *counts.entry((held.effect.verb(), held.by.as_str())).or_default() += 1;
    }
    counts
}

/// Renders held changes, one line each, the commands that decide about them, and what helps where no command does.
/// `more` counts the changes beyond the limit of the list.
pub fn render_held(reply: &HeldReply, more: &EffectCounts) -> String {
    if reply.items.is_empty() {
        return "nothing is held\n".to_owned();
    }
    let header =
        ["SINCE", "TARGET", "KIND", "SUBJECT", "HOLD", "WANTED", "DOES", "HELD BY", "CAN BE", "REASON"];
    let mut table = TextTable::new(header);
    for held in &reply.items {
        let since = instant_text(&held.since.format(&Rfc3339).unwrap_or_default());
        let (kind, by) = (held.kind.as_str(), held.by.as_str());
        let can_be = decisions_text(&held.decisions);
        let reason = held.reason.as_str();
        let hold = if held.hold.as_str().is_empty() { "-" } else { held.hold.as_str() };
        let (wanted, effect) = (held.wanted.as_str(), held.effect.verb());
        let subject = held.subject.as_str();
        table.row([since.as_str(), &held.target, kind, subject, hold, wanted, effect, by, can_be, reason]);
    }
    let mut text = table.render();
    let shown = u64::try_from(reply.items.len()).unwrap_or(u64::MAX);
    if reply.total > shown {
        let counted: Vec<String> =
            more.iter().map(|((effect, by), count)| format!("{count} {effect} (held by {by})")).collect();
        let counted = if counted.is_empty() { String::new() } else { format!(": {}", counted.join(", ")) };
        text.push_str(&format!("... and {} more{counted}\n", reply.total - shown));
    }
    text.push('\n');
    let target_of = |decision: HeldDecision| {
        let held = reply.items.iter().find(|held| held.decisions.contains(&decision))?;
        Some(clean_text(&held.target))
    };
    if let Some(target) = target_of(HeldDecision::Approve) {
        text.push_str(&format!(
            "to carry them out:         usher held approve --target {target} SUBJECT... --why \"...\"  (--all: every one of this list)\n"
        ));
    }
    if let Some(target) = target_of(HeldDecision::Reject) {
        text.push_str(&format!(
            "to keep things as they are: usher held reject --target {target} SUBJECT... --why \"...\"\n"
        ));
    }
    let help: BTreeSet<(&str, &str, &str)> = reply.items.iter().filter_map(help_line).collect();
    for (kind, by, help) in help {
        text.push_str(&format!("{kind}, held by {by}: {}\n", clean_text(help)));
    }
    text
}

/// Returns the kind, the reason for the hold and what ends it, for a hold that cannot be approved.
fn help_line(held: &HeldResource) -> Option<(&str, &str, &str)> {
    Some((held.kind.as_str(), held.by.as_str(), held.help.as_deref()?))
}

/// Names the decisions that end a hold.
fn decisions_text(decisions: &[HeldDecision]) -> &'static str {
    match (decisions.contains(&HeldDecision::Approve), decisions.contains(&HeldDecision::Reject)) {
        (true, true) => "approved, rejected",
        (true, false) => "approved",
        (false, true) => "rejected",
        (false, false) => "-",
    }
}

/// Renders the number of decided changes, and those that were left.
pub fn render_decided(reply: &DecideHeldReply, decision: HeldDecision) -> String {
    let done = match decision {
        HeldDecision::Approve => "approved",
        HeldDecision::Reject => "rejected",
    };
    let mut text = format!("{done}: {}\n", reply.decided);
    for changed in &reply.changed {
        text.push_str(&format!(
            "left: the hold of {} has changed since it was listed: it now {}; list it again\n",
            clean_text(&changed.subject),
            changed.effect.verb()
        ));
    }
    for subject in &reply.not_held {
        text.push_str(&format!("not held: {}\n", clean_text(subject)));
    }
    for subject in &reply.only_memberships {
        text.push_str(&format!(
            "only memberships of {} are held, which go out by themselves: see `usher held ls`\n",
            clean_text(subject)
        ));
    }
    text
}

/// Renders the result of a connection test.
pub fn render_test(target: &str, reply: &TestReply) -> String {
    let target = clean_text(target);
    let mut text = String::new();
    for step in &reply.steps {
        let status = step.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        text.push_str(&format!("{}  {status}\n", clean_text(&step.request)));
    }
    match &reply.error {
        None if reply.works => text.push_str(&format!("{target} works\n")),
        error => {
            let error = error.as_deref().unwrap_or("for an unknown reason");
            text.push_str(&format!("{target} does NOT work: {}\n", clean_text(error)));
        }
    }
    text
}

/// Renders conflicts, one line each, and the next commands.
pub fn render_conflicts(page: &DeadLetterList) -> String {
    if page.items.is_empty() {
        return "no conflicts\n".to_owned();
    }
    let mut table = TextTable::new(["SINCE", "TARGET", "KIND", "SUBJECT", "FOUND", "DEAD LETTER"]);
    for letter in &page.items {
        let since = instant_text(&letter.at);
        table.row([since.as_str(), &letter.target, &letter.kind, &letter.subject, &letter.error, &letter.id]);
    }
    let mut text = table.render();
    text.push_str(
        "\nif it matches:    usher conflicts resolve SUBJECT --target TARGET --adopt ID --why \"...\"\n\
         if it is not:     free the login name or externalId, then usher dead replay DEAD_LETTER --why \"...\"\n\
         to leave it:      usher dead discard DEAD_LETTER --why \"...\"\n",
    );
    text
}

/// Renders the result of pausing or resuming a target.
pub fn render_pause(target: &str, verb: &str, reply: &PauseReply) -> String {
    let target = clean_text(target);
    match (verb, reply.was_paused) {
        ("pause", false) => {
            format!("{target} is paused: nothing is sent until `usher target resume {target}`\n")
        }
        ("pause", true) => format!("{target} was already paused; your reason replaces the previous one\n"),
        (_, true) => format!("{target} is resumed\n"),
        (_, false) => format!("{target} was not paused\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_a_line_each_with_its_reason_and_what_to_do() {
        let reply = serde_json::from_value(serde_json::json!({"total": 3, "items": [
            {"target": "zia", "kind": "user", "subject": "E-1", "revision": 2, "wanted": "disabled", "by": "guard",
             "reason": "12 of 20 accounts", "since": "2026-01-02T03:04:05Z"}]}))
        .unwrap();
        let text = render_held(&reply, &EffectCounts::new());
        for part in [
            "E-1",
            "disabled",
            "guard",
            "12 of 20 accounts",
            "... and 2 more",
            "usher held approve --target zia",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(render_held(&HeldReply::default(), &EffectCounts::new()), "nothing is held\n");
    }

    #[test]
    fn a_hold_is_offered_only_the_decisions_that_end_it_and_says_who_can_help() {
        let held = |kind: &str, by: &str, decisions: &[&str], help: Option<&str>| {
            serde_json::json!({"target": "zia", "kind": kind, "subject": "E-1", "revision": 2, "wanted": "active", "by": by,
                "reason": "why", "since": "2026-01-02T03:04:05Z", "decisions": decisions, "help": help})
        };
        let shown = |held: &[serde_json::Value]| {
            let reply = serde_json::json!({"total": held.len(), "items": held});
            render_held(&serde_json::from_value(reply).unwrap(), &EffectCounts::new())
        };
        let limit = held("membership", "profile", &[], Some("leave another group"));
        let text = shown(std::slice::from_ref(&limit));
        assert!(!text.contains("usher held approve") && !text.contains("usher held reject"), "{text}");
        assert!(text.contains("membership, held by profile: leave another group"), "{text}");

        let value = held("user", "profile", &["reject"], Some("correct the value"));
        let text = shown(&[limit, value.clone(), value]);
        assert!(text.contains("usher held reject") && !text.contains("usher held approve"), "{text}");
        assert_eq!(text.matches("correct the value").count(), 1, "once for all of them:\n{text}");
    }

    #[test]
    fn a_writer_that_does_not_say_what_ends_a_hold_is_believed_to_take_both_decisions() {
        let reply = serde_json::from_value(serde_json::json!({"total": 1, "items": [
            {"target": "zia", "kind": "user", "subject": "E-1", "revision": 2, "wanted": "disabled", "by": "guard",
             "reason": "why", "since": "2026-01-02T03:04:05Z"}]}))
        .unwrap();
        let text = render_held(&reply, &EffectCounts::new());
        assert!(text.contains("usher held approve") && text.contains("usher held reject"), "{text}");
    }
}
