//! Rendering of unpublished messages.

use console::api::OutboxList;
use lifecycle::{OutboxReply, OutboxStatus, SetAsideMessage};
use time::format_description::well_known::Rfc3339;

use super::clean_text;
use super::table::TextTable;

/// Renders the backlog of each service, then the messages that are set aside.
pub fn render_outboxes(outboxes: &OutboxList) -> String {
    let mut text = String::new();
    for problem in &outboxes.unavailable {
        text.push_str(&format!("{} [code {}]\n", clean_text(&problem.detail), clean_text(&problem.code)));
    }
    text.extend(outboxes.outboxes.iter().map(render_backlog));
    text + &render_messages(outboxes.items.iter().map(|item| (item.service.as_str(), &item.message)))
}

/// Renders the backlog of one service, then the messages that are set aside.
pub fn render_outbox(reply: &OutboxReply) -> String {
    let messages = reply.set_aside.iter().map(|message| (reply.status.service.as_str(), message));
    render_backlog(&reply.status) + &render_messages(messages)
}

fn render_backlog(status: &OutboxStatus) -> String {
    format!(
        "{}: {} batches of departures, {} of commands and {} of facts wait; {} set aside\n",
        clean_text(&status.service),
        status.departures,
        status.commands,
        status.facts,
        status.set_aside
    )
}

fn render_messages<'a>(messages: impl Iterator<Item = (&'a str, &'a SetAsideMessage)>) -> String {
    let mut messages = messages.peekable();
    if messages.peek().is_none() {
        return String::new();
    }
    let mut table = TextTable::new(["SERVICE", "ID", "SINCE", "KIND", "BYTES", "CAUSE"]);
    for (service, message) in messages {
        let since = message.since.format(&Rfc3339).unwrap_or_default();
        let bytes = message.bytes.to_string();
        table.row([service, message.id.as_str(), &since, &message.lane, &bytes, &message.cause]);
    }
    table.render()
}
