//! Rendering of unpublished messages.

use console::api::OutboxList;
use lifecycle::OutboxReply;
use time::format_description::well_known::Rfc3339;

use super::clean_text;
use super::table::TextTable;

/// Renders the outbox of each service.
pub fn render_outboxes(outboxes: &OutboxList) -> String {
    let mut text = String::new();
    for problem in &outboxes.unavailable {
        text.push_str(&format!("{} [code {}]\n", clean_text(&problem.detail), clean_text(&problem.code)));
    }
    let parts: Vec<String> = outboxes.outboxes.iter().map(render_outbox).collect();
    text + &parts.join("\n")
}

/// Renders the waiting messages of one service, then the messages that are set aside.
pub fn render_outbox(reply: &OutboxReply) -> String {
    let status = &reply.status;
    let mut text = format!(
        "{}: {} batches of departures, {} of commands and {} of facts wait; {} set aside\n",
        clean_text(&status.service),
        status.departures,
        status.commands,
        status.facts,
        status.set_aside
    );
    if reply.set_aside.is_empty() {
        return text;
    }
    let mut table = TextTable::new(["ID", "SINCE", "KIND", "BYTES", "CAUSE"]);
    for message in &reply.set_aside {
        let since = message.since.format(&Rfc3339).unwrap_or_default();
        let bytes = message.bytes.to_string();
        table.row([message.id.as_str(), &since, &message.lane, &bytes, &message.cause]);
    }
    text.push_str(&table.render());
    text
}
