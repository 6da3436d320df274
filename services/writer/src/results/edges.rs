//! Commits the results of work on memberships.

use std::collections::HashMap;

use lifecycle::{DeadLetter, DeadLetterId, HeldBy, ResourceKind};
use retry::retry_delay;
use sea_orm::DatabaseTransaction;
use store::StoreError;

use super::schedule::micros_after;
use super::timeline::{self, tells_each};
use super::{POSTPONED_MAX, ResultCommitter};
use crate::converge::outcome::{MembersOutcome, WorkedMembers};
use crate::delivery::leftovers;
use crate::delivery::trouble::ConvergeTrouble;
use crate::guard::group_limit;
use crate::guard::looks;
use crate::guard::nesting;
use crate::rows::access::OffEvidence;
use crate::rows::edge::HeldMembership;
use crate::rows::facts::TransactionFacts;
use crate::rows::settled::SettledOutcome;
use crate::rows::words::RowStatus;
use crate::rows::{dead, edge, failures, load_edges, load_resources, save_edges, save_resources};
use crate::{micros, now};

impl ResultCommitter {
    /// Stores the result of work on memberships, and sets the next status of each.
    pub(super) async fn commit_members(
        &self,
        tx: &DatabaseTransaction,
        worked: &WorkedMembers,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        news.extend(worked.facts.clone());
        if !worked.leftovers.is_empty() {
            return self.commit_leftovers(tx, worked, news).await;
        }
        let held = worked.held.iter().map(|held| &held.edge);
        let members = worked.edges.iter().chain(held).map(|edge| edge.member_subject.clone());
        let members: Vec<String> = members.collect();
        let mut rows = load_edges(tx, &self.target, &worked.group, &members).await?;
        for HeldMembership { edge: sent, by, reason } in &worked.held {
            match rows.get_mut(&sent.member_subject) {
                Some(row) if row.revision == sent.revision => {
                    group_limit::hold_membership(row, *by, reason, news);
                }
                Some(row) => row.place(true, micros(now())),
                None => {}
            }
        }
        let now = micros(now());
        let several = worked.edges.len() > 1;
        let linked = self.links_now(tx, worked).await?;
        let mut settled = HashMap::new();
        for sent in &worked.edges {
            let Some(row) = rows.get_mut(&sent.member_subject) else { continue };
            if linked.get(&sent.member_subject) != Some(&true) {
                // One end disappeared, or returned under another id, while the request was under way.
                match linked.contains_key(&sent.member_subject) {
                    true if !row.desired => row.doubt(now),
                    true => {
                        row.applied = false;
                        row.place(true, now);
                    }
                    false => row.lose_end(),
                }
                continue;
            }
            if tells_each(worked) && row.revision == sent.revision {
                failures::keep_failures(&mut row.failures, &worked.failed);
            }
            match &worked.outcome {
                MembersOutcome::Deferred if *sent.status() == RowStatus::Unsure => {
                    row.doubt(row.next_attempt_at);
                }
                MembersOutcome::Deferred => row.place(true, now),
                MembersOutcome::Postponed { trouble, times, sent: in_part } => {
                    if *in_part || *sent.status() == RowStatus::Unsure {
                        row.doubt(now);
                    } else {
                        row.place(true, now);
                    }
                    row.last_error = Some(trouble.error.clone());
                    row.next_attempt_at =
                        micros_after(retry_delay(*times, self.retry.initial(), POSTPONED_MAX));
                }
                MembersOutcome::Settled => {
                    settled.insert(row.member_subject.clone(), SettledOutcome::of_membership(sent.desired));
                    row.applied = sent.desired;
                    // A target that shows no members gives no better evidence than a bare success.
                    let shown = (!sent.desired && !worked.shows_members).then_some(OffEvidence::Accepted);
                    row.keep_evidence(shown, now);
                    row.looked_at = row.looked_at.map(|_| looks::soon_after(now));
                    row.place(true, now);
                    settle_edge(row, sent);
                }
                MembersOutcome::Seen { present } => {
                    row.applied = present.contains(&row.member_subject);
                    row.keep_evidence((!row.applied).then_some(OffEvidence::MemberList), now);
                    row.place(true, now);
                    settle_edge(row, sent);
                    if let Some(outcome) = timeline::read_back(row, sent) {
                        settled.insert(row.member_subject.clone(), outcome);
                    }
                }
                MembersOutcome::Unsure(Some(trouble)) if row.attempts + 1 >= self.attempts_max => {
                    self.give_up_edge(tx, row, trouble, news).await?;
                }
                MembersOutcome::Unsure(trouble) => self.again(row, sent, trouble.as_ref()),
                MembersOutcome::Refused(_) if several => {
                    row.place(true, now);
                    row.alone = true;
                }
                MembersOutcome::Refused(trouble) => {
                    self.give_up_edge(tx, row, trouble, news).await?;
                }
                MembersOutcome::GroupGone => row.lose_end(),
                MembersOutcome::Never(_) if row.revision != sent.revision => row.place(true, now),
                MembersOutcome::Never(reason) => {
                    group_limit::hold_membership(row, HeldBy::Never, reason, news);
                }
            }
        }
        self.tell_members(worked, &rows, &settled, news);
        save_edges(tx, rows.into_values().collect()).await?;
        if matches!(worked.outcome, MembersOutcome::GroupGone) {
            self.rebuild_group(tx, &worked.group, now, news).await?;
        }
        Ok(())
    }

