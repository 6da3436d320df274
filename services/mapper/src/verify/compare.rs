//! Compares one target: finds the entries that differ, and sends them again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bus::StreamName;
use lifecycle::digest::DesiredEntry;
use lifecycle::{ResourceKind, VERIFICATION_NAMES_MAX, Verification, entry_name};
use tokio::time::Instant;

use super::{TargetVerifier, VerificationTrouble, WRITER, ours, theirs};
use crate::SERVICE;
use crate::policies::versions;
use crate::rows::restored_target;
use crate::work::{BatchInput, RepeatFailure, ResendRequest};

/// The subject, and for a membership the member.
pub(super) type EntryKey = (String, Option<String>);

/// The maximum time in which the writer takes all published commands.
const TAKEN_WITHIN: Duration = Duration::from_secs(120);
/// The interval at which positions of consumers are read.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The age in seconds from which a command in the outbox counts as not taken by the broker.
const WAITS_SECONDS: i64 = 5;
/// The maximum time that a verification waits for events that were accepted before it began.
const MERGED_WITHIN: Duration = Duration::from_secs(30);
/// The number of entries that are sent again in one transaction.
const BATCH_MAX: usize = 100;
/// Groups come before memberships, which are compared only if their group should exist.
const KINDS: [ResourceKind; 3] = [ResourceKind::Group, ResourceKind::User, ResourceKind::Membership];

/// An entry about which the two services disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EntryDifference {
    kind: ResourceKind,
    ours: Option<DesiredEntry>,
    theirs: Option<DesiredEntry>,
}

impl EntryDifference {
    fn entry(&self) -> &DesiredEntry {
        self.ours.as_ref().or(self.theirs.as_ref()).expect("one of the two knows it")
    }

    fn key(&self) -> EntryKey {
        (self.entry().subject.clone(), self.entry().member.clone())
    }

    /// Returns whether the mapper gives access that a later decision took away. The writer has that decision; the mapper's
    /// database was restored, and the statements since are lost.
    fn is_outdated(&self) -> bool {
        let (Some(ours), Some(theirs)) = (&self.ours, &self.theirs) else { return false };
        ours.gives && !theirs.gives && theirs.revision > ours.revision
    }

    /// Returns whether the writer gives access that was taken away.
    fn is_leaver(&self) -> bool {
        let gives = |entry: &Option<DesiredEntry>| entry.as_ref().is_some_and(|entry| entry.gives);
        !gives(&self.ours) && gives(&self.theirs)
    }
}

impl TargetVerifier {
    /// Compares all kinds and sends again what differs. Returns the writer's time at the beginning, in microseconds.
    pub(super) async fn compare(&self, report: &mut Verification) -> Result<i64, VerificationTrouble> {
        let target = report.target.clone();
        let mut begun = None;
        for kind in KINDS {
            let told = theirs::writer_digests(&self.bus, &target, kind).await?;
            if begun.is_none() {
                begun = Some(told.at);
                self.send_rules(&target, told.rules).await?;
                if let Some(restored_at) = told.restored_at {
                    let database = self.parts.store.writer();
                    restored_target::keep_restored_target(database, &target, restored_at).await?;
                }
            }
            let decided = ours::own_digests(&self.parts.store, &target, kind).await?;
            report.compared += decided.count();
            let buckets = decided.differing(&told.digests);
            if buckets.is_empty() {
                continue;
            }
            let differences = self.differences(&target, kind, &buckets).await?;
            self.make_good(report, differences).await?;
        }
        Ok(begun.unwrap_or_default())
    }

