//! The bound on waiting facts. Beyond it the oldest are dropped, and their number is kept for operators.

use serde::{Deserialize, Serialize};
use store::StoreError;
use store::outbox::{self, OutboxLane, OutboxRow};
use store::quarantine::QuarantineReason;
use telemetry::chain;
use time::OffsetDateTime;

use crate::OutboxPublisher;
use crate::parcel::decode_messages;

/// The key of the row with the number of dropped messages.
pub(crate) const LOSS_ROW: &str = "facts-dropped";

/// The number of messages dropped so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DroppedFacts {
    pub(crate) messages: u64,
    /// `true` if an earlier count could not be read.
    #[serde(default)]
    pub(crate) is_at_least: bool,
}

impl DroppedFacts {
    /// Returns the known number; at least 1 if a message was dropped.
    pub(crate) fn known(self) -> u64 {
        self.messages.max(u64::from(self.is_at_least))
    }
}

impl OutboxPublisher {
    /// Sets the maximum size of waiting facts, in bytes; for tests.
    #[must_use]
    pub fn with_facts_bytes_max(self, facts_bytes_max: i64) -> Self {
        Self { facts_bytes_max, ..self }
    }

    /// Drops the oldest facts while more wait than the bound allows.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub(crate) async fn drop_oldest_facts(&self) -> Result<(), StoreError> {
        let reader = self.store.reader();
        let mut excess =
            outbox::lane_backlog(reader, self.service, OutboxLane::Facts).await?.bytes - self.facts_bytes_max;
        while excess > 0 {
            let now = OffsetDateTime::now_utc();
            let oldest = outbox::stale_rows(reader, self.service, OutboxLane::Facts, now, None).await?;
            let mut dropped: Vec<OutboxRow> = Vec::new();
            for row in oldest {
                if excess <= 0 {
                    break;
                }
                excess -= i64::try_from(row.messages.len()).unwrap_or(i64::MAX);
                dropped.push(row);
            }
            if dropped.is_empty() {
                return Ok(());
            }
            self.drop_rows(&dropped).await?;
        }
        Ok(())
    }

    async fn drop_rows(&self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        let messages: usize =
            rows.iter().map(|row| decode_messages(&row.messages).map_or(1, |read| read.len())).sum();
        let tx = self.store.begin().await?;
        let before = outbox::get_row(&tx, self.service, LOSS_ROW).await?;
        let loss = read_loss(self.service, before.as_ref());
        let total = DroppedFacts { messages: loss.messages + messages as u64, ..loss };
        let json = serde_json::to_string(&total).expect("a number is plain data");
        let at_least = if total.is_at_least { "at least " } else { "" };
        let cause =
            format!("{at_least}{} messages with facts were dropped because JOURNAL was full", total.messages);
        if before.is_some() {
            outbox::replace_messages(&tx, self.service, OutboxLane::Facts, LOSS_ROW, json).await?;
            outbox::mark_aside(&tx, self.service, LOSS_ROW, &cause).await?;
        } else {
            let created_at = rows.first().map_or(0, |row| row.created_at);
            let row = OutboxRow { id: LOSS_ROW.to_owned(), created_at, messages: json };
            outbox::put_aside(&tx, self.service, OutboxLane::Facts, &row, &cause).await?;
        }
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        outbox::delete_rows(&tx, self.service, &ids).await?;
        tx.commit().await.map_err(StoreError::statement("drop facts that wait"))?;
        telemetry::metrics::facts_dropped(self.service, messages as u64);
        tracing::error!(messages, total = total.messages, "facts were dropped because JOURNAL is full");
        Ok(())
    }
}

/// Returns the count in the row, or zero if there is no row. If the row cannot be read, at least one message was dropped.
pub(crate) fn read_loss(service: &str, row: Option<&OutboxRow>) -> DroppedFacts {
    let Some(row) = row else { return DroppedFacts::default() };
    serde_json::from_str(&row.messages).unwrap_or_else(|error| {
        telemetry::metrics::count_quarantined(service, QuarantineReason::StateUnreadable.as_str());
        tracing::error!(
            service,
            error = chain(&error),
            "how many facts were dropped before cannot be read: it is counted from now on"
        );
        DroppedFacts { messages: 0, is_at_least: true }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_cannot_be_read_is_never_taken_for_none() {
        let row = |messages: &str| OutboxRow {
            id: LOSS_ROW.to_owned(),
            created_at: 0,
            messages: messages.to_owned(),
        };
        assert_eq!(read_loss("mapper", None).known(), 0);
        assert_eq!(read_loss("mapper", Some(&row(r#"{"messages":7}"#))).known(), 7);
        assert_eq!(read_loss("mapper", Some(&row("{damaged"))).known(), 1);
    }
}
