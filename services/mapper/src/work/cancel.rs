//! Cancels scheduled changes of a person on behalf of an operator.

use lifecycle::{Actor, Fact, FactRecord, ScheduleId, TraceContext, UpcomingChange};
use time::OffsetDateTime;

use super::{BatchState, CommandCause};

impl BatchState<'_> {
    /// Cancels those of `ids` that are still scheduled. A change that has taken effect meanwhile is not undone.
    pub(super) fn cancel(&mut self, person: &str, ids: &[ScheduleId], actor: &Actor) {
        let now = self.micros();
        let trace = TraceContext::root();
        let Some(known) = self.people.get_mut(person) else { return };
        let planned =
            known.state.planned(person, now).into_iter().filter(|planned| ids.contains(&planned.id));
        for planned in planned {
            known.state.cancel(planned.version.effective_at, &planned.parts, now);
            known.touched = Some(CommandCause { trace, ..CommandCause::again(self.now, false) });
            self.facts.push(cancel_fact(person, &planned, actor, self.now, trace));
        }
    }
}

fn cancel_fact(
    person: &str,
    planned: &UpcomingChange,
    actor: &Actor,
    now: OffsetDateTime,
    trace: TraceContext,
) -> FactRecord {
    let what = planned.parts.iter().map(|part| part.name().to_owned());
    FactRecord {
        id: format!("can:{}", planned.id),
        at: now,
        subject: person.to_owned(),
        trace: Some(trace),
        fact: Fact::ScheduleCancelled {
            schedule: planned.id.clone(),
            effective_at: crate::moment_of(planned.version.effective_at),
            what: what.collect(),
            who: actor.who.clone(),
            why: actor.why.clone(),
        },
    }
}
