//! Takes back what is planned for a person, because an operator said so.

use lifecycle::{Actor, Fact, FactRecord, Part, ScheduleId, TraceContext, Upcoming};
use time::OffsetDateTime;

use super::{Cause, Work};

impl Work<'_> {
    /// Those of `ids` that are still planned; what took effect meanwhile is history.
    pub(super) fn cancel(&mut self, person: &str, ids: &[ScheduleId], actor: &Actor) {
        let now = self.micros();
        let trace = TraceContext::root();
        let Some(known) = self.people.get_mut(person) else { return };
        let planned =
            known.state.planned(person, now).into_iter().filter(|planned| ids.contains(&planned.id));
        for planned in planned {
            known.state.cancel(planned.version.effective_at, &planned.parts, now);
            known.touched = Some(Cause { trace, ..Cause::again(self.now, false) });
            self.facts.push(fact(person, &planned, actor, self.now, trace));
        }
    }
}

fn fact(
    person: &str,
    planned: &Upcoming,
    actor: &Actor,
    now: OffsetDateTime,
    trace: TraceContext,
) -> FactRecord {
    let what = planned.parts.iter().map(|part| match part {
        Part::Employment(kind) => kind.as_str().to_owned(),
        Part::Attribute(name) => name.clone(),
        Part::Record => "whole record".to_owned(),
    });
    FactRecord {
        id: format!("can:{}", planned.id),
        at: now,
        subject: person.to_owned(),
        trace: Some(trace),
        fact: Fact::ScheduleCancelled {
            schedule: planned.id.clone(),
            effective_at: crate::moment(planned.version.effective_at),
            what: what.collect(),
            who: actor.who.clone(),
            why: actor.why.clone(),
        },
    }
}
