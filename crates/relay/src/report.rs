//! The backlog of the outbox as gauges, as readiness and as an answer to operators.

use bus::OutgoingMessage;
use lifecycle::{
    Actor, DiscardSetAsideRequest, Fact, FactRecord, OutboxReply, OutboxStatus, SET_ASIDE_MAX,
    SetAsideMessage, unix_micros,
};
use store::outbox::{self, OutboxBacklog, OutboxLane, SetAside};
use store::{ListPosition, StoreError};
use telemetry::{ReadinessLatch, chain};
use time::OffsetDateTime;

use crate::loss::{self, LOSS_ROW};
use crate::parcel::store_batch;
use crate::{DiscardedMessage, OutboxPublisher};

/// The maximum number of rows that [`OutboxPublisher::unpublished`] reads.
const UNPUBLISHED_ROWS_MAX: u64 = 500;

/// A message that the broker has not stored.
#[derive(Debug, Clone)]
pub struct UnpublishedMessage {
    /// The message.
    pub message: OutgoingMessage,
    /// The time since which the message waits.
    pub since: OffsetDateTime,
    /// The reason that the broker refuses the message permanently, if it does.
    pub refused: Option<String>,
}

/// The age, in seconds, above which a waiting command makes the service not ready.
const COMMAND_AGE_MAX_SECONDS: i64 = 60;

impl OutboxPublisher {
    /// Updates the gauges and the latch. A gauge that cannot be measured is absent.
    pub(crate) async fn measure(&self, latch: &ReadinessLatch) {
        match self.status().await {
            Ok(status) => {
                telemetry::metrics::set_outbox(
                    self.service,
                    &[
                        ("departures", status.departures, status.oldest_departure_seconds),
                        ("commands", status.commands, status.oldest_command_seconds),
                        ("facts", status.facts, status.oldest_fact_seconds),
                    ],
                    status.set_aside,
                );
                let oldest = status.oldest_departure_seconds.max(status.oldest_command_seconds).unwrap_or(0);
                if oldest > COMMAND_AGE_MAX_SECONDS {
                    latch
                        .close(format!("the oldest message that is not published has waited for {oldest} s"));
                } else {
                    latch.open();
                }
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not measure the outbox");
                telemetry::metrics::outbox_unknown(self.service);
            }
        }
    }

