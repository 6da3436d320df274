//! Stored state that cannot be read: the quarantine lists it for as long as that is so.
//!
//! A row with an unreadable desired state leaves the queue, except for a switch-off that can still be recognised. So does a
//! row with a word that this version does not know ([`crate::rows::words`]); one with an unknown status stays as it is. An
//! unreadable guard or rule for orphans lets nothing be taken away. Both recover when the mapper sends them again: with
//! the next command, the next verification, or when the policy is applied again.

use lifecycle::{HeldBy, QUARANTINE_MAX, ResourceKind};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use store::quarantine::{self, QuarantineReason, QuarantinedItem};
use store::{Store, StoreError};

use crate::rows::facts::SERVICE;
use crate::rows::words::RowStatus;
use crate::rows::{control, edge, load_resources, resource, save_resources};
use crate::{micros, now};

const ROWS: &str = "writer_resources";
const EDGES: &str = "writer_edges";
const CONTROLS: &str = "writer_controls";

/// Builds the quarantined item of state that cannot be read.
fn unreadable_item(
    id: String,
    subject: String,
    kind: &str,
    payload: &str,
    cause: &dyn std::fmt::Display,
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

/// Lists a row that cannot be read. Takes it out of the queue if nothing of it can be done.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_aside(
    store: &Store,
    row: &resource::Model,
    error: &str,
    leaves_queue: bool,
) -> Result<(), StoreError> {
    let id = id_of(&row.target, &row.kind, &row.subject);
    if quarantine::get_item(store.reader(), SERVICE, &id).await?.is_none() {
        let about = crate::intake::quarantine::about(&row.subject, &row.target);
        let mut item = unreadable_item(id, about, &row.kind, &row.desired, &error);
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
        now.set_aside();
        now.last_error = Some(format!("its stored state cannot be read: {error}"));
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
    for what in [control::GUARD, control::ORPHANS, control::PAUSED_SCOPE] {
        let id = format!("{CONTROLS}/{target}/{what}");
        let is_fault = faults.iter().any(|(fault, ..)| *fault == what);
        if !is_fault && listed.iter().any(|item| item.id == id) {
            quarantine::remove_item(store.writer(), SERVICE, &id).await?;
        }
    }
    for item in &listed {
        if is_readable_membership(store, item, target).await? {
            quarantine::remove_item(store.writer(), SERVICE, &item.id).await?;
        }
        let Some((kind, subject)) = row_of(item, target) else { continue };
        if let_go_on(store, target, kind, subject).await? {
            quarantine::remove_item(store.writer(), SERVICE, &item.id).await?;
        }
    }
    Ok(())
}

/// Lists rows with a status or a reason of a hold that this version does not know. The queue does not read them. Only a
/// newer version writes such words, so it is enough to look when this one begins to own the target.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn list_unknown_words(store: &Store, target: &str) -> Result<(), StoreError> {
    use resource::Column::{Held, Status, Target};
    let known_holds = HeldBy::ALL.map(HeldBy::as_str);
    let unknown = Status.is_not_in(RowStatus::KNOWN.iter().cloned()).or(Held.is_not_in(known_holds));
    let rows = resource::Entity::find().filter(Target.eq(target)).filter(unknown).limit(QUARANTINE_MAX);
    let rows = rows.all(store.reader()).await.map_err(StoreError::statement("look for unknown words"))?;
    for row in rows {
        if let Some(word) = row.unknown_word() {
            set_aside(store, &row, &word.to_string(), false).await?;
        }
    }
    let rows = edge::Entity::find()
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::Status.is_not_in(RowStatus::KNOWN.iter().cloned()))
        .limit(QUARANTINE_MAX)
        .all(store.reader())
        .await
        .map_err(StoreError::statement("look for unknown words"))?;
    for row in rows {
        let id = format!("{EDGES}/{target}/{}/{}", row.group_subject, row.member_subject);
        let id = quarantine::stored_id(&id);
        let Some(word) = row.unknown_word() else { continue };
        if quarantine::get_item(store.reader(), SERVICE, &id).await?.is_none() {
            let about = crate::intake::quarantine::about(&row.member_subject, target);
            let key = serde_json::json!([row.group_subject, row.member_subject]).to_string();
            let kind = ResourceKind::Membership.as_str();
            let mut item = unreadable_item(id, about, kind, &key, &word);
            item.is_departure = !row.desired;
            crate::intake::quarantine::set_aside(store, &item).await?;
        }
    }
    Ok(())
}

/// Returns whether an item is about a membership that can be read by now, or is not there any more.
async fn is_readable_membership(
    store: &Store,
    item: &QuarantinedItem,
    target: &str,
) -> Result<bool, StoreError> {
    let is_edge = item.id.starts_with(&format!("{EDGES}/{target}/"));
    let key = serde_json::from_slice::<[String; 2]>(&item.payload).ok().filter(|_| is_edge);
    let Some([group, member]) = key else { return Ok(false) };
    let row = edge::Entity::find_by_id((target.to_owned(), group, member)).one(store.reader()).await;
    let row = row.map_err(StoreError::statement("look at a membership"))?;
    Ok(row.is_none_or(|row| row.unknown_word().is_none()))
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
        if row.unknown_word().is_some() {
            return Ok(false);
        }
        if *row.status() == RowStatus::Dead && row.dead_letter.is_none() {
            row.in_doubt = true;
            row.attempts = 0;
            row.count_change(&desired);
            row.enqueue(RowStatus::Pending, micros(now()));
        }
    }
    save_resources(&tx, rows.into_values().collect()).await?;
    tx.commit().await.map_err(StoreError::statement("let a row go on"))?;
    Ok(true)
}
