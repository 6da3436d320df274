//! The table at the end.

use std::fmt;
use std::time::Duration;

use super::script::Accepted;
use crate::people::Shape;
use crate::world::Metrics;

const ATTEMPTS: &str = "usher_attempts_total";
const LATENCY: &str = "usher_accept_to_target_seconds";
const MEMBERSHIP_OPERATIONS: [&str; 2] = ["add_members", "remove_members"];
/// Attempts that had to be made again.
const RETRIED: [&str; 4] = ["transient", "throttled", "unavailable", "outcome_unknown"];

/// The figures of one run.
#[derive(Debug)]
pub struct Report {
    pub(super) shape: Shape,
    pub(super) accepted: Accepted,
    pub(super) elapsed: Duration,
    pub(super) metrics: Metrics,
    pub(super) dead: usize,
    pub(super) memberships: usize,
}

impl Report {
    /// SCIM requests that worked, by operation.
    fn done(&self, operation: &str) -> usize {
        count(self.metrics.sum(ATTEMPTS, &[("operation", operation), ("class", "success")]))
    }

    /// SCIM requests that were sent, by operation.
    fn sent(&self, operation: &str) -> usize {
        count(self.metrics.sum(ATTEMPTS, &[("operation", operation)]))
    }

    fn retries(&self) -> usize {
        RETRIED.iter().map(|class| count(self.metrics.sum(ATTEMPTS, &[("class", class)]))).sum()
    }

    /// Requests that created, changed or removed accounts and groups, and the looking before; memberships apart,
    /// because one request carries many of them.
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
                format!("{} / {}  ({} settled)", seconds(q.p50), seconds(q.p99), thousands(count(q.count)))
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
            .map(|(name, n)| format!("{name} {}", thousands(count(*n))))
            .collect();
        format!("{}  ({})", thousands(count(total)), parts.join(", "))
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let Shape { people, departments, groups, .. } = self.shape;
        let per_membership: usize = MEMBERSHIP_OPERATIONS.iter().map(|name| self.sent(name)).sum();
        vec![
            ("company", format!("{} people, {departments} departments, {groups} groups", thousands(people))),
            (
                "accepted",
                format!(
                    "{} events in {} posts",
                    thousands(self.accepted.events),
                    thousands(self.accepted.posts)
                ),
            ),
            ("created", thousands(self.done("create"))),
            ("updated", thousands(self.done("update") + self.done("enable"))),
            ("disabled", thousands(self.done("disable"))),
            ("memberships", format!("{}  (by {per_membership} requests)", thousands(self.memberships))),
            ("SCIM requests sent", self.requests()),
            ("requests per change", self.requests_per_change().map_or("-".to_owned(), |n| format!("{n:.2}"))),
            ("accept to target p50 / p99", String::new()),
            ("  joiners", self.latency("joiner")),
            ("  movers", self.latency("mover")),
            ("  leavers", self.latency("leaver")),
            ("retries", thousands(self.retries())),
            ("dead letters", thousands(self.dead)),
            ("time", seconds(self.elapsed.as_secs_f64())),
        ]
    }
}

impl fmt::Display for Report {
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

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: usize) -> String {
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

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1_000.0) } else { format!("{seconds:.1} s") }
}

/// Counters are whole numbers that travel as floating point.
fn count(value: f64) -> usize {
    value.round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let texts = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0123, 12.34].map(seconds), ["12 ms", "12.3 s"]);
    }
}
