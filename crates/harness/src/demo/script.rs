//! The script of the demo: its events in order.

use crate::history::{CloudEventMessage, CompanyHistory};
use crate::world::{IntakeReceipt, now};

use super::{DemoStage, PHASE_MAX, ProgressLine};

/// The number of operations in one SCIM BulkRequest, as in Entra's inbound provisioning API.
const BULK_SIZE: usize = 50;
/// The number of events in one CloudEvents batch.
const BATCH_SIZE: usize = 100;
/// The number of people in a thousand who change department, name, title or manager.
const MOVERS_PER_MILLE: usize = 60;
/// The number of people in a thousand who leave.
const LEAVERS_PER_MILLE: usize = 40;
/// The number of people in a thousand who leave and come back.
const REHIRES_PER_MILLE: usize = 15;

/// The messages that the gateway accepted.
#[derive(Debug, Clone, Copy, Default)]
pub struct AcceptedMessages {
    /// The number of requests to the gateway, including repeated ones.
    pub posts: usize,
    /// The number of people and events in them.
    pub events: usize,
}

impl AcceptedMessages {
    fn add(&mut self, receipt: &IntakeReceipt, events: usize, progress: &ProgressLine) {
        self.posts += usize::try_from(receipt.posts).unwrap_or(usize::MAX);
        self.events += events;
        progress.accepted(self.events);
    }
}

/// Plays all phases, and waits for the target after each half.
pub(super) async fn play_script(
    stage: &DemoStage,
    history: &mut CompanyHistory,
    progress: &ProgressLine,
) -> anyhow::Result<AcceptedMessages> {
    let mut accepted = AcceptedMessages::default();
    hire_everybody(stage, history, progress, &mut accepted).await?;
    progress.phase("waiting for the target");
    stage.console.settled(PHASE_MAX).await?;
    history.accounts_are_there();
    move_and_leave(stage, history, progress, &mut accepted).await?;
    progress.phase("waiting for the target");
    stage.console.settled(PHASE_MAX).await?;
    Ok(accepted)
}

/// Hires everyone: one half by SCIM bulk, the other by batches of events. The groups follow.
async fn hire_everybody(
    stage: &DemoStage,
    history: &mut CompanyHistory,
    progress: &ProgressLine,
    accepted: &mut AcceptedMessages,
) -> anyhow::Result<()> {
    let keys = history.keys();
    let (by_bulk, by_event) = keys.split_at(keys.len() / 2);
    progress.phase("hiring by SCIM bulk");
    for chunk in by_bulk.chunks(BULK_SIZE) {
        let receipt = stage.feed.bulk(&history.hire_by_bulk(chunk)).await?;
        accepted.add(&receipt, chunk.len(), progress);
    }
    progress.phase("hiring by event batches");
    history.set_time(now());
    for chunk in by_event.chunks(BATCH_SIZE) {
        let events: Vec<CloudEventMessage> = chunk.iter().map(|key| history.hire(key)).collect();
        accepted.add(&stage.feed.batch(&events).await?, events.len(), progress);
    }
    progress.phase("making groups");
    let groups: Vec<CloudEventMessage> =
        history.group_keys().iter().map(|key| history.group_upserted(key)).collect();
    accepted.add(&stage.feed.batch(&groups).await?, groups.len(), progress);
    Ok(())
}

/// Sends one event for each change, like the webhooks of an HR system.
async fn move_and_leave(
    stage: &DemoStage,
    history: &mut CompanyHistory,
    progress: &ProgressLine,
    accepted: &mut AcceptedMessages,
) -> anyhow::Result<()> {
    let keys = history.keys();
    let (movers, leavers) = (some_keys(&keys, MOVERS_PER_MILLE, 7), some_keys(&keys, LEAVERS_PER_MILLE, 3));
    let rehires = leavers.len().min(keys.len() * REHIRES_PER_MILLE / 1_000);
    progress.phase("movers");
    for (pick, key) in movers.iter().enumerate() {
        history.set_time(now());
        let event = history.move_on(key, pick);
        accepted.add(&stage.feed.event(&event).await?, 1, progress);
    }
    progress.phase("leavers");
    for key in &leavers {
        history.set_time(now());
        let event = history.leave(key);
        accepted.add(&stage.feed.event(&event).await?, 1, progress);
    }
    progress.phase("rehires");
    for (pick, key) in leavers.iter().take(rehires).enumerate() {
        history.set_time(now());
        let event = history.rehire(key, pick + 5);
        accepted.add(&stage.feed.event(&event).await?, 1, progress);
    }
    progress.phase("group changes");
    for group in history.group_keys() {
        history.set_time(now());
        let members = history.members(&group);
        let out: Vec<String> = members.iter().take(2).cloned().collect();
        let into: Vec<String> =
            keys.iter().rev().filter(|k| !members.contains(*k)).take(3).cloned().collect();
        let mut events = vec![history.members_removed(&group, &out)];
        if !into.is_empty() {
            events.push(history.members_added(&group, &into));
        }
        accepted.add(&stage.feed.batch(&events).await?, events.len(), progress);
    }
    Ok(())
}

/// Returns `per_mille` in a thousand of the keys, spread evenly, starting with the one at `first`.
fn some_keys(keys: &[String], per_mille: usize, first: usize) -> Vec<String> {
    let count = (keys.len() * per_mille / 1_000).max(1);
    (0..count).map(|i| keys[(first + i * keys.len() / count) % keys.len()].clone()).collect()
}
