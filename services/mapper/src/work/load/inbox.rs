//! Reads what the inbox knows of a batch's events.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::super::BatchInput;
use crate::rows::inbox;

/// Returns the departures that were merged before, with their sequence numbers.
pub(super) async fn taken_departures(
    tx: &DatabaseTransaction,
    inputs: &[BatchInput],
) -> Result<HashMap<String, i64>, StoreError> {
    let departures: Vec<String> = inputs
        .iter()
        .filter_map(|input| match input {
            BatchInput::Event { event, repeated: false, .. } if event.kind.is_departure() => {
                Some(event.id.to_string())
            }
            _ => None,
        })
        .collect();
    let mut out = HashMap::new();
    for chunk in departures.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = inbox::Entity::find()
            .filter(inbox::Column::EventId.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read the inbox"))?;
        out.extend(rows.into_iter().map(|row| (row.event_id, row.sequence)));
    }
    Ok(out)
}

/// Returns the events that were merged before, with the hash of their senders' content.
pub(super) async fn seen_events(
    tx: &DatabaseTransaction,
    events: &[String],
) -> Result<HashMap<String, Option<String>>, StoreError> {
    let mut out = HashMap::new();
    for chunk in events.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = inbox::Entity::find()
            .filter(inbox::Column::EventId.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read the inbox"))?;
        out.extend(rows.into_iter().map(|row| (row.event_id, row.content)));
    }
    Ok(out)
}
