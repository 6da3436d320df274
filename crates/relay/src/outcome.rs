//! What becomes of a row whose messages were handed to the bus.

use bus::{OutgoingMessage, PublishError, PublishedMessage, StreamName};
use store::outbox::{self, OutboxLane, OutboxRow};
use store::{Store, StoreError};

use crate::OutboxPublisher;
use crate::parcel::{decode_messages, encode_messages, lane_of};

/// How publishing one row ended.
#[derive(Debug)]
pub(crate) enum RowOutcome {
    /// JetStream has all of it.
    Published,
    /// Some of it is still to be published.
    Left(PublishError),
    /// Some of it can never be published and is set aside; JetStream has the rest.
    SetAside(PublishError),
}

impl OutboxPublisher {
    /// Brings the row up to date with what the bus answered.
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
            outbox_row = %id, lane = lane.as_str(), error = %error, "could not publish all of an outbox row"
        );
        // A row that is wholly left stays as it is.
        let is_partly_done = results.iter().any(|result| match result {
            Ok(_) => true,
            Err(error) => error.is_final(),
        });
        if is_partly_done && let Err(error) = self.keep_the_rest(id, results).await {
            // The row is published again as a whole, which is harmless.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(outbox_row = %id, error, "could not bring an outbox row up to date");
        }
        if error.is_final() { RowOutcome::SetAside(error) } else { RowOutcome::Left(error) }
    }

    /// In one transaction: what can never be published gets a row of its own that is set aside, what is still to be
    /// published stays, and what is published goes.
    async fn keep_the_rest(
        &self,
        id: &str,
        results: &[Result<PublishedMessage, PublishError>],
    ) -> Result<(), StoreError> {
        let Some(row) = outbox::get_row(self.store.reader(), self.service, id).await? else { return Ok(()) };
        let Ok(messages) = decode_messages(&row.messages) else { return Ok(()) };
        if messages.len() != results.len() {
            return Ok(()); // another replica was quicker
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
        // The newest of what cannot be said of an account takes the place of what could not be said before.
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

/// Commands about one account have one name, whatever their revision: they say the same again until it gets through.
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

/// The first error after which trying again may help, or else the first.
fn first_error(results: &[Result<PublishedMessage, PublishError>]) -> Option<PublishError> {
    let errors = || results.iter().filter_map(|result| result.as_ref().err());
    errors().find(|error| !error.is_final()).or_else(|| errors().next()).cloned()
}
