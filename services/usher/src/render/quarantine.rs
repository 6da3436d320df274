//! Rendering of quarantined messages.

use lifecycle::{QuarantineReply, RetryOutcome, RetryQuarantinedReply};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::clean_text;
use super::table::TextTable;

/// Renders quarantined messages, one line each.
pub fn render_quarantine(reply: &QuarantineReply) -> String {
    let mut text = String::new();
    for service in &reply.unavailable {
        text.push_str(&format!("the {} does not answer: its quarantine is not shown\n", clean_text(service)));
    }
    if reply.total == 0 {
        if reply.unavailable.is_empty() {
            text.push_str("nothing is in quarantine\n");
        }
        return text;
    }
    let mut table = TextTable::new(["SINCE", "WHAT", "SUBJECT", "REASON", "CAUSE", "ID"]);
    for item in &reply.items {
        let what = if item.departure { format!("{} (departure)", item.kind) } else { item.kind.clone() };
        let since = OffsetDateTime::from_unix_timestamp(item.at / 1_000_000).ok();
        let since = since.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
        table.row([&*since, &what, &item.subject, &item.reason, &item.cause, &item.id]);
    }
    text.push_str(&table.render());
    let shown = reply.items.len() as u64;
    if shown < reply.total {
        text.push_str(&format!("{shown} of {} are shown: see --limit\n", reply.total));
    }
    text.push_str("\nonce the cause is fixed: usher quarantine retry ID --why TEXT\n");
    text
}

/// Renders the outcome of each retried message, one line each.
pub fn render_retried(reply: &RetryQuarantinedReply) -> String {
    let line = |item: &lifecycle::RetriedItem| match item.outcome {
        RetryOutcome::Done => format!("{}: done\n", clean_text(&item.id)),
        RetryOutcome::Refused => {
            format!("{}: still in quarantine: {}\n", clean_text(&item.id), clean_text(&item.cause))
        }
        RetryOutcome::NotFound => format!("{}: is not in quarantine\n", clean_text(&item.id)),
    };
    reply.items.iter().map(line).collect()
}
