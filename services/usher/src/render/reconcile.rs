//! Comparisons of whole targets.

use lifecycle::{PausedTarget, ReconcileState, Reconciliation};

use super::clean_text;
use super::table::TextTable;

/// One line while it is under way.
pub fn render_reconcile_progress(report: &Reconciliation) -> String {
    let total = report.total.map_or_else(String::new, |total| format!(" of {total}"));
    format!(
        "comparing {}: {}{total} read, {} differ",
        clean_text(&report.target),
        report.counts.read,
        render_differing(report)
    )
}

/// Whether anything is not as it should be.
pub fn has_differences(report: &Reconciliation) -> bool {
    render_differing(report) > 0
}

fn render_differing(report: &Reconciliation) -> u64 {
    let counts = &report.counts;
    counts.drifted
        + counts.unkept
        + counts.gone
        + counts.orphans
        + counts.unlinked
        + counts.duplicates
        + counts.members_missing
        + counts.members_extra
        + counts.dangling
}

/// Why the comparison waits, and what to do about it.
pub fn paused(report: &Reconciliation, paused: &PausedTarget) -> String {
    let (target, who, why) = (clean_text(&report.target), clean_text(&paused.who), clean_text(&paused.why));
    let look = match (report.dry_run, paused.only_grants) {
        (false, true) => {
            format!(
                "\n  usher reconcile {target} --cancel    ends it; then --dry-run shows what would be changed, now"
            )
        }
        _ => format!("\n  usher reconcile {target} --cancel    ends it"),
    };
    format!(
        "{target} is paused by {who}: {why}\nThe comparison waits until the target goes on:\n  usher target resume {target} \
         --why TEXT{look}"
    )
}

/// What it found: counts, which attributes differ, and the first differences.
pub fn render_reconciliation(report: &Reconciliation) -> String {
    let counts = &report.counts;
    let target = clean_text(&report.target);
    let kind = if report.dry_run {
        "dry run: nothing is changed"
    } else {
        "what differs is made right by the queue"
    };
    let mut text = match report.state {
        ReconcileState::Running => format!("{target}: under way; {kind}\n"),
        ReconcileState::Finished => format!("{target}: compared; {kind}\n"),
        ReconcileState::Cancelled => format!("{target}: ended before all was read\n"),
        ReconcileState::Failed => {
            format!(
                "{target}: FAILED: {}\n",
                clean_text(report.error.as_deref().unwrap_or("for no reason that is known"))
            )
        }
    };
    let mut table = TextTable::plain(2);
    let rows = [
        ("read", counts.read, ""),
        ("as they should be", counts.in_sync, ""),
        ("being worked on, or waiting for a human", counts.busy, ""),
        ("drifted", counts.drifted, "attributes that the policy owns"),
        ("not kept by the target", counts.unkept, "written twice, and as before again: not written any more"),
        ("gone", counts.gone, "linked, and not there any more"),
        ("orphans", counts.orphans, "not ours: left alone"),
        ("duplicates", counts.duplicates, "carry the key of somebody who is linked to another: left alone"),
        ("unlinked", counts.unlinked, "carry our key, and are not linked"),
        ("members missing", counts.members_missing, ""),
        ("members too many", counts.members_extra, "taken away by us, and there again"),
        ("dangling references", counts.dangling, "managers and members that are no accounts"),
        ("groups that could not be read", counts.unreadable, "their members were not compared"),
        ("queued", counts.queued, "to be read once more and made right"),
        ("requests", counts.requests, ""),
    ];
    for (name, count, means) in rows {
        table.row([name, &count.to_string(), means]);
    }
    text.push_str(&table.render());
    if !report.attributes.is_empty() {
        let mut table = TextTable::new(["ATTRIBUTE", "DIFFERS"]);
        for (attribute, count) in &report.attributes {
            table.row([attribute.as_str(), &count.to_string()]);
        }
        text.push('\n');
        text.push_str(&table.render());
    }
    if !report.found.is_empty() {
        let mut table = TextTable::new(["DIFFERENCE", "KIND", "SUBJECT", "REMOTE ID", "WHAT"]);
        for found in &report.found {
            let subject = found.subject.as_deref().unwrap_or("-");
            let remote_id = found.remote_id.as_deref().unwrap_or("-");
            let what = found.what.join(", ");
            table.row([found.difference.as_str(), found.kind.as_str(), subject, remote_id, &what]);
        }
        text.push('\n');
        text.push_str(&table.render());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_shows_counts_attributes_and_differences() {
        let found: Reconciliation = serde_json::from_value(serde_json::json!({
            "target": "zia", "state": "finished", "dryRun": true, "who": "ann", "started": "2026-01-02T03:04:05Z", "total": 3,
            "counts": {"read": 3, "inSync": 1, "drifted": 1, "orphans": 1}, "attributes": {"title": 1},
            "found": [{"difference": "drifted", "kind": "user", "subject": "E-1", "remoteId": "7", "what": ["title"]}]}))
        .unwrap();
        let text = render_reconciliation(&found);
        for part in ["dry run: nothing is changed", "drifted", "orphans", "title", "E-1"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(has_differences(&found));
        assert_eq!(render_reconcile_progress(&found), "comparing zia: 3 of 3 read, 2 differ");
    }
}
