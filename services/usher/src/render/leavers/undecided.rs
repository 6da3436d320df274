//! Rendering of undecided input, which may contain a departure.

use lifecycle::UndecidedCounts;

/// Renders one line with each kind and the command that lists it; empty if everything is decided.
pub(super) fn footer(counts: &UndecidedCounts) -> String {
    if counts.is_nothing() {
        return String::new();
    }
    let quarantine = match counts.quarantined_departures {
        0 => "in quarantine".to_owned(),
        departures => format!("in quarantine, {departures} of them departures"),
    };
    let kinds = [
        (counts.unread, "unreadable value", "unreadable values", "", "usher people unread"),
        (counts.contradictions, "contradiction", "contradictions", "", "usher people contradictions"),
        (counts.unbuilt, "person", "people", "who cannot be built", "usher people unbuilt"),
        (
            counts.refused_departures,
            "departure",
            "departures",
            "that the sender may not state",
            "usher people refused --departures",
        ),
        (
            counts.record_conflicts,
            "record",
            "records",
            "that may be another person's",
            "usher people conflicts ls",
        ),
        (counts.held_feeds, "feed", "feeds", "held", "usher feed ls"),
        (counts.quarantined, "message", "messages", &quarantine, "usher quarantine ls"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many, more, command)| {
            let noun = if count == 1 { one } else { many };
            let space = if more.is_empty() { "" } else { " " };
            format!("{count} {noun}{space}{more} (`{command}`)")
        })
        .collect();
    format!("\nNot decided: {}\n", kinds.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: fn(&mut UndecidedCounts)) -> String {
        let mut counts = UndecidedCounts::default();
        change(&mut counts);
        footer(&counts)
    }

    #[test]
    fn each_kind_of_what_is_not_decided_is_named_with_its_command_and_nothing_else_is() {
        let says = |text: &str| format!("\nNot decided: {text}\n");
        assert_eq!(line(|_| ()), "");
        assert_eq!(line(|it| it.unread = 3), says("3 unreadable values (`usher people unread`)"));
        assert_eq!(line(|it| it.contradictions = 1), says("1 contradiction (`usher people contradictions`)"));
        assert_eq!(line(|it| it.unbuilt = 2), says("2 people who cannot be built (`usher people unbuilt`)"));
        assert_eq!(
            line(|it| it.refused_departures = 2),
            says("2 departures that the sender may not state (`usher people refused --departures`)")
        );
        assert_eq!(
            line(|it| it.record_conflicts = 1),
            says("1 record that may be another person's (`usher people conflicts ls`)")
        );
        assert_eq!(line(|it| it.held_feeds = 1), says("1 feed held (`usher feed ls`)"));
        assert_eq!(line(|it| it.quarantined = 2), says("2 messages in quarantine (`usher quarantine ls`)"));
        let both = line(|it| (it.unread, it.quarantined, it.quarantined_departures) = (1, 4, 1));
        assert_eq!(
            both,
            says(
                "1 unreadable value (`usher people unread`), 4 messages in quarantine, 1 of them departures (`usher quarantine ls`)"
            )
        );
    }
}
