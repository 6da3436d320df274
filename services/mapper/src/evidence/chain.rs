//! The chain of evidence: each change of an obligation is an entry, written in the transaction that changes the obligation.
//! Each entry carries the hash of the previous one, and a separate row stores the end of the chain. An entry that was
//! changed, removed or added in the database is therefore detected. People are identified by keyed hashes.

use lifecycle::export::{ChainAnchor, ChainReport, chain_hash};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde::Serialize;
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::signing::PersonHashes;
use crate::rows::{chain as entry, chain_head, obligation};

/// The name of the only chain in `mapper_chain_heads`.
const NAME: &str = "chain";
/// The kind of entries about obligations.
const OBLIGATION: &str = "obligation";
/// The number of entries that are read at once.
const PAGE: u64 = 1_000;

/// The content of an entry about an obligation. Times are microseconds since the Unix epoch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObligationEntry<'a> {
    target: &'a str,
    person_hash: String,
    member_of: &'a str,
    cause: &'a str,
    state: &'a str,
    revision: i64,
    effective_at: i64,
    decided_at: i64,
    due_at: i64,
    evidence: Option<&'a str>,
    evidence_at: Option<i64>,
    reopened_at: Option<i64>,
    ended_at: Option<i64>,
}

/// Returns whether the step from `before` to `after` needs an entry.
pub(crate) fn is_transition(before: &obligation::Model, after: &obligation::Model) -> bool {
    let shown =
        |row: &obligation::Model| (row.state.clone(), row.evidence.clone(), row.evidence_at, row.reopened_at);
    shown(before) != shown(after)
}

/// Appends an entry for the current state of each of `rows`. Until the end of the transaction, no other transaction can
/// append to the chain.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn append_entries<'r>(
    tx: &DatabaseTransaction,
    rows: impl IntoIterator<Item = &'r obligation::Model>,
    at: i64,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let hashes = PersonHashes::read(tx).await?;
    let failed = StoreError::statement("add to the chain of evidence");
    let head = chain_head::Entity::find_by_id(NAME).lock_exclusive().one(tx).await.map_err(&failed)?;
    let beginning = || chain_head::Model { name: NAME.to_owned(), sequence: 0, hash: String::new() };
    let mut head = head.unwrap_or_else(beginning);
    let mut entries = Vec::new();
    for row in rows {
        let text = serde_json::to_string(&entry_fields(row, &hashes)).expect("an entry is plain data");
        let sequence = head.sequence + 1;
        let hash = entry_hash(&head.hash, sequence, at, (OBLIGATION, &row.id, &text));
        let before = std::mem::replace(&mut head.hash, hash.clone());
        head.sequence = sequence;
        let (kind, about) = (OBLIGATION.to_owned(), row.id.clone());
        entries.push(entry::Model { sequence, at, kind, about, entry: text, before, hash });
    }
    for chunk in entries.chunks(ROWS_PER_STATEMENT_MAX) {
        let models = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        entry::Entity::insert_many(models).exec_without_returning(tx).await.map_err(&failed)?;
    }
    chain_head::Entity::update_many()
        .col_expr(chain_head::Column::Sequence, Expr::value(head.sequence))
        .col_expr(chain_head::Column::Hash, Expr::value(head.hash))
        .filter(chain_head::Column::Name.eq(NAME))
        .exec(tx)
        .await
        .map(drop)
        .map_err(failed)
}

fn entry_fields<'r>(row: &'r obligation::Model, hashes: &PersonHashes) -> ObligationEntry<'r> {
    ObligationEntry {
        target: &row.target,
        person_hash: hashes.of(&row.subject),
        member_of: &row.member_of,
        cause: &row.cause,
        state: &row.state,
        revision: row.revision,
        effective_at: row.effective_at,
        decided_at: row.decided_at,
        due_at: row.due_at,
        evidence: row.evidence.as_deref(),
        evidence_at: row.evidence_at,
        reopened_at: row.reopened_at,
        ended_at: row.ended_at,
    }
}

/// Returns the hash of an entry, which covers the hash of the previous entry.
fn entry_hash(before: &str, sequence: i64, at: i64, (kind, about, entry): (&str, &str, &str)) -> String {
    chain_hash(before, [&*sequence.to_string(), &*at.to_string(), kind, about, entry])
}

/// Returns the end of the chain.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_head(store: &Store) -> Result<ChainAnchor, StoreError> {
    let head = chain_head::Entity::find_by_id(NAME).one(store.reader()).await;
    let head = head.map_err(StoreError::statement("read the end of the chain of evidence"))?;
    let head = head.map(|head| ChainAnchor { sequence: head.sequence.unsigned_abs(), hash: head.hash });
    Ok(head.unwrap_or_default())
}

/// Reads the whole chain and reports the first entry that is not as it was written. `anchors` are earlier ends of the chain,
/// as evidence files contain them.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn check_stored_chain(
    store: &Store,
    anchors: &[ChainAnchor],
) -> Result<ChainReport, StoreError> {
    let end = load_head(store).await?;
    let mut last = ChainAnchor::default();
    let mut broken = anchors.iter().find(|anchor| anchor.sequence > end.sequence).map(|anchor| {
        format!("it ends at entry {}, and had an entry {} once", end.sequence, anchor.sequence)
    });
    while broken.is_none() && last.sequence < end.sequence {
        let rows = entry::Entity::find()
            .filter(entry::Column::Sequence.gt(signed_sequence(last.sequence)))
            .filter(entry::Column::Sequence.lte(signed_sequence(end.sequence)))
            .order_by_asc(entry::Column::Sequence)
            .limit(PAGE)
            .all(store.reader())
            .await
            .map_err(StoreError::statement("read the chain of evidence"))?;
        if rows.is_empty() {
            broken = Some(removed_fault(last.sequence + 1));
        }
        for row in rows {
            broken = chain_fault(&last, &row, anchors);
            if broken.is_some() {
                break;
            }
            last = ChainAnchor { sequence: row.sequence.unsigned_abs(), hash: row.hash };
        }
    }
    if broken.is_none() && last.hash != end.hash {
        broken = Some(format!("entry {} is not the one that the chain ended with", last.sequence));
    }
    Ok(ChainReport { entries: last.sequence, head: end, broken })
}

fn removed_fault(sequence: u64) -> String {
    format!("entry {sequence} was removed")
}

/// Returns the fault of an entry with respect to the previous one and to the anchors, if any.
fn chain_fault(last: &ChainAnchor, row: &entry::Model, anchors: &[ChainAnchor]) -> Option<String> {
    let sequence = row.sequence.unsigned_abs();
    if sequence != last.sequence + 1 {
        return Some(removed_fault(last.sequence + 1));
    }
    let is_whole = row.before == last.hash
        && row.hash == entry_hash(&last.hash, row.sequence, row.at, (&row.kind, &row.about, &row.entry));
    if !is_whole {
        return Some(format!("entry {sequence} was changed, or the one before it was replaced"));
    }
    let is_other = |anchor: &&ChainAnchor| anchor.sequence == sequence && anchor.hash != row.hash;
    anchors.iter().find(is_other).map(|_| format!("entry {sequence} is another one than it was once"))
}

fn signed_sequence(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