    /// Returns the entries in some ranges that still differ after the writer took everything that was published.
    async fn differences(
        &self,
        target: &str,
        kind: ResourceKind,
        buckets: &BTreeSet<u16>,
    ) -> Result<Vec<EntryDifference>, VerificationTrouble> {
        let first = self.look(target, kind, buckets).await?;
        if first.is_empty() {
            return Ok(first);
        }
        let outbox = self.parts.relay.status().await?;
        let oldest = outbox.oldest_departure_seconds.max(outbox.oldest_command_seconds);
        if oldest.is_some_and(|seconds| seconds >= WAITS_SECONDS) {
            return Err(VerificationTrouble::OutboxWaits);
        }
        self.everything_is_taken().await?;
        let buckets: BTreeSet<u16> = first.iter().map(|difference| difference.entry().bucket()).collect();
        let second = self.look(target, kind, &buckets).await?;
        // An entry that changed meanwhile is under way.
        let before: BTreeMap<EntryKey, Option<DesiredEntry>> =
            first.into_iter().map(|difference| (difference.key(), difference.ours)).collect();
        let stays = |difference: &EntryDifference| before.get(&difference.key()) == Some(&difference.ours);
        Ok(second.into_iter().filter(stays).collect())
    }

    /// Compares the entries of some ranges once.
    async fn look(
        &self,
        target: &str,
        kind: ResourceKind,
        buckets: &BTreeSet<u16>,
    ) -> Result<Vec<EntryDifference>, VerificationTrouble> {
        let mut theirs = theirs::writer_entries(&self.bus, target, kind, buckets).await?;
        let ours = ours::own_entries(&self.parts.store, target, kind, buckets).await?;
        let mut found = Vec::new();
        for (key, entry) in ours {
            match theirs.remove(&key) {
                Some(other) if entry.agrees_with(&other) => {}
                other => found.push(EntryDifference { kind, ours: Some(entry), theirs: other }),
            }
        }
        // A person whose account must be off may have it on: the change is held, was rejected, or had no effect.
        let unknown = theirs.into_values().filter(|entry| entry.gives || kind == ResourceKind::User);
        found.extend(unknown.map(|entry| EntryDifference { kind, ours: None, theirs: Some(entry) }));
        Ok(found)
    }

    /// Waits until all events accepted so far are merged: a database that was lost or restored does not know them before.
    /// Returns `false` if that takes too long.
    pub(super) async fn events_are_merged(&self) -> Result<bool, VerificationTrouble> {
        self.has_taken(StreamName::Events, SERVICE, MERGED_WITHIN).await
    }

    /// Waits until the writer has every command published so far.
    async fn everything_is_taken(&self) -> Result<(), VerificationTrouble> {
        match self.has_taken(StreamName::Commands, WRITER, TAKEN_WITHIN).await? {
            true => Ok(()),
            false => Err(VerificationTrouble::NotTaken),
        }
    }

