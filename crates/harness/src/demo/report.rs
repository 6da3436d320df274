//! The table at the end.

use std::fmt;
use std::time::Duration;

use super::script::AcceptedMessages;
use crate::people::PopulationShape;
use crate::world::MetricsPage;

const ATTEMPTS: &str = "usher_attempts_total";
const LATENCY: &str = "usher_accept_to_target_seconds";
const MEMBERSHIP_OPERATIONS: [&str; 2] = ["add_members", "remove_members"];
/// The classes of attempts that had to be repeated.
const RETRIED: [&str; 4] = ["transient", "throttled", "unavailable", "outcome_unknown"];

/// The figures of one run.
#[derive(Debug)]
pub struct DemoReport {
    pub(super) shape: PopulationShape,
    pub(super) accepted: AcceptedMessages,
    pub(super) elapsed: Duration,
    pub(super) metrics: MetricsPage,
    pub(super) dead: usize,
    pub(super) memberships: usize,
}

impl DemoReport {
    /// Returns the number of successful SCIM requests of an operation.
    fn done(&self, operation: &str) -> usize {
        whole_number(self.metrics.sum(ATTEMPTS, &[("operation", operation), ("class", "success")]))
    }

    /// Returns the number of SCIM requests sent of an operation.
    fn sent(&self, operation: &str) -> usize {
        whole_number(self.metrics.sum(ATTEMPTS, &[("operation", operation)]))
    }

    fn retries(&self) -> usize {
        RETRIED.iter().map(|class| whole_number(self.metrics.sum(ATTEMPTS, &[("class", class)]))).sum()
    }

    /// Returns the number of requests per change of an account or group, including
    /// lookups. Memberships are excluded, because one request carries many of them.
    fn requests_per_change(&self) -> Option<f64> {
        let sent = self.metrics.by_label(ATTEMPTS, "operation");
        let is_membership = |name: &str| MEMBERSHIP_OPERATIONS.contains(&name);
        let requests: f64 = sent.iter().filter(|(name, _)| !is_membership(name)).map(|(_, n)| n).sum();
        let changes: usize = sent
            .keys()
            .filter(|name| !is_membership(name) && !matches!(name.as_str(), "lookup" | "get" | "members"))
            .map(|name| self.done(name))
            .sum();
        (changes > 0).then(|| requests / changes as f64)
    }

    fn latency(&self, lane: &str) -> String {
        match self.metrics.quantiles(LATENCY, &[("lane", lane)]) {
            Some(q) => {
                format!(
                    "{} / {}  ({} settled)",
                    format_seconds(q.p50),
                    format_seconds(q.p99),
                    format_thousands(whole_number(q.count))
                )
            }
            None => "-".to_owned(),
        }
    }

    fn requests(&self) -> String {
        let sent = self.metrics.by_label(ATTEMPTS, "operation");
        let total: f64 = sent.values().sum();
        let parts: Vec<String> = sent
            .iter()
            .filter(|(_, n)| **n > 0.0)
            .map(|(name, n)| format!("{name} {}", format_thousands(whole_number(*n))))
            .collect();
        format!("{}  ({})", format_thousands(whole_number(total)), parts.join(", "))
    }

    /// Returns the rows of the table: label and value.
    fn rows(&self) -> Vec<(&'static str, String)> {
        let PopulationShape { people, departments, groups, .. } = self.shape;
        let per_membership: usize = MEMBERSHIP_OPERATIONS.iter().map(|name| self.sent(name)).sum();
        vec![
            (
                "company",
                format!("{} people, {departments} departments, {groups} groups", format_thousands(people)),
            ),
            (
                "accepted",
                format!(
                    "{} events in {} posts",
                    format_thousands(self.accepted.events),
                    format_thousands(self.accepted.posts)
                ),
            ),
            ("created", format_thousands(self.done("create"))),
            ("updated", format_thousands(self.done("update") + self.done("enable"))),
            ("disabled", format_thousands(self.done("disable"))),
            (
                "memberships",
                format!("{}  (by {per_membership} requests)", format_thousands(self.memberships)),
            ),
            ("SCIM requests sent", self.requests()),
            ("requests per change", self.requests_per_change().map_or("-".to_owned(), |n| format!("{n:.2}"))),
            ("accept to target p50 / p99", String::new()),
            ("  joiners", self.latency("joiner")),
            ("  movers", self.latency("mover")),
            ("  leavers", self.latency("leaver")),
            ("retries", format_thousands(self.retries())),
            ("dead letters", format_thousands(self.dead)),
            ("time", format_seconds(self.elapsed.as_secs_f64())),
        ]
    }
}

impl fmt::Display for DemoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, value) in self.rows() {
            writeln!(f, "  {label:<28} {value}")?;
        }
        writeln!(
            f,
            "  (latencies are read off the writer's histogram {LATENCY} and interpolated inside its buckets;"
        )?;
        writeln!(f, "   those of joiners include waiting behind the others who came in the same burst)")
    }
}

/// Formats `1234567` as `1,234,567`.
pub(super) fn format_thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn format_seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1_000.0) } else { format!("{seconds:.1} s") }
}

/// Rounds a counter, which is an integer in floating point.
fn whole_number(value: f64) -> usize {
    value.round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let texts = [0, 999, 1_000, 1_234_567].map(format_thousands);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0123, 12.34].map(format_seconds), ["12 ms", "12.3 s"]);
    }
}
