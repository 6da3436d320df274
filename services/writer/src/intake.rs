//! Takes commands: changes the desired half of rows, never the applied one.

mod memberships;
pub(crate) mod quarantine;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bus::{Bus, Consumer, Delivery, StreamName};
use lifecycle::{
    AccountState, Command, DesiredState, HeldBy, Lane, ResourceKind, TraceContext, is_revision_ahead,
};
use relay::{OutboxBatch, OutboxPublisher};
use retry::RetryLog;
use scim::NestedGroups;
use sea_orm::DatabaseTransaction;
use store::quarantine::QuarantinedItem;
use store::{BatchHalves, Store, StoreError};
use telemetry::{ReadinessLatch, Shutdown, chain};
use tokio::sync::Notify;

use crate::error::WriterRunError;
use crate::guard::safety::{OUTDATED, tell_held};
use crate::rows::access::{AccessChange, takes_away};
use crate::rows::facts::{SERVICE, TransactionFacts};
use crate::rows::words::RowStatus;
use crate::rows::{control, dead, load_resources, make_lockable, resource, save_resources};
use crate::{micros, now};

use memberships::take_edges;

/// The maximum number of commands per transaction.
const BATCH_MAX: usize = 256;
const DURABLE: &str = "writer";
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_millis(200);

/// The wake-ups of the targets' owners, by target name.
pub(crate) type WakeUps = HashMap<String, Arc<Notify>>;

/// A hard shutdown came first: messages that were not acknowledged are delivered again.
struct IntakeStopped;

/// Waits before the next try to store commands.
async fn wait_before_retry(shutdown: &Shutdown) -> Result<(), IntakeStopped> {
    tokio::select! {
        () = shutdown.hard.cancelled() => Err(IntakeStopped),
        () = tokio::time::sleep(RETRY_AFTER) => Ok(()),
    }
}

/// A command with the trace context of its message.
type TracedCommand = (Command, Option<TraceContext>);

/// Consumes the COMMANDS stream. It is the stream's only reader.
pub(crate) struct CommandIntake {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: OutboxPublisher,
    pub(crate) wake_ups: WakeUps,
    /// The handling of groups in groups at each target, by target name.
    pub(crate) nested: HashMap<String, NestedGroups>,
    /// How often commands were stored again.
    pub(crate) retries: RetryLog,
}

impl CommandIntake {
    /// Takes commands until shutdown.
    ///
    /// # Errors
    /// If COMMANDS cannot be read at all.
    pub(crate) async fn run(self, ready: ReadinessLatch, shutdown: Shutdown) -> Result<(), WriterRunError> {
        let mut consumer: Consumer<Command> = self
            .bus
            .consume(StreamName::Commands, DURABLE)
            .await
            .map_err(|source| WriterRunError::Consume { source })?;
        self.read_again().await;
        let mut departures: Consumer<Command> = self
            .bus
            .consume_departures(StreamName::Commands)
            .await
            .map_err(|source| WriterRunError::Consume { source })?;
        ready.open();
        loop {
            // Departures arrive a second time with all other commands; their revision is known by then.
            let batch = tokio::select! {
                biased;
                () = shutdown.soft.cancelled() => return Ok(()),
                batch = departures.next_batch(BATCH_MAX) => batch,
                batch = consumer.next_batch(BATCH_MAX) => batch,
            };
            let batch = batch.map_err(|source| WriterRunError::Consume { source })?;
            self.take(batch, &shutdown).await;
        }
    }

    /// Stores a batch of commands, and acknowledges its messages.
    async fn take(&self, batch: Vec<Delivery<Command>>, shutdown: &Shutdown) {
        if self.work_through(&batch, shutdown).await.is_err() {
            return;
        }
        for delivery in batch {
            delivery.ack().await;
        }
    }

