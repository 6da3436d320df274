//! What waits to be published, and what is set aside.

use console::api::Outboxes;
use lifecycle::OutboxReply;
use time::format_description::well_known::Rfc3339;

use super::clean;
use super::table::Table;

/// The outbox of each service.
pub fn list(outboxes: &Outboxes) -> String {
    let mut text = String::new();
    for problem in &outboxes.unavailable {
        text.push_str(&format!("{} [code {}]\n", clean(&problem.detail), clean(&problem.code)));
    }
    let parts: Vec<String> = outboxes.outboxes.iter().map(one).collect();
    text + &parts.join("\n")
}

/// What waits at one service, then the messages that are set aside.
pub fn one(reply: &OutboxReply) -> String {
    let status = &reply.status;
    let mut text = format!(
        "{}: {} batches of departures, {} of commands and {} of facts wait; {} set aside\n",
        clean(&status.service),
        status.departures,
        status.commands,
        status.facts,
        status.set_aside
    );
    if reply.set_aside.is_empty() {
        return text;
    }
    let mut table = Table::new(["ID", "SINCE", "KIND", "BYTES", "CAUSE"]);
    for message in &reply.set_aside {
        let since = message.since.format(&Rfc3339).unwrap_or_default();
        let bytes = message.bytes.to_string();
        table.row([message.id.as_str(), &since, &message.lane, &bytes, &message.cause]);
    }
    text.push_str(&table.render());
    text
}
