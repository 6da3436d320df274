//! Merges the events of a batch into people and groups.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    ContradictionCode, Event, EventKind, Fact, FactRecord, PeopleConfig, PersonRecord, RefusedPart,
    TraceContext, unix_micros,
};

use super::{BatchInput, BatchState, CommandCause};
use crate::policies::PolicySet;
use crate::rows::inbox;

/// The result of merging one event.
pub(super) struct MergeResult {
    pub(super) changed: bool,
    pub(super) revision: i64,
    /// Key of the subject of the event.
    pub(super) subject: String,
    /// The parts of the event without effect, with the reasons.
    pub(super) note: Option<String>,
    /// `true` if decisions about others may change.
    pub(super) shows: bool,
    /// `true` if the sender may state nothing of the event.
    pub(super) is_refused: bool,
}

impl MergeResult {
    /// The result of an event that changes nothing.
    pub(super) fn nothing(subject: &str) -> Self {
        Self {
            changed: false,
            revision: 0,
            subject: subject.to_owned(),
            note: None,
            shows: false,
            is_refused: false,
        }
    }
}

impl BatchState<'_> {
    /// Merges every event that was not merged before, and marks the subjects that must be decided about.
    pub(super) fn merge(&mut self, inputs: &[BatchInput], backfill: bool) {
        for input in inputs {
            if self.keep_back(input) {
                continue;
            }
            match input {
                BatchInput::Departure(departure) => self.release(departure),
                BatchInput::Event { event, sequence, trace, repeated: true, .. } => {
                    self.merge_repeated(event, *sequence, *trace);
                }
                BatchInput::Event { event, sequence, trace, content, .. } => {
                    self.merge_event(event, *sequence, *trace, content.as_deref());
                }
                BatchInput::Rows { event, sequence, resolved, unresolved } => {
                    self.note_rows(event, *sequence, (*resolved, *unresolved));
                }
                BatchInput::Person(key) => {
                    let cause = CommandCause::again(self.now, backfill);
                    if let Some(person) = self.people.get_mut(key) {
                        person.touched.get_or_insert(cause);
                    }
                }
                BatchInput::Group(key) => {
                    let cause = CommandCause::again(self.now, backfill);
                    if let Some(group) = self.groups.get_mut(key) {
                        group.touched.get_or_insert_with(|| cause.clone());
                        // Otherwise no membership changed.
                        if group.next_due_at.is_some_and(|due| due <= unix_micros(self.now)) {
                            self.whole_groups.entry(key.clone()).or_insert(cause);
                        }
                    }
                }
                BatchInput::Record { source, key } => {
                    let cause = CommandCause::again(self.now, backfill);
                    if let Some(record) = self.records.get_mut(&(source.clone(), key.clone())) {
                        record.touched.get_or_insert(cause);
                    }
                }
                BatchInput::Verdict { source, key, person, same, actor } => {
                    self.note_verdict((source, key), person, *same, actor);
                }
                BatchInput::Join { person, other, actor } => self.join(person, other, actor),
                BatchInput::Order { person, kind, order, actor } => self.order(person, *kind, *order, actor),
                BatchInput::GivenAgain(act) => self.give_again(act),
                BatchInput::Cancel { person, planned, actor } => self.cancel(person, planned, actor),
                BatchInput::Again(again) => self.note_again(again),
                // Raises the group's revision, for the reason given at `merge_group`.
                BatchInput::Edge { group, .. } => {
                    let cause = CommandCause::again(self.now, backfill);
                    if let Some(group) = self.groups.get_mut(group) {
                        group.touched.get_or_insert(cause);
                    }
                }
            }
        }
    }

    /// Merges one event, unless it is a duplicate or reuses the id of another one.
    pub(super) fn merge_event(
        &mut self,
        event: &Event,
        sequence: u64,
        trace: Option<TraceContext>,
        content: Option<&str>,
    ) {
        let span = tracing::info_span!("event.merge", otel.kind = "consumer", event = %event.id, trace_id = tracing::field::Empty);
        let trace = telemetry::in_trace(&span, trace);
        let _entered = span.entered();
        let before = self.seen.get(event.id.as_str()).cloned();
        if let Some(Some(before)) = &before
            && content.is_some_and(|content| content != before)
        {
            self.reused.insert(sequence, crate::quarantine::reused_event(event, sequence));
            let id = format!("reused:{}:{sequence}", event.id);
            self.tell_merged(event, id, MergeResult::nothing(&event.subject), "refused", trace);
            return;
        }
        let fresh = before.is_none();
        self.seen.entry(event.id.to_string()).or_insert_with(|| content.map(str::to_owned));
        if let Some(run) = &event.feed {
            self.feeds.note(event, run, fresh);
        } else if event.kind == EventKind::WorkerDeleted {
            self.feeds.note_erased(event);
        }
        let is_same = self.taken.get(event.id.as_str()).and_then(|at| u64::try_from(*at).ok());
        if !fresh && is_same == Some(sequence) {
            return; // the same message, by the other lane
        }
        if !fresh {
            let id = format!("dup:{}:{sequence}", event.id);
            self.tell_merged(event, id, MergeResult::nothing(&event.subject), "duplicate", trace);
            return;
        }
        self.merged.push(inbox::Model {
            event_id: event.id.to_string(),
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            received_at: self.micros(),
            content: content.map(str::to_owned),
        });
        let merged = self.merge_admitted(event, sequence, &CommandCause::of(event, trace));
        let outcome = match () {
            () if merged.is_refused => "refused",
            () if event.effective_at > self.now => "scheduled",
            () if merged.changed => "changed",
            () => "unchanged",
        };
        self.tell_merged(event, format!("mrg:{}", event.id), merged, outcome, trace);
    }

    /// Merges a repeated row of a full feed. It counts as any row does, however often it arrives. A fact is published only if
    /// something follows from it.
    fn merge_repeated(&mut self, event: &Event, sequence: u64, trace: Option<TraceContext>) {
        let Some(run) = &event.feed else { return };
        self.feeds.note_repeated(event, run);
        let trace = trace.unwrap_or_else(TraceContext::root);
        let cause = CommandCause { repeated: true, ..CommandCause::of(event, trace) };
        let merged = self.merge_admitted(event, sequence, &cause);
        if merged.shows || merged.note.is_some() {
            let id = format!("mrg:{}", event.id);
            self.tell_merged(event, id, merged, "changed", trace);
        } else {
            telemetry::metrics::count_merged("repeated", 1);
        }
    }

    /// Records the number of named rows, once.
    fn note_rows(&mut self, event: &Event, sequence: u64, counts: (u64, u64)) {
        let (Some(run), false) = (&event.feed, self.seen.contains_key(event.id.as_str())) else { return };
        self.seen.insert(event.id.to_string(), None);
        self.merged.push(inbox::Model {
            event_id: event.id.to_string(),
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            received_at: self.micros(),
            content: None,
        });
        self.feeds.note_rows(event, run, counts);
    }

    /// Merges an event about a person, either directly or through a record that is matched with the person.
    pub(super) fn merge_worker(&mut self, event: &Event, sequence: u64, cause: CommandCause) -> MergeResult {
        let (now, people, repeated) = (self.micros(), self.policies.people(), cause.repeated);
        let source = people.name_of_event(event);
        if let Some(source) = source.filter(|source| !people.match_on(source).is_empty()) {
            return self.merge_record(source, event, sequence, cause);
        }
        let subject = self.who_is(&event.subject).to_owned();
        let Some(person) = self.people.get_mut(&subject) else { return MergeResult::nothing(&subject) };
        let before = person.state.clone();
        let (event, mut refused) = within_limits(&person.state, event, self.policies);
        let event = event.as_ref();
        refused.extend(match source {
            _ if subject != event.subject => {
                let source = source.unwrap_or_default();
                person.state.merge_as(&event.subject, source, people, (event, sequence), now)
            }
            Some(source) => person.state.merge_from(source, people, event, sequence, now),
            None => person.state.merge(event, sequence, now),
        });
        let changed = person.state != before;
        let shows = changed && before.view(&subject, now) != person.state.view(&subject, now);
        if changed {
            touch_cause(&mut person.touched, cause);
        }
        self.findings.refuse(&subject, event, &refused);
        let note = source
            .filter(|_| !repeated)
            .and_then(|source| ineffective_note(&person.state, source, people, event, now));
        let note = with_contradictions(with_refused(note, &refused), &subject, (&before, &person.state), now);
        let revision = person.revision + 1;
        self.note_statement(&subject, event);
        MergeResult { changed, revision, subject, note, shows, is_refused: false }
    }

    /// Notes that a source with employment authority stated that a person works here. Nothing less confirms access that a
    /// restored database gives: a change of attributes may be about someone who left since the backup.
    pub(super) fn note_statement(&mut self, person: &str, event: &Event) {
        let people = self.policies.people();
        let counts = people.name_of_event(event).is_none_or(|source| people.employs(source));
        if !counts || !event.asserts_employment() {
            return;
        }
        let at = unix_micros(event.accepted_at);
        self.stated.entry(person.to_owned()).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }

    /// Merges an event about a group. Each one raises the group's revision, including one about a membership: a replica that
    /// creates the group at a target concurrently must see that membership.
    pub(super) fn merge_group(&mut self, event: &Event, sequence: u64, cause: CommandCause) -> MergeResult {
        let now = self.micros();
        let Some(group) = self.groups.get_mut(&event.subject) else {
            return MergeResult::nothing(&event.subject);
        };
        let refused = group.state.merge(event, sequence, now);
        group.touched = Some(cause.clone());
        if event.kind == EventKind::GroupUpserted && event.members.is_some() {
            self.whole_groups.insert(event.subject.clone(), cause);
        }
        let (subject, revision) = (event.subject.clone(), group.revision + 1);
        self.findings.refuse(&subject, event, &refused);
        let note = with_refused(None, &refused);
        MergeResult { changed: true, revision, subject, note, shows: true, is_refused: false }
    }

    /// Publishes a fact about the outcome of merging an event.
    fn tell_merged(
        &mut self,
        event: &Event,
        id: String,
        merged: MergeResult,
        outcome: &str,
        trace: TraceContext,
    ) {
        telemetry::metrics::count_merged(outcome, 1);
        self.facts.push(FactRecord {
            id,
            at: self.now,
            subject: merged.subject,
            trace: Some(trace),
            fact: Fact::Merged {
                event: event.id.clone(),
                event_type: event.kind.to_string(),
                source: event.source.clone(),
                sender: event.sender.clone(),
                revision: merged.revision,
                outcome: outcome.to_owned(),
                note: merged.note,
            },
        });
        debug_assert!(unix_micros(self.now) >= 0, "the clock is past 1970");
    }

    /// Applies the current precedence of sources. The configuration may have changed since their statements were merged.
    pub(super) fn rank_sources(&mut self) {
        let people = self.policies.people();
        for person in self.people.values_mut().filter(|person| person.touched.is_some()) {
            person.state.rank(people);
            person.is_ranked = true;
        }
    }
}

