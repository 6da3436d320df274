//! Descriptions of the findings for operators.

use bus::StreamPosition;

use crate::tables::ConsumerPosition;
use crate::{Recovery, RecoveryFinding, RecoveryResult, judge};

impl Recovery {
    /// Checks that the consumer and its stream are the same as before.
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

    /// Describes a finding for operators; `None` if there is nothing to report.
    pub(crate) fn in_words(&self, finding: RecoveryFinding) -> Option<String> {
        let service = self.service;
        Some(match finding {
            RecoveryFinding::Fresh | RecoveryFinding::Same => return None,
            RecoveryFinding::Restored => format!(
                "the {service}'s database comes from an older backup: the service reads again what the streams still hold; \
                 decisions that operators made since the backup are missing"
            ),
            RecoveryFinding::Empty => format!(
                "the {service}'s database is empty, although there was one before: the service reads everything that the streams still hold"
            ),
            RecoveryFinding::BrokerRestored => format!(
                "the broker's store is older than the {service}'s database, or new: messages that were stored there since may be lost"
            ),
            RecoveryFinding::Foreign => {
                format!("the {service}'s database and the broker belong to different installations")
            }
        })
    }

    /// Describes a mark at the broker that cannot be read.
    pub(crate) fn unreadable_in_words(&self, why: &str) -> String {
        let service = self.service;
        format!(
            "the {service}'s mark at the broker cannot be read ({why}), so its database counts as restored: \
             the service reads again what the streams still hold"
        )
    }

    /// Describes a stream that was lost and created again.
    pub(crate) fn made_again_in_words(&self, at: &StreamPosition) -> String {
        let (service, stream) = (self.service, &at.stream);
        format!(
            "the stream {stream} was lost and created again: messages that the {service} had not read are gone"
        )
    }

    /// Describes a consumer that was deleted.
    pub(crate) fn deleted_in_words(&self, at: &StreamPosition) -> String {
        let (service, stream, durable) = (self.service, &at.stream, &at.durable);
        format!(
            "the consumer {durable} of {stream} was deleted: the {service} reads again everything that the stream still holds"
        )
    }

    /// Describes a database that was restored with `usher restore`.
    pub(crate) fn restored_in_words(&self, at: i64) -> String {
        let (service, at) = (self.service, in_words(at));
        format!(
            "the {service}'s database was restored from a backup of {at}; sources must send again what they stated since then"
        )
    }

    /// Describes messages that are gone, and counts them in the metrics.
    pub(crate) fn lost_in_words(&self, at: &StreamPosition, first: u64, last: u64) -> String {
        telemetry::metrics::messages_lost(&at.stream, &at.durable, last - first + 1);
        let (service, stream, count) = (self.service, &at.stream, last - first + 1);
        format!(
            "{count} messages of {stream} ({first} to {last}) are gone, and the {service}'s database does not contain them"
        )
    }
}

/// Formats a time in microseconds since the Unix epoch for operators.
pub(crate) fn in_words(micros: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok();
    let text = at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
    text.unwrap_or_else(|| format!("{micros} \u{b5}s"))
}