    /// Commits the result for leftovers. An id that the target refuses to remove counts as removed: it names no account.
    async fn commit_leftovers(
        &self,
        tx: &DatabaseTransaction,
        worked: &WorkedMembers,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        match &worked.outcome {
            // What the never list concerns is not changed: an id of an account that is gone stays there.
            MembersOutcome::Settled
            | MembersOutcome::Refused(_)
            | MembersOutcome::Seen { .. }
            | MembersOutcome::Never(_) => leftovers::finish_leftovers(tx, &worked.leftovers).await,
            MembersOutcome::GroupGone => {
                leftovers::finish_leftovers(tx, &worked.leftovers).await?;
                self.rebuild_group(tx, &worked.group, micros(now()), news).await
            }
            MembersOutcome::Deferred => Ok(()),
            MembersOutcome::Postponed { .. } | MembersOutcome::Unsure(_) => {
                let attempts = worked.leftovers.iter().map(|row| row.attempts).max().unwrap_or(0) + 1;
                let times = u32::try_from(attempts).unwrap_or(1);
                let at = micros_after(retry_delay(times, self.retry.initial(), POSTPONED_MAX));
                leftovers::postpone_leftovers(tx, &worked.leftovers, attempts, at).await
            }
        }
    }

    /// Compares the members' links with those that the request used: `true` if they are the same, `false` if they have
    /// changed. Members without a link are not in the map.
    async fn links_now(
        &self,
        tx: &DatabaseTransaction,
        worked: &WorkedMembers,
    ) -> Result<HashMap<String, bool>, StoreError> {
        let group = std::slice::from_ref(&worked.group);
        let groups = load_resources(tx, &self.target, ResourceKind::Group, group, false).await?;
        let Some(group_id) = groups.into_values().next().and_then(|row| row.remote_id) else {
            return Ok(HashMap::new());
        };
        let same_group = group_id == worked.group_id;
        let members = worked.edges.iter().map(edge::Model::member);
        let members = nesting::load_members(tx, &self.target, members).await?;
        let linked = members.into_iter().filter_map(|(key, row)| {
            let same = same_group && worked.member_ids.get(&key) == row.remote_id.as_ref();
            row.remote_id.map(|_| (key, same))
        });
        Ok(linked.collect())
    }

    /// Queues a membership in doubt for another try.
    fn again(&self, row: &mut edge::Model, sent: &edge::Model, trouble: Option<&ConvergeTrouble>) {
        if row.revision == sent.revision {
            row.attempts += i32::from(trouble.is_some());
        }
        row.last_error = trouble.map(|trouble| trouble.error.clone());
        let failures = u32::try_from(row.attempts.max(1)).unwrap_or(1);
        row.doubt(micros_after(retry_delay(failures, self.retry.initial(), self.retry.max())));
    }

    /// Gives up a membership, and opens a dead letter.
    pub(super) async fn give_up_edge(
        &self,
        tx: &DatabaseTransaction,
        row: &mut edge::Model,
        trouble: &ConvergeTrouble,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        row.attempts += 1;
        let letter = DeadLetter {
            id: DeadLetterId::fresh(),
            target: self.target.clone(),
            kind: ResourceKind::Membership,
            subject: row.member_subject.clone(),
            member_of: Some(row.group_subject.clone()),
            revision: row.revision,
            operation: trouble.operation.as_str().to_owned(),
            class: trouble.class,
            error: format!("group {}: {}", row.group_subject, trouble.error),
            attempts: row.attempts,
            exchange: trouble.exchange.clone(),
            failures: failures::take_failures(&mut row.failures),
        };
        tracing::warn!(target_name = %self.target, group = %row.group_subject, subject = %row.member_subject, dead_letter = %letter.id, "membership needs a human");
        row.rest(RowStatus::Dead);
        row.last_error = Some(trouble.error.clone());
        row.dead_letter = Some(letter.id.to_string());
        dead::open_letter(tx, &letter, Some(&row.group_subject)).await?;
        news.died(letter, row.trace());
        Ok(())
    }

    /// Queues the row of a group that the target has lost. The queue finds or creates the group and wakes its memberships.
    async fn rebuild_group(
        &self,
        tx: &DatabaseTransaction,
        group: &str,
        now: i64,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        let mut rows =
            load_resources(tx, &self.target, ResourceKind::Group, &[group.to_owned()], true).await?;
        let mut changes = super::links::LinkChanges::default();
        for row in rows.values_mut().filter(|row| !row.is_queued()) {
            let (had, applied) = (row.remote_id.take(), row.applied());
            row.applied = None;
            row.in_doubt = true;
            row.enqueue(RowStatus::Pending, now);
            changes.note(row, had.as_deref(), &applied);
        }
        save_resources(tx, rows.into_values().collect()).await?;
        changes.spread(tx, &self.target, ResourceKind::Group, now, news).await
    }
}

/// Clears the error of a settled membership, and its failures if it is as desired.
fn settle_edge(row: &mut edge::Model, sent: &edge::Model) {
    row.alone = false;
    row.last_error = None;
    if row.revision == sent.revision && row.desired == row.applied {
        row.attempts = 0;
        row.failures = None;
    }
}
