//! The outcome of a row whose messages were passed to the bus.

use bus::{OutgoingMessage, PublishError, PublishedMessage, StreamName};
use store::outbox::{self, OutboxLane, OutboxRow};
use store::{Store, StoreError};
use telemetry::chain;

use crate::OutboxPublisher;
use crate::parcel::{decode_messages, encode_messages, lane_of};

/// The outcome of publishing one row.
#[derive(Debug)]
pub(crate) enum RowOutcome {
    /// JetStream has stored all messages.
    Published,
    /// Some messages must still be published.
    Left(PublishError),
    /// Some messages can never be published and are set aside; JetStream has stored the rest.
    SetAside(PublishError),
}

impl OutboxPublisher {
    /// Updates the row according to the results of the bus.
    pub(crate) async fn settle(
        &self,
        id: &str,
        lane: OutboxLane,
        results: &[Result<PublishedMessage, PublishError>],
    ) -> RowOutcome {
        let Some(error) = first_error(results) else {
            self.published.lock().await.push(id.to_owned());
            return RowOutcome::Published;
        };
        tracing::warn!(
            outbox_row = %id, lane = lane.as_str(), error = chain(&error), "could not publish all of an outbox row"
        );
        // A row with no stored and no refused message stays as it is.
        let is_partly_done = results.iter().any(|result| match result {
            Ok(_) => true,
            Err(error) => error.is_final(),
        });
        if is_partly_done && let Err(error) = self.keep_the_rest(id, results).await {
            // The row is published again as a whole, which is harmless.
            let error = chain(&error);
            tracing::warn!(outbox_row = %id, error, "could not bring an outbox row up to date");
        }
        if error.is_final() { RowOutcome::SetAside(error) } else { RowOutcome::Left(error) }
    }

    /// In one transaction: moves messages that can never be published to rows that are set aside, keeps the messages
    /// that must still be published, and removes the published ones.
    async fn keep_the_rest(
        &self,
        id: &str,
        results: &[Result<PublishedMessage, PublishError>],
    ) -> Result<(), StoreError> {
        let Some(row) = outbox::get_row(self.store.reader(), self.service, id).await? else { return Ok(()) };
        let Ok(messages) = decode_messages(&row.messages) else { return Ok(()) };
        if messages.len() != results.len() {
            return Ok(()); // another replica updated the row first
        }
        let mut rest: Vec<OutgoingMessage> = Vec::new();
        let mut refused: Vec<(OutgoingMessage, String)> = Vec::new();
        for (message, result) in messages.into_iter().zip(results) {
            match result {
                Ok(_) => {}
                Err(error) if error.is_final() => refused.push((message, error.to_string())),
                Err(_) => rest.push(message),
            }
        }
        write_outcome(&self.store, self.service, &row, &rest, &refused).await?;
        for (message, cause) in &refused {
            let feed = message.feed();
            tracing::error!(outbox_row = %id, ?feed, message = message.id(), cause, "a message is set aside");
        }
        telemetry::metrics::outbox_set_aside(self.service, refused.len() as u64);
        Ok(())
    }
}

/// Writes the outcome of a row in one transaction: the refused messages, and the rest of the row.
async fn write_outcome(
    store: &Store,
    service: &str,
    row: &OutboxRow,
    rest: &[OutgoingMessage],
    refused: &[(OutgoingMessage, String)],
) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    for (number, (message, cause)) in refused.iter().enumerate() {
        let id = aside_id(row, number, message);
        // The latest refused command about an account replaces the earlier one.
        let before = outbox::get_row(&tx, service, &id).await?;
        outbox::delete_rows(&tx, service, std::slice::from_ref(&id)).await?;
        let created_at = before.map_or(row.created_at, |before| before.created_at);
        let aside = OutboxRow { id, created_at, messages: encode_messages(std::slice::from_ref(message)) };
        outbox::put_aside(&tx, service, lane_of(message), &aside, cause).await?;
    }
    let is_aside_again = refused.len() == 1 && aside_id(row, 0, &refused[0].0) == row.id;
    match rest.iter().map(lane_of).min() {
        None if is_aside_again => {}
        Some(lane) => outbox::replace_messages(&tx, service, lane, &row.id, encode_messages(rest)).await?,
        None => outbox::delete_rows(&tx, service, std::slice::from_ref(&row.id)).await?,
    }
    tx.commit().await.map_err(StoreError::statement("bring an outbox row up to date"))
}

/// Returns the id of the row for a refused message. All commands about one account share one id, regardless of their
/// revision: each repeats the desired state until one is published.
fn aside_id(row: &OutboxRow, number: usize, message: &OutgoingMessage) -> String {
    match message.id().rsplit_once('/') {
        Some((about, revision))
            if message.feed() == StreamName::Commands && revision.parse::<u64>().is_ok() =>
        {
            format!("{about}:aside")
        }
        _ => format!("{}.{number}", row.id),
    }
}

/// Returns the first error after which a retry may help, or else the first error.
fn first_error(results: &[Result<PublishedMessage, PublishError>]) -> Option<PublishError> {
    let errors = || results.iter().filter_map(|result| result.as_ref().err());
    errors().find(|error| !error.is_final()).or_else(|| errors().next()).cloned()
}
