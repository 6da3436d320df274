//! What was found, in words for operators.

use bus::StreamPosition;

use crate::tables::ConsumerPosition;
use crate::{Recovery, RecoveryFinding, RecoveryResult, judge};

impl Recovery {
    /// Whether the consumer and its stream are those of before.
    pub(crate) fn look_at_consumer(
        &self,
        at: &StreamPosition,
        known: Option<&ConsumerPosition>,
        found: &mut RecoveryResult,
    ) {
        if judge::is_another_stream(at, known) {
            found.has_other_stream = true;
            found.news.push(self.made_again_in_words(at));
        } else if !at.exists {
            found.news.push(self.deleted_in_words(at));
        }
    }

    pub(crate) fn in_words(&self, finding: RecoveryFinding) -> Option<String> {
        let service = self.service;
        Some(match finding {
            RecoveryFinding::Fresh | RecoveryFinding::Same => return None,
            RecoveryFinding::Restored => format!(
                "the {service}'s database is an older one: it was restored; it reads again what the streams still hold; \
                 what operators decided since is not in it"
            ),
            RecoveryFinding::Empty => format!(
                "the {service}'s database is empty, and there was one before: it reads everything that the streams still hold"
            ),
            RecoveryFinding::BrokerRestored => format!(
                "the broker's store is older than the {service}'s database, or new: what was stored there since may be lost"
            ),
            RecoveryFinding::Foreign => {
                format!("the {service}'s database belongs to another installation than the broker")
            }
        })
    }

    pub(crate) fn unreadable_in_words(&self, why: &str) -> String {
        let service = self.service;
        format!(
            "what the {service} last left at the broker cannot be read ({why}), so its database counts as restored; it reads again what the streams still hold"
        )
    }

    pub(crate) fn made_again_in_words(&self, at: &StreamPosition) -> String {
        let (service, stream) = (self.service, &at.stream);
        format!(
            "the stream {stream} was lost and made again: what it held and the {service} had not read is gone"
        )
    }

    pub(crate) fn deleted_in_words(&self, at: &StreamPosition) -> String {
        let (service, stream, durable) = (self.service, &at.stream, &at.durable);
        format!(
            "the consumer {durable} of {stream} was deleted: the {service} reads again everything that the stream still holds"
        )
    }

    pub(crate) fn restored_in_words(&self, at: i64) -> String {
        let (service, at) = (self.service, in_words(at));
        format!(
            "the {service}'s database was restored from a backup of {at}; what sources said since then has to be said again"
        )
    }

    pub(crate) fn lost_in_words(&self, at: &StreamPosition, first: u64, last: u64) -> String {
        telemetry::metrics::messages_lost(&at.stream, &at.durable, last - first + 1);
        let (service, stream, count) = (self.service, &at.stream, last - first + 1);
        format!(
            "{count} messages of {stream} ({first} to {last}) are gone, and the {service}'s database does not contain them"
        )
    }
}

/// A time in microseconds since the Unix epoch, for operators.
pub(crate) fn in_words(micros: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok();
    let text = at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
    text.unwrap_or_else(|| format!("{micros} \u{b5}s"))
}