    /// Waits until `consumer` has taken everything that is in the streams of `feed` now. Returns `false` after `within`.
    async fn has_taken(
        &self,
        feed: StreamName,
        consumer: &str,
        within: Duration,
    ) -> Result<bool, VerificationTrouble> {
        let positions = self.bus.positions(feed, consumer).await?;
        let last: BTreeMap<String, u64> =
            positions.into_iter().map(|position| (position.stream, position.last_sequence)).collect();
        let deadline = Instant::now() + within;
        loop {
            let positions = self.bus.positions(feed, consumer).await?;
            let is_taken = |position: &bus::StreamPosition| {
                // The consumer of departures reads nothing that this one does not read. Our own consumer is created in a moment.
                position.durable != consumer
                    || (!position.exists && consumer != SERVICE)
                    || position.is_idle()
                    || last.get(&position.stream).is_none_or(|last| position.ack_floor >= *last)
            };
            if positions.iter().all(is_taken) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Sends again what differs, departures first, and lists what is not known here.
    async fn make_good(
        &self,
        report: &mut Verification,
        mut differences: Vec<EntryDifference>,
    ) -> Result<(), VerificationTrouble> {
        if differences.is_empty() {
            return Ok(());
        }
        if differences.iter().any(EntryDifference::is_outdated) {
            self.orders.note_older_database(&self.parts.store).await?;
        }
        differences.sort_by_key(|difference| !difference.is_leaver());
        let (mut again, mut foreign) = (Vec::new(), Vec::new());
        for difference in differences {
            if difference.kind == ResourceKind::Membership && difference.is_outdated() {
                // A membership cannot be held for approval, so it is not given, but listed.
                report.withheld += 1;
                list(&mut report.withheld_subjects, &difference);
            } else if difference.ours.is_some() {
                again.push(difference);
            } else {
                foreign.push(difference);
            }
        }
        // A subject that is known here, but without a desired state at the target, is decided about.
        let keys: Vec<String> = foreign
            .iter()
            .filter(|difference| difference.kind != ResourceKind::Membership)
            .map(|difference| difference.entry().subject.clone())
            .collect();
        let kind = foreign.first().map_or(ResourceKind::User, |difference| difference.kind);
        let known = ours::known_keys(&self.parts.store, kind, &keys).await?;
        for difference in foreign {
            if known.contains(&difference.entry().subject) && difference.kind != ResourceKind::Membership {
                again.insert(0, difference);
                continue;
            }
            // What gives no access to somebody unknown, such as an orphan that was switched off, is harmless.
            if !difference.entry().gives {
                continue;
            }
            report.unknown += 1;
            list(&mut report.unknown_subjects, &difference);
        }
        for difference in &again {
            report.differed += 1;
            report.leavers += u64::from(difference.is_leaver());
            list(&mut report.differing, difference);
        }
        for batch in again.chunks(BATCH_MAX) {
            let inputs: Vec<BatchInput> = batch
                .iter()
                .map(|difference| BatchInput::Again(send_again(&report.target, difference)))
                .collect();
            self.send(&inputs).await?;
            report.sent_again += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        }
        self.everything_is_taken().await
    }

    /// Processes and publishes the inputs, and repeats that while other writers win the race.
    async fn send(&self, inputs: &[BatchInput]) -> Result<(), VerificationTrouble> {
        match self.parts.process_repeatedly(inputs, "what a verification sends again").await {
            Ok(Some(batch)) => Ok(self.parts.relay.deliver(vec![batch]).await?),
            Ok(None) => Ok(()),
            Err(RepeatFailure::Store(error)) => Err(error.into()),
            Err(RepeatFailure::Panicked(text)) => Err(VerificationTrouble::Panicked(text)),
            Err(RepeatFailure::Overtaken) => Err(VerificationTrouble::Overtaken),
        }
    }

    /// Sends the policy's rules if the writer has those of another version than the one in force.
    async fn send_rules(&self, target: &str, theirs: i64) -> Result<(), VerificationTrouble> {
        let in_force = self.parts.policies.borrow().of(target).map(|in_force| in_force.version);
        if in_force.is_none_or(|version| version == theirs) {
            return Ok(());
        }
        let Some(row) = versions::get_version(self.parts.store.reader(), target, in_force).await? else {
            return Ok(());
        };
        let Some(command) = versions::rules_command(target, &row.policy, row.version) else { return Ok(()) };
        let message = bus::OutgoingMessage::command(&command, lifecycle::TraceContext::root());
        for published in self.bus.publish(vec![message]).await {
            published?;
        }
        Ok(())
    }
}

/// Adds the name of an entry to a report, as long as there is room.
fn list(names: &mut Vec<String>, difference: &EntryDifference) {
    if names.len() < VERIFICATION_NAMES_MAX {
        names.push(entry_name(difference.entry()));
    }
}

fn send_again(target: &str, difference: &EntryDifference) -> ResendRequest {
    let entry = difference.entry();
    ResendRequest {
        target: target.to_owned(),
        kind: difference.kind,
        subject: entry.subject.clone(),
        member: entry.member.clone(),
        theirs: difference.theirs.as_ref().map_or(0, |entry| entry.revision),
        is_outdated: difference.is_outdated(),
    }
}