    /// Returns the size and age of the backlog, and the number of rows that are set aside.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn status(&self) -> Result<OutboxStatus, StoreError> {
        let reader = self.store.reader();
        let now = unix_micros(OffsetDateTime::now_utc());
        let age = |backlog: OutboxBacklog| backlog.oldest.map(|oldest| (now - oldest).max(0) / 1_000_000);
        let departures = outbox::lane_backlog(reader, self.service, OutboxLane::Departures).await?;
        let commands = outbox::lane_backlog(reader, self.service, OutboxLane::Commands).await?;
        let facts = outbox::lane_backlog(reader, self.service, OutboxLane::Facts).await?;
        let dropped =
            loss::read_loss(self.service, outbox::get_row(reader, self.service, LOSS_ROW).await?.as_ref());
        Ok(OutboxStatus {
            service: self.service.to_owned(),
            departures: departures.rows,
            commands: commands.rows,
            facts: facts.rows,
            oldest_departure_seconds: age(departures),
            oldest_command_seconds: age(commands),
            oldest_fact_seconds: age(facts),
            set_aside: outbox::count_set_aside(reader, self.service).await?,
            facts_dropped: dropped.known(),
        })
    }

    /// Returns the first messages that are set aside, with the status.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn set_aside(&self) -> Result<OutboxReply, StoreError> {
        self.set_aside_after(None, SET_ASIDE_MAX).await
    }

    /// Returns the messages that are set aside and come after a position, with the status.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn set_aside_after(
        &self,
        after: Option<&ListPosition>,
        limit: u64,
    ) -> Result<OutboxReply, StoreError> {
        let limit = limit.clamp(1, SET_ASIDE_MAX);
        let mut rows = outbox::set_aside(self.store.reader(), self.service, after, limit + 1).await?;
        let more = store::cut_to_limit(&mut rows, limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| self.position_of(row).to_cursor());
        let set_aside = rows.into_iter().map(aside_message).collect();
        Ok(OutboxReply { status: self.status().await?, set_aside, next_cursor })
    }

    fn position_of(&self, row: &SetAside) -> ListPosition {
        let (service, id) = (self.service.to_owned(), row.id.clone());
        ListPosition { is_departure: false, at: row.created_at, service, id }
    }

    /// Returns the departures and commands that the broker has not stored, oldest first, from at most [`UNPUBLISHED_ROWS_MAX`] rows.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn unpublished(&self) -> Result<Vec<UnpublishedMessage>, StoreError> {
        let rows = outbox::unpublished(self.store.reader(), self.service, UNPUBLISHED_ROWS_MAX).await?;
        let told = rows.into_iter().flat_map(|(row, refused)| {
            // The sweep that finds an unreadable row sets it aside.
            let messages = crate::parcel::decode_messages(&row.messages).unwrap_or_default();
            messages.into_iter().map(move |message| UnpublishedMessage {
                message,
                since: moment_of(row.created_at),
                refused: refused.clone(),
            })
        });
        Ok(told.collect())
    }

    /// Discards a message that is set aside, and publishes a fact about it in the same transaction.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn discard_set_aside(
        &self,
        request: &DiscardSetAsideRequest,
    ) -> Result<DiscardedMessage, StoreError> {
        let row = outbox::get_set_aside(self.store.reader(), self.service, &request.id).await?;
        let Some(row) = row.filter(|row| row.id != LOSS_ROW) else {
            return Ok(DiscardedMessage::NotFound);
        };
        if row.lane == OutboxLane::Departures {
            return Ok(DiscardedMessage::TakesAccessAway);
        }
        let tx = self.store.begin().await?;
        outbox::delete_rows(&tx, self.service, std::slice::from_ref(&row.id)).await?;
        let Actor { who, why } = request.actor.clone();
        let message = format!("{} ({} bytes of {}: {})", row.id, row.size, row.lane.as_str(), row.cause);
        let fact = FactRecord {
            id: format!("discarded:{}:{}:{}", self.service, row.id, row.created_at),
            at: OffsetDateTime::now_utc(),
            subject: format!("service:{}", self.service),
            trace: None,
            fact: Fact::MessageDiscarded { service: self.service.to_owned(), message, who, why },
        };
        let parcel = store_batch(&tx, self.service, OutgoingMessage::facts(self.service, &[fact])).await?;
        tx.commit().await.map_err(StoreError::statement("discard a message"))?;
        self.send(parcel).await;
        self.set_aside().await.map(DiscardedMessage::Done)
    }

    /// Tries to publish a message that was set aside again, for example after the broker accepts larger messages.
    /// If the broker refuses it again, it is first in the answer. Returns `None` if there is no such message.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn retry_set_aside(&self, id: &str) -> Result<Option<OutboxReply>, StoreError> {
        if id == LOSS_ROW || !outbox::take_back(self.store.writer(), self.service, id).await? {
            return Ok(None);
        }
        self.sweep(time::Duration::ZERO).await?;
        let again = outbox::set_aside_of(self.store.reader(), self.service, id).await?;
        let again: Vec<SetAsideMessage> = again.into_iter().map(aside_message).collect();
        let mut reply = self.set_aside().await?;
        reply.set_aside.retain(|message| !again.contains(message));
        reply.set_aside.splice(0..0, again);
        Ok(Some(reply))
    }
}

fn aside_message(row: SetAside) -> SetAsideMessage {
    SetAsideMessage {
        id: row.id,
        since: moment_of(row.created_at),
        bytes: row.size,
        lane: row.lane.as_str().to_owned(),
        cause: row.cause,
    }
}

fn moment_of(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