    /// Stores the batch. Bisects it to find the commands that the database refuses, quarantines them, and stores the rest.
    async fn work_through(
        &self,
        batch: &[Delivery<Command>],
        shutdown: &Shutdown,
    ) -> Result<(), IntakeStopped> {
        let mut commands: Vec<TracedCommand> = Vec::with_capacity(batch.len());
        let mut origins = Vec::with_capacity(batch.len());
        for delivery in batch {
            match &delivery.body {
                Ok(command) => {
                    commands.push((command.clone(), delivery.trace));
                    origins.push(delivery);
                }
                Err(error) => {
                    self.set_aside(&quarantine::unreadable_command(delivery, &error.reason), shutdown)
                        .await?;
                }
            }
        }
        let mut parts = BatchHalves::of(commands.len());
        while let Some(part) = parts.next_part() {
            match self.store_commands(&commands[part.clone()]).await {
                Ok(()) => self.retries.succeeded(),
                Err(error) if error.is_refusal() => {
                    let Some(culprit) = parts.refused(part) else { continue };
                    let (delivery, (command, _)) = (origins[culprit], &commands[culprit]);
                    self.set_aside(&quarantine::not_stored(delivery, command, &error), shutdown).await?;
                }
                Err(error) => {
                    parts.again(part);
                    self.retries.failed("commands", &error);
                    wait_before_retry(shutdown).await?;
                }
            }
        }
        Ok(())
    }

    async fn set_aside(&self, item: &QuarantinedItem, shutdown: &Shutdown) -> Result<(), IntakeStopped> {
        while let Err(error) = quarantine::set_aside(&self.store, item).await {
            self.retries.failed("commands", &error);
            wait_before_retry(shutdown).await?;
        }
        self.retries.succeeded();
        Ok(())
    }

