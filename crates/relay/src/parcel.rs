//! The messages of one committed transaction, in one outbox row for each lane.

use bus::{OutgoingMessage, StreamName};
use sea_orm::DatabaseTransaction;
use store::outbox::{self, OutboxLane};
use store::{Store, StoreError};
use time::OffsetDateTime;

/// The messages of one committed transaction, and the outbox rows that hold them until they are published.
#[derive(Debug)]
pub struct OutboxBatch {
    pub(crate) batches: Vec<RowMessages>,
}

/// The messages of one outbox row.
#[derive(Debug)]
pub(crate) struct RowMessages {
    pub(crate) id: String,
    pub(crate) lane: OutboxLane,
    pub(crate) messages: Vec<OutgoingMessage>,
}

/// Returns the lane that a message waits in.
pub(crate) fn lane_of(message: &OutgoingMessage) -> OutboxLane {
    match message.feed() {
        StreamName::Journal | StreamName::Dead => OutboxLane::Facts,
        StreamName::Events | StreamName::Notices | StreamName::Commands if message.is_departure() => {
            OutboxLane::Departures
        }
        StreamName::Events | StreamName::Notices | StreamName::Commands => OutboxLane::Commands,
    }
}

/// Stores `messages` in the outbox of `service` within `tx`. Send the returned batch after the commit. No messages need
/// no row.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn store_batch(
    tx: &DatabaseTransaction,
    service: &str,
    messages: Vec<OutgoingMessage>,
) -> Result<Option<OutboxBatch>, StoreError> {
    put_batch(tx, service, "", messages).await
}

/// Stores `messages` as [`store_batch`] does. The ids of the rows begin with `subject`, so that [`left_of`] finds them.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn pack_for(
    tx: &DatabaseTransaction,
    service: &str,
    subject: &str,
    messages: Vec<OutgoingMessage>,
) -> Result<Option<OutboxBatch>, StoreError> {
    put_batch(tx, service, &format!("{subject}/"), messages).await
}

/// Stores the messages of one transaction in one row for each lane. The ids of the rows begin with `prefix`.
async fn put_batch(
    tx: &DatabaseTransaction,
    service: &str,
    prefix: &str,
    messages: Vec<OutgoingMessage>,
) -> Result<Option<OutboxBatch>, StoreError> {
    let mut batches: Vec<RowMessages> = Vec::new();
    for message in messages {
        let lane = lane_of(&message);
        match batches.iter_mut().find(|batch| batch.lane == lane) {
            Some(batch) => batch.messages.push(message),
            None => {
                let id = format!("{prefix}{}", uuid::Uuid::now_v7());
                batches.push(RowMessages { id, lane, messages: vec![message] });
            }
        }
    }
    batches.sort_by_key(|batch| batch.lane);
    let now = OffsetDateTime::now_utc();
    for batch in &batches {
        outbox::put_row(tx, service, batch.lane, &batch.id, now, encode_messages(&batch.messages)).await?;
    }
    Ok((!batches.is_empty()).then_some(OutboxBatch { batches }))
}

/// Returns the messages about `subject` that are not yet known to be published. A row that cannot be read is set aside.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn left_of(
    connection: &impl sea_orm::ConnectionTrait,
    service: &str,
    subject: &str,
) -> Result<Vec<OutboxBatch>, StoreError> {
    let mut parcels = Vec::new();
    for row in outbox::of_subject(connection, service, subject).await? {
        match decode_messages(&row.messages) {
            Ok(messages) => {
                let lane = messages.iter().map(lane_of).min().unwrap_or(OutboxLane::Commands);
                parcels.push(OutboxBatch { batches: vec![RowMessages { id: row.id, lane, messages }] });
            }
            Err(cause) => set_row_aside(connection, service, &row.id, &cause).await?,
        }
    }
    Ok(parcels)
}

/// Decodes the messages of an outbox row.
///
/// # Errors
/// Returns the cause in words if the text is not the content of an outbox row.
pub(crate) fn decode_messages(json: &str) -> Result<Vec<OutgoingMessage>, String> {
    serde_json::from_str(json).map_err(|error| {
        format!("the row cannot be read (at line {}, column {})", error.line(), error.column())
    })
}

pub(crate) fn encode_messages(messages: &[OutgoingMessage]) -> String {
    serde_json::to_string(messages).expect("messages are plain data")
}

/// Sets a row aside, counts it and logs it.
async fn set_row_aside(
    connection: &impl sea_orm::ConnectionTrait,
    service: &str,
    id: &str,
    cause: &str,
) -> Result<(), StoreError> {
    tracing::error!(outbox_row = %id, cause, "a row of the outbox is set aside");
    telemetry::metrics::outbox_set_aside(service, 1);
    outbox::mark_aside(connection, service, id, cause).await
}

/// Sets a row aside without changing it, in a separate statement.
///
/// # Errors
/// Returns the error that the database reports.
pub(crate) async fn set_aside_unreadable(
    store: &Store,
    service: &str,
    id: &str,
    cause: &str,
) -> Result<(), StoreError> {
    set_row_aside(store.writer(), service, id, cause).await
}
