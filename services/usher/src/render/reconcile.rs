//! Rendering of reconciliations.

use lifecycle::{PausedTarget, ReconcileState, Reconciliation};

use super::clean_text;
use super::table::TextTable;

/// Renders the progress of a running reconciliation in one line.
pub fn render_reconcile_progress(report: &Reconciliation) -> String {
    let total = report.total.map_or_else(String::new, |total| format!(" of {total}"));
    format!(
        "comparing {}: {}{total} read, {} differ",
        clean_text(&report.target),
        report.counts.read,
        render_differing(report)
    )
}

/// Returns whether there are any differences from the desired state.
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

/// Renders why the reconciliation waits, and the next commands.
pub fn paused(report: &Reconciliation, paused: &PausedTarget) -> String {
    let (target, who, why) = (clean_text(&report.target), clean_text(&paused.who), clean_text(&paused.why));
    let look = match (report.dry_run, paused.only_grants) {
        (false, true) => {
            format!(
                "\n  usher reconcile {target} --cancel    cancels it; then --dry-run shows the current differences"
            )
        }
        _ => format!("\n  usher reconcile {target} --cancel    cancels it"),
    };
    format!(
        "{target} is paused by {who}: {why}\nThe reconciliation waits until the target is resumed:\n  usher target resume {target} \
         --why TEXT{look}"
    )
}

/// Renders the findings: counts, differing attributes, and the first differences.
pub fn render_reconciliation(report: &Reconciliation) -> String {
    let counts = &report.counts;
    let target = clean_text(&report.target);
    let kind = if report.dry_run {
        "dry run: nothing is changed"
    } else {
        "differences are corrected through the queue"
    };
    let mut text = match report.state {
        ReconcileState::Running => format!("{target}: running; {kind}\n"),
        ReconcileState::Finished => format!("{target}: finished; {kind}\n"),
        ReconcileState::Cancelled => format!("{target}: cancelled before everything was read\n"),
        ReconcileState::Failed => {
            format!(
                "{target}: FAILED: {}\n",
                clean_text(report.error.as_deref().unwrap_or("for an unknown reason"))
            )
        }
    };
    let mut table = TextTable::plain(2);
    let rows = [
        ("read", counts.read, ""),
        ("in sync", counts.in_sync, ""),
        ("in progress, or waiting for an operator", counts.busy, ""),
        ("drifted", counts.drifted, "attributes that the policy owns"),
        ("not kept by the target", counts.unkept, "written twice and reverted: no longer written"),
        ("gone", counts.gone, "linked, but no longer at the target"),
        ("orphans", counts.orphans, "not managed by Usher: not changed"),
        (
            "duplicates",
            counts.duplicates,
            "have the key of a person or group linked to another resource: not changed",
        ),
        ("unlinked", counts.unlinked, "have a key of Usher, but are not linked"),
        ("members missing", counts.members_missing, ""),
        ("members too many", counts.members_extra, "removed by Usher, and there again"),
        ("dangling references", counts.dangling, "managers and members that are not accounts"),
        ("groups that could not be read", counts.unreadable, "their members were not compared"),
        ("queued", counts.queued, "read again and corrected"),
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
