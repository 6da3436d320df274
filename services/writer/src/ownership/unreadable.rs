//! Stored state that cannot be read: the quarantine lists it for as long as that is so.
//!
//! A row with an unreadable desired state leaves the queue, except for a switch-off that can still be recognised. An
//! unreadable guard or rule for orphans lets nothing be taken away. Both recover when the mapper sends them again: with
//! the next command, the next verification, or when the policy is applied again.

use lifecycle::{QUARANTINE_MAX, ResourceKind};
use store::quarantine::{self, QuarantineReason, QuarantinedItem};
use store::{Store, StoreError};

use crate::rows::facts::SERVICE;
use crate::rows::{control, load_resources, resource, save_resources, status};
use crate::{micros, now};

const ROWS: &str = "writer_resources";
const CONTROLS: &str = "writer_controls";

/// Builds the quarantined item of state that cannot be read.
fn unreadable_item(
    id: String,
    subject: String,
    kind: &str,
    payload: &str,
    cause: &serde_json::Error,
) -> QuarantinedItem {
    QuarantinedItem {
        id,
        stream: String::new(),
        sequence: 0,
        at: micros(now()),
        reason: QuarantineReason::StateUnreadable,
        cause: format!("its stored state cannot be read: {cause}"),
        subject,
        kind: kind.to_owned(),
        is_departure: false,
        payload: payload.as_bytes().to_vec(),
    }
}

fn id_of(target: &str, kind: &str, subject: &str) -> String {
    format!("{ROWS}/{target}/{kind}/{subject}")
}

/// Returns the kind and subject of the row that an item is about.
fn row_of<'i>(item: &'i QuarantinedItem, target: &str) -> Option<(ResourceKind, &'i str)> {
    let rest = item.id.strip_prefix(ROWS)?.strip_prefix('/')?.strip_prefix(target)?.strip_prefix('/')?;
    let (kind, subject) = rest.split_once('/')?;
    let kind = [ResourceKind::User, ResourceKind::Group].into_iter().find(|it| it.as_str() == kind)?;
    Some((kind, subject))
}

/// Lists a row whose desired state cannot be read. Takes it out of the queue if nothing of it can be done.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_aside(
    store: &Store,
    row: &resource::Model,
    error: &serde_json::Error,
    leaves_queue: bool,
) -> Result<(), StoreError> {
    let id = id_of(&row.target, &row.kind, &row.subject);
    if quarantine::get_item(store.reader(), SERVICE, &id).await?.is_none() {
        let about = crate::intake::quarantine::about(&row.subject, &row.target);
        let mut item = unreadable_item(id, about, &row.kind, &row.desired, error);
        item.is_departure = !row.desired.contains("\"state\":\"active\"");
        crate::intake::quarantine::set_aside(store, &item).await?;
    }
    if !leaves_queue {
        return Ok(());
    }
    let tx = store.begin().await?;
    let subjects = [row.subject.clone()];
    let mut rows = load_resources(&tx, &row.target, row.kind(), &subjects, true).await?;
    for now in rows.values_mut().filter(|now| now.desired == row.desired) {
        now.rest(status::DEAD);
        now.last_error = Some(format!("its desired state cannot be read: {error}"));
    }
    save_resources(&tx, rows.into_values().collect()).await?;
    tx.commit().await.map_err(StoreError::statement("set a row aside"))
}

/// Lists the settings of the target that cannot be read, and removes those that can be read again.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn look_at_settings(store: &Store, target: &str) -> Result<(), StoreError> {
    let settings = control::load_control(store.reader(), target).await?;
    let faults = settings.faults();
    let listed = quarantine::list_items(store.reader(), SERVICE, QUARANTINE_MAX).await?;
    let listed: Vec<_> =
        listed.into_iter().filter(|item| item.reason == QuarantineReason::StateUnreadable).collect();
    for (what, text, error) in &faults {
        let id = format!("{CONTROLS}/{target}/{what}");
        if listed.iter().all(|item| item.id != id) {
            let item = unreadable_item(id, format!("target {target}"), what, text, error);
            crate::intake::quarantine::set_aside(store, &item).await?;
        }
    }
    for what in [control::GUARD, control::ORPHANS] {
        let id = format!("{CONTROLS}/{target}/{what}");
        let is_fault = faults.iter().any(|(fault, ..)| *fault == what);
        if !is_fault && listed.iter().any(|item| item.id == id) {
            quarantine::remove_item(store.writer(), SERVICE, &id).await?;
        }
    }
    for item in &listed {
        let Some((kind, subject)) = row_of(item, target) else { continue };
        if let_go_on(store, target, kind, subject).await? {
            quarantine::remove_item(store.writer(), SERVICE, &item.id).await?;
        }
    }
    Ok(())
}

/// Queues a row that can be read again, to be read back first. Returns whether it can.
async fn let_go_on(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    subject: &str,
) -> Result<bool, StoreError> {
    let tx = store.begin().await?;
    let mut rows = load_resources(&tx, target, kind, &[subject.to_owned()], true).await?;
    for row in rows.values_mut() {
        let Ok(desired) = row.desired() else { return Ok(false) };
        if row.status == status::DEAD && row.dead_letter.is_none() {
            row.in_doubt = true;
            row.attempts = 0;
            row.count_change(&desired);
            row.enqueue(status::PENDING, micros(now()));
        }
    }
    save_resources(&tx, rows.into_values().collect()).await?;
    tx.commit().await.map_err(StoreError::statement("let a row go on"))?;
    Ok(true)
}
