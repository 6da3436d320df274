//! Builds the facts that the writer publishes, and keeps them in the outbox until the bus has stored them.

use bus::OutgoingMessage;
use lifecycle::{DeadLetter, DeadLetterId, Fact, FactRecord, ResourceKind, TraceContext};
use relay::OutboxBatch;
use sea_orm::DatabaseTransaction;
use store::StoreError;

use crate::now;
use crate::rows::resource;
use crate::rows::settled::SettledOutcome;

/// The name of the service in subjects, tables and facts.
pub(crate) const SERVICE: &str = "writer";

/// The facts and dead letters of one transaction.
#[derive(Debug, Default)]
pub(crate) struct TransactionFacts {
    facts: Vec<FactRecord>,
    letters: Vec<(DeadLetter, Option<TraceContext>)>,
}

impl TransactionFacts {
    /// Adds a fact about `subject`. `id` is built from the content of the fact.
    pub(crate) fn tell(&mut self, id: String, subject: &str, trace: Option<TraceContext>, fact: Fact) {
        self.facts.push(FactRecord { id, at: now(), subject: subject.to_owned(), trace, fact });
    }

    /// Adds facts that are ready.
    pub(crate) fn extend(&mut self, facts: Vec<FactRecord>) {
        self.facts.extend(facts);
    }

    /// Adds the fact that a newer command replaced a command.
    pub(crate) fn superseded(&mut self, row: &resource::Model, revision: i64, by: i64) {
        let id = format!("sup:{}:{}:{}:{revision}", row.target, row.kind, row.subject);
        let fact = Fact::Superseded { target: row.target.clone(), kind: row.kind(), revision, by };
        self.tell(id, &row.subject, row.trace(), fact);
    }

    /// Adds the fact that a command was refused because its revision is ahead of every clock.
    pub(crate) fn refused(
        &mut self,
        target: &str,
        kind: ResourceKind,
        (subject, revision): (&str, i64),
        trace: Option<TraceContext>,
    ) {
        telemetry::metrics::command_refused(target);
        tracing::error!(
            target_name = target,
            subject,
            revision,
            "a command is ahead of every clock and is refused"
        );
        let reason = "the revision is more than a day ahead of the clock: set the clock of the mapper's database right, then \
                      `usher verify`"
            .to_owned();
        let id = format!("ref:{target}:{}:{subject}:{revision}", kind.as_str());
        self.tell(id, subject, trace, Fact::Refused { target: target.to_owned(), kind, revision, reason });
    }

    /// Adds the fact that a resource needs an operator, and its dead letter.
    pub(crate) fn died(&mut self, letter: DeadLetter, trace: Option<TraceContext>) {
        telemetry::metrics::dead_letter(&letter.target);
        let id = format!("ded:{}", letter.id);
        self.tell(id, &letter.subject, trace, Fact::Died(Box::new(letter.clone())));
        self.letters.push((letter, trace));
    }

    /// Adds the fact that a dead letter was closed because a newer revision took its place.
    pub(crate) fn outlived(&mut self, letter: &str, subject: &str, by: i64) {
        self.discarded(letter, subject, format!("superseded by revision {by}"));
    }

    /// Adds the fact that a dead letter was closed because its subject is no longer relevant.
    pub(crate) fn discarded(&mut self, letter: &str, subject: &str, why: String) {
        let Ok(dead_letter) = letter.parse::<DeadLetterId>() else { return };
        let fact = Fact::Discarded { dead_letter, who: "usher".to_owned(), why };
        self.tell(format!("dis:{letter}"), subject, None, fact);
    }

    /// Adds the fact that the target agrees with the desired state.
    pub(crate) fn settled(&mut self, about: &SettledFact<'_>) {
        let SettledFact {
            target,
            kind,
            subject,
            member_of,
            revision,
            outcome,
            note,
            latency_ms,
            trace,
            again,
        } = *about;
        let kind_of = match member_of {
            Some(group) => format!("{}:{group}", kind.as_str()),
            None => kind.as_str().to_owned(),
        };
        let id = format!("set:{target}:{kind_of}:{subject}:{revision}:{}:{again}", outcome.as_str());
        let fact = Fact::Settled {
            target: target.to_owned(),
            kind,
            revision,
            outcome: outcome.as_str().to_owned(),
            latency_ms,
            member_of: member_of.map(str::to_owned),
            note: note.map(str::to_owned),
        };
        self.tell(id, subject, trace, fact);
    }

    /// Stores everything in the outbox within `tx`. The caller publishes the returned batch after the commit.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn store(self, tx: &DatabaseTransaction) -> Result<Option<OutboxBatch>, StoreError> {
        let mut messages = OutgoingMessage::facts(SERVICE, &self.facts);
        messages
            .extend(self.letters.iter().map(|(letter, trace)| OutgoingMessage::dead_letter(letter, *trace)));
        relay::store_batch(tx, SERVICE, messages).await
    }
}

/// The content of the fact that [`TransactionFacts::settled`] adds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettledFact<'a> {
    pub(crate) target: &'a str,
    pub(crate) kind: ResourceKind,
    pub(crate) subject: &'a str,
    /// The group, if the fact is about a membership.
    pub(crate) member_of: Option<&'a str>,
    pub(crate) revision: i64,
    pub(crate) outcome: SettledOutcome,
    /// A note for an operator.
    pub(crate) note: Option<&'static str>,
    pub(crate) latency_ms: i64,
    pub(crate) trace: Option<TraceContext>,
    /// Distinguishes two settlements of one revision (a reference that was resolved later).
    pub(crate) again: i64,
}