/// Sets the cause. The last one wins, but a repeated row never replaces another cause.
pub(super) fn touch_cause(touched: &mut Option<CommandCause>, cause: CommandCause) {
    if !cause.repeated || touched.as_ref().is_none_or(|before| before.repeated) {
        *touched = Some(cause);
    }
}

/// Returns the event without the excess attributes, and the refused attributes.
pub(super) fn within_limits<'e>(
    state: &PersonRecord,
    event: &'e Event,
    policies: &PolicySet,
) -> (Cow<'e, Event>, Vec<RefusedPart>) {
    let excess = state.excess_attributes(event, |name| policies.use_attribute(name));
    if excess.is_empty() {
        return (Cow::Borrowed(event), Vec::new());
    }
    let mut fitting = event.clone();
    fitting.attributes.retain(|name, _| !excess.contains(name));
    (Cow::Owned(fitting), excess.into_iter().map(RefusedPart::UnusedAttribute).collect())
}

/// Adds the parts that were refused because a limit was reached to the note, and counts them.
pub(super) fn with_refused(note: Option<String>, refused: &[RefusedPart]) -> Option<String> {
    if refused.is_empty() {
        return note;
    }
    for one in refused {
        telemetry::metrics::statement_refused(one.limit());
    }
    let named: Vec<String> = refused.iter().take(REFUSED_NAMED_MAX).map(RefusedPart::to_string).collect();
    let more = match refused.len().saturating_sub(REFUSED_NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let told =
        format!("refused, because its source said too much of this already: {}{more}", named.join(", "));
    Some(note.map_or(told.clone(), |note| format!("{note}; {told}")))
}

/// Adds new contradictions about employment to the note, and counts them.
fn with_contradictions(
    note: Option<String>,
    subject: &str,
    (before, after): (&PersonRecord, &PersonRecord),
    now: i64,
) -> Option<String> {
    if before == after {
        return note;
    }
    let codes = |state: &PersonRecord| -> BTreeSet<ContradictionCode> {
        state.contradictions(now).into_iter().map(|known| known.code).collect()
    };
    let known = codes(before);
    let fresh: Vec<&'static str> = codes(after).difference(&known).map(|code| code.as_str()).collect();
    if fresh.is_empty() {
        return note;
    }
    for code in &fresh {
        telemetry::metrics::count_contradiction(code);
        tracing::warn!(
            person = subject,
            code,
            "what sources say of a person's employment cannot all be true"
        );
    }
    let told = format!("contradicts what was said before: {} (docs/employment.md)", fresh.join(", "));
    Some(note.map_or(told.clone(), |note| format!("{note}; {told}")))
}

/// The maximum number of refused parts of an event that its note names.
const REFUSED_NAMED_MAX: usize = 5;

/// Adds unreadable values to the note, by their place and form.
pub(super) fn with_unread(note: Option<String>, event: &Event) -> Option<String> {
    let unread = event.unread.iter();
    let unread = unread.map(|value| format!("{} cannot be read or used: {}", value.field, value.class));
    let all: Vec<String> = note.into_iter().chain(unread).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Returns the parts of an event without effect at `now`, because other sources take precedence. It contains names, never values.
pub(super) fn ineffective_note(
    person: &PersonRecord,
    source: &str,
    people: &PeopleConfig,
    event: &Event,
    now: i64,
) -> Option<String> {
    let mut notes: Vec<String> = Vec::new();
    let is_of_employment = !matches!(event.kind, EventKind::WorkerChanged)
        && (event.kind != EventKind::WorkerSnapshot || event.attributes.contains_key("active"));
    if is_of_employment && !people.employs(source) {
        notes.push(format!("{source} does not say who works here"));
    }
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in event.attributes.keys() {
        match person.source_of(name, now) {
            Some(other) if other != source => by_source.entry(other).or_default().push(name),
            _ => {}
        }
    }
    for (other, names) in by_source {
        let who = if other.is_empty() { "what was known before" } else { other };
        notes.push(format!("{who} counts for {}", names.join(", ")));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}