    /// Takes commands that an earlier version could not read.
    async fn read_again(&self) {
        let again = async {
            for (item, command) in quarantine::to_read_again(&self.store).await? {
                self.store_commands(&[(command, None)]).await?;
                store::quarantine::remove_item(self.store.writer(), SERVICE, &item.id).await?;
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = again.await {
            tracing::warn!(error = chain(&error), "could not look at what is set aside");
        }
    }

    /// Stores commands in one transaction, publishes its facts, and wakes the owners of the targets.
    async fn store_commands(&self, commands: &[TracedCommand]) -> Result<(), StoreError> {
        let mut by_target: BTreeMap<&str, Vec<&TracedCommand>> = BTreeMap::new();
        for command in commands {
            by_target.entry(&command.0.target).or_default().push(command);
        }
        let parcel = self.commit(&by_target).await?;
        self.relay.send(parcel).await;
        for target in by_target.keys() {
            match self.wake_ups.get(*target) {
                Some(wake_up) => wake_up.notify_one(),
                None => tracing::warn!(
                    target_name = *target,
                    "commands for a target that is not configured are kept"
                ),
            }
        }
        Ok(())
    }

    /// Applies the commands to the rows of each target in one transaction. Returns the outbox batch.
    async fn commit(
        &self,
        by_target: &BTreeMap<&str, Vec<&TracedCommand>>,
    ) -> Result<Option<OutboxBatch>, StoreError> {
        let clock = self.store.now().await?;
        let tx = self.store.begin().await?;
        let mut news = TransactionFacts::default();
        for (target, commands) in by_target {
            if let Some(guard) = commands.iter().rev().find_map(|(command, _)| command.guard) {
                control::set_guard(&tx, target, guard).await?;
            }
            for (command, _) in commands {
                if let Some(orphans) = &command.orphans {
                    let rules = control::OrphanRules { version: command.revision, orphans: orphans.clone() };
                    control::set_rules(&tx, target, &rules).await?;
                }
            }
            for kind in [ResourceKind::User, ResourceKind::Group] {
                take_resources(&tx, (target, clock), kind, commands, &mut news).await?;
            }
            let nested = self.nested.get(*target).copied().unwrap_or_default();
            take_edges(&tx, (target, clock), nested, commands, &mut news).await?;
        }
        store::outbox::delete_rows(&tx, SERVICE, &self.relay.take_published().await).await?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("store commands"))?;
        Ok(parcel)
    }
}

/// Applies commands for people or groups of one target, in the order of their revisions.
async fn take_resources(
    tx: &DatabaseTransaction,
    (target, clock): (&str, i64),
    kind: ResourceKind,
    commands: &[&TracedCommand],
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    let mut ours: Vec<&TracedCommand> =
        commands.iter().copied().filter(|(c, _)| c.desired.kind() == kind).collect();
    if ours.is_empty() {
        return Ok(());
    }
    ours.sort_by_key(|(command, _)| command.revision);
    let subjects: Vec<String> = ours.iter().map(|(command, _)| command.subject.clone()).collect();
    make_lockable(tx, target, kind, &subjects).await?;
    let mut rows = load_resources(tx, target, kind, &subjects, true).await?;
    let mut outlived = Vec::new();
    for (command, trace) in ours {
        let row = rows
            .entry(command.subject.clone())
            .or_insert_with(|| resource::Model::new(target, kind, &command.subject));
        if is_refused(row.desired_revision, command.revision, clock, takes_away(&command.desired)) {
            news.refused(target, kind, (&command.subject, command.revision), *trace);
            continue;
        }
        outlived.extend(apply_command(row, command, *trace, news));
    }
    dead::close_letters(tx, &outlived, dead::DISCARDED).await?;
    save_resources(tx, rows.into_values().collect()).await
}

/// Makes `command` the desired state of the row, unless the row has a newer one. Returns the dead letter that this closes.
fn apply_command(
    row: &mut resource::Model,
    command: &Command,
    trace: Option<TraceContext>,
    news: &mut TransactionFacts,
) -> Option<String> {
    if command.revision <= row.desired_revision {
        if command.revision < row.desired_revision && command.revision > row.applied_revision {
            news.superseded(row, command.revision, row.desired_revision);
        }
        return None;
    }
    if row.is_queued() && row.attempts == 0 && row.desired_revision > row.applied_revision {
        news.superseded(row, row.desired_revision, command.revision);
    }
    let outlived = row.dead_letter.take();
    if let Some(letter) = &outlived {
        news.outlived(letter, &row.subject, command.revision);
    }
    let needs_approval = needs_approval(row, command);
    let waited = row.access_change().filter(|_| !row.is_let_through());
    row.desired_revision = command.revision;
    row.desired = serde_json::to_string(&command.desired).expect("a desired state is plain data");
    row.event = command.event.as_ref().map(ToString::to_string);
    row.trace = trace.map(|trace| trace.to_string());
    row.accepted_at = micros(command.accepted_at);
    // A disable on its way stays urgent, even if other changes have been added.
    let still_leaving = row.is_queued() && row.lane() == Lane::Leaver && takes_away(&command.desired);
    row.lane = if still_leaving { Lane::Leaver.rank() } else { command.lane.rank() };
    row.attempts = 0;
    row.failures = None;
    row.awaits = None;
    row.waiting = None;
    row.last_error = None;
    row.stated_at = row.stated_at.max(command.stated_at.map(micros));
    row.count_change(&command.desired);
    row.planned = is_permitted(command, waited, row.access_change());
    row.delete_at = None;
    row.enqueue(RowStatus::Pending, micros(now()));
    if needs_approval {
        row.hold(HeldBy::Outdated, OUTDATED.to_owned(), micros(now()));
        tell_held(row, OUTDATED, news);
    }
    outlived
}

/// Returns whether the command brings its permission with it. An order does for switching off. A plan does for what it
/// showed: a change of access that waited before, or was held or rejected, is no part of it.
fn is_permitted(command: &Command, waited: Option<AccessChange>, asked: Option<AccessChange>) -> bool {
    let is_switched_off =
        matches!(&command.desired, DesiredState::User(account) if account.state == AccountState::Disabled);
    let waited_before =
        waited.zip(asked).is_some_and(|(waited, asked)| waited.takes_away() == asked.takes_away());
    (command.ordered && is_switched_off) || (command.planned && !waited_before)
}

/// Returns whether an operator must approve access that the mapper decided on with a database older than the row. Once
/// held, a change that gives access stays held, also after a rejection: only a removal or an approval ends it.
fn needs_approval(row: &resource::Model, command: &Command) -> bool {
    let is_held = row.is_held_as(HeldBy::Outdated);
    let gave_nothing = || row.desired().map_or(true, |desired| takes_away(&desired));
    !takes_away(&command.desired) && (is_held || (command.needs_approval && gave_nothing()))
}

/// Returns whether a revision comes from a wrong clock: no decision made with a sound clock could follow it. A removal of
/// access is taken all the same, and so are commands for a row that is so far ahead already.
fn is_refused(known: i64, revision: i64, clock: i64, takes_away: bool) -> bool {
    is_revision_ahead(revision, clock) && !is_revision_ahead(known, clock) && !takes_away
}
