//! Verbs `replay` and `discard`: retries or closes dead letters.

use lifecycle::{
    Actor, DeadLetterId, DiscardReply, DiscardRequest, Fact, ReplayOutcome, ReplayReply, ReplayRequest,
    ResourceKind,
};
use sea_orm::{DatabaseTransaction, EntityTrait};
use store::StoreError;

use super::WriterControl;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{dead, load_edges, load_resources, save_edges, save_resources};
use crate::{micros, now};

/// The maximum number of dead letters per request.
pub(super) const IDS_MAX: usize = 1_000;

impl WriterControl {
    /// Replays the dead letters by id. A dry run rolls everything back.
    pub(super) async fn replay(&self, request: &ReplayRequest) -> Result<ReplayReply, StoreError> {
        let tx = self.store.begin().await?;
        let mut news = TransactionFacts::default();
        let mut outcomes = Vec::new();
        for id in request.ids.iter().take(IDS_MAX) {
            let outcome = replay_letter(&tx, id, &request.actor, &mut news).await?;
            outcomes.push((id.clone(), outcome));
        }
        if request.dry_run {
            tx.rollback().await.map_err(StoreError::statement("look at dead letters"))?;
            return Ok(ReplayReply { outcomes });
        }
        self.commit(tx, news).await?;
        self.wake_ups.values().for_each(|wake_up| wake_up.notify_one());
        Ok(ReplayReply { outcomes })
    }

    /// Closes the dead letters by id without a replay.
    pub(super) async fn discard(&self, request: &DiscardRequest) -> Result<DiscardReply, StoreError> {
        let tx = self.store.begin().await?;
        let mut news = TransactionFacts::default();
        let mut discarded = Vec::new();
        for id in request.ids.iter().take(IDS_MAX) {
            let Some(letter) = open_letter(&tx, id).await? else { continue };
            dead::close_letters(&tx, std::slice::from_ref(&letter.id), dead::DISCARDED).await?;
            lay_to_rest(&tx, &letter, &format!("discarded by {}: {}", request.actor.who, request.actor.why))
                .await?;
            let fact = Fact::Discarded {
                dead_letter: id.clone(),
                who: request.actor.who.clone(),
                why: request.actor.why.clone(),
            };
            let subject = letter.member.as_ref().unwrap_or(&letter.subject);
            news.tell(format!("dis:{id}"), subject, None, fact);
            discarded.push(id.clone());
        }
        self.commit(tx, news).await?;
        Ok(DiscardReply { discarded })
    }
}

/// Retries one dead letter.
pub(crate) async fn replay_letter(
    tx: &DatabaseTransaction,
    id: &DeadLetterId,
    actor: &Actor,
    news: &mut TransactionFacts,
) -> Result<ReplayOutcome, StoreError> {
    let Some(letter) = open_letter(tx, id).await? else { return Ok(ReplayOutcome::NotOpen) };
    let outcome = requeue_letter(tx, &letter).await?;
    dead::close_letters(tx, std::slice::from_ref(&letter.id), dead::REPLAYED).await?;
    let fact = Fact::Replayed {
        dead_letter: id.clone(),
        outcome: outcome.as_str().to_owned(),
        who: actor.who.clone(),
        why: actor.why.clone(),
    };
    let subject = letter.member.as_ref().unwrap_or(&letter.subject);
    news.tell(format!("rep:{id}"), subject, None, fact);
    Ok(outcome)
}

/// Loads a dead letter that is still open.
async fn open_letter(tx: &DatabaseTransaction, id: &DeadLetterId) -> Result<Option<dead::Model>, StoreError> {
    let row = dead::Entity::find_by_id(id.to_string())
        .one(tx)
        .await
        .map_err(StoreError::statement("read a dead letter"))?;
    Ok(row.filter(|row| row.state == dead::OPEN))
}

/// Rejects the row of a discarded letter. It stays as it is at the target until a newer revision arrives.
async fn lay_to_rest(tx: &DatabaseTransaction, letter: &dead::Model, words: &str) -> Result<(), StoreError> {
    if let Some(member) = &letter.member {
        let mut rows = load_edges(tx, &letter.target, &letter.subject, std::slice::from_ref(member)).await?;
        if let Some(row) = rows.get_mut(member).filter(|row| *row.status() == RowStatus::Dead) {
            row.rest(RowStatus::Rejected);
            row.dead_letter = None;
            row.last_error = Some(words.to_owned());
        }
        return save_edges(tx, rows.into_values().collect()).await;
    }
    let kind =
        if letter.kind == ResourceKind::Group.as_str() { ResourceKind::Group } else { ResourceKind::User };
    let mut rows =
        load_resources(tx, &letter.target, kind, std::slice::from_ref(&letter.subject), true).await?;
    let waits = |row: &&mut crate::rows::resource::Model| {
        *row.status() == RowStatus::Dead || *row.status() == RowStatus::Conflict
    };
    if let Some(row) = rows.get_mut(&letter.subject).filter(waits) {
        row.rest(RowStatus::Rejected);
        row.dead_letter = None;
        row.last_error = Some(words.to_owned());
    }
    save_resources(tx, rows.into_values().collect()).await
}

/// Puts the row of a dead letter back into the queue, unless a newer revision has replaced it.
async fn requeue_letter(tx: &DatabaseTransaction, letter: &dead::Model) -> Result<ReplayOutcome, StoreError> {
    let now = micros(now());
    if let Some(member) = &letter.member {
        let mut rows = load_edges(tx, &letter.target, &letter.subject, std::slice::from_ref(member)).await?;
        let Some(row) = rows.get_mut(member) else { return Ok(ReplayOutcome::Superseded) };
        if row.revision != letter.revision || *row.status() != RowStatus::Dead {
            return Ok(ReplayOutcome::Superseded);
        }
        row.attempts = 0;
        row.dead_letter = None;
        // The target may have carried out a part of the earlier request: it is read before anything is decided.
        row.doubt(now);
        save_edges(tx, rows.into_values().collect()).await?;
        return Ok(ReplayOutcome::Queued);
    }
    let kind =
        if letter.kind == ResourceKind::Group.as_str() { ResourceKind::Group } else { ResourceKind::User };
    let mut rows =
        load_resources(tx, &letter.target, kind, std::slice::from_ref(&letter.subject), true).await?;
    let Some(row) = rows.get_mut(&letter.subject) else { return Ok(ReplayOutcome::Superseded) };
    let waits = *row.status() == RowStatus::Dead || *row.status() == RowStatus::Conflict;
    if row.desired_revision != letter.revision || !waits {
        return Ok(ReplayOutcome::Superseded);
    }
    row.attempts = 0;
    row.dead_letter = None;
    row.unseen = None; // an operator has looked
    row.enqueue(RowStatus::Pending, now);
    save_resources(tx, rows.into_values().collect()).await?;
    Ok(ReplayOutcome::Queued)
}
