//! Targets, queues and lag.

use std::collections::BTreeMap;

use console::api::Status;

use super::table::Table;

/// One line per target, then the lag of each service.
pub fn render(status: &Status) -> String {
    let mut text = String::new();
    if status.targets.is_empty() {
        text.push_str("no targets are configured\n");
    } else {
        let mut table = Table::new(["TARGET", "CIRCUIT", "OWNER", "EPOCH", "QUEUE", "RESOURCES"]);
        for target in &status.targets {
            table.row([
                target.target.as_str(),
                &target.circuit,
                target.owner.as_deref().unwrap_or("nobody"),
                &target.epoch.to_string(),
                &counts(&target.queue),
                &counts(&target.resources),
            ]);
        }
        text.push_str(&table.render());
    }
    let mut lag = Table::new(["LAG", "MESSAGES"]);
    for (name, messages) in
        [("events", status.lag.events), ("commands", status.lag.commands), ("journal", status.lag.journal)]
    {
        lag.row([name, &messages.map_or_else(|| "unknown".to_owned(), |messages| messages.to_string())]);
    }
    text.push('\n');
    text.push_str(&lag.render());
    text
}

fn counts(counts: &BTreeMap<String, i64>) -> String {
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
            render(&status),
            "TARGET  CIRCUIT  OWNER   EPOCH  QUEUE  RESOURCES\n\
             zia     closed   nobody  3      -      user.in_sync=12\n\
             \n\
             LAG       MESSAGES\n\
             events    0\n\
             commands  7\n\
             journal   unknown\n"
        );
    }
}
