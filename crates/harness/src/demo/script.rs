//! What happens in the demo, in order.

use crate::history::{CloudEventMessage, CompanyHistory};
use crate::world::{IntakeReceipt, now};

use super::{DemoStage, PHASE_MAX, ProgressLine};

/// Operations in one SCIM BulkRequest, as Entra's inbound provisioning API has it.
const BULK_SIZE: usize = 50;
/// Events in one CloudEvents batch.
const BATCH_SIZE: usize = 100;
/// How many in a thousand people change department, name, title or manager.
const MOVERS_PER_MILLE: usize = 60;
/// How many in a thousand leave.
const LEAVERS_PER_MILLE: usize = 40;
/// How many in a thousand leave and come back.
const REHIRES_PER_MILLE: usize = 15;

/// Messages that the gateway took.
#[derive(Debug, Clone, Copy, Default)]
pub struct AcceptedMessages {
    /// Requests to the gateway, repeated ones included.
    pub posts: usize,
    /// People and events in them.
    pub events: usize,
}

impl AcceptedMessages {
    fn add(&mut self, receipt: &IntakeReceipt, events: usize, progress: &ProgressLine) {
        self.posts += usize::try_from(receipt.posts).unwrap_or(usize::MAX);
        self.events += events;
        progress.accepted(self.events);
    }
}

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

/// One half comes as SCIM bulk, the other as batches of events, then the groups.
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

/// One event for each, as an HR system's webhooks bring them.
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

/// So many in a thousand, spread evenly, beginning with the one at `first`.
fn some_keys(keys: &[String], per_mille: usize, first: usize) -> Vec<String> {
    let count = (keys.len() * per_mille / 1_000).max(1);
    (0..count).map(|i| keys[(first + i * keys.len() / count) % keys.len()].clone()).collect()
}
