//! Verbs `schedule` and `cancel_schedule`: changes that take effect later, for operators.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    CancelScheduleReply, CancelScheduleRequest, CancelledStatement, NotCancelled, PersonRecord, PlannedPart,
    ResourceKind, SCHEDULE_CANCEL_MAX, SCHEDULE_PEOPLE_MAX, ScheduleId, ScheduleReply, ScheduleRequest,
    ScheduledChange, ScheduledStatement, UpcomingChange, unix_micros,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::outlook::{OutlookPerson, compute_outlook};
use crate::policies::{PolicySet, versions};
use crate::rows::{desired, identity};
use crate::subjects::{GroupIndex, SubjectPage};
use crate::unreadable::{StateKind, UnreadableStates};
use crate::work::BatchInput;
use crate::{moment_of, now};

/// The number of people read per statement to find the one that an id belongs to.
const SEARCHED_AT_ONCE: u64 = 1_000;

/// The changes that must be cancelled, by person.
type ChosenChanges = BTreeMap<String, Vec<UpcomingChange>>;

impl MapperControl {
    /// Returns the number of people with a change that takes effect later.
    pub(super) async fn people_scheduled(&self) -> Result<u64, StoreError> {
        let scheduled = identity::Entity::find().filter(identity::Column::ScheduledAt.is_not_null());
        scheduled
            .count(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("count people with scheduled changes"))
    }

    /// Answers `schedule`: one page of people with scheduled changes and their effects.
    pub(super) async fn schedule(&self, request: &ScheduleRequest) -> Result<ScheduleReply, MapperRefusal> {
        let limit = request.limit.clamp(1, SCHEDULE_PEOPLE_MAX);
        let until = request.until.unwrap_or_else(|| moment_of(i64::MAX));
        let mut query = identity::Entity::find()
            .filter(identity::Column::ScheduledAt.lte(unix_micros(until)))
            .order_by_asc(identity::Column::ScheduledAt)
            .order_by_asc(identity::Column::Key)
            .limit(limit);
        if let Some(named) = &request.person {
            query = query.filter(identity::Column::Key.eq(self.person(named).await?));
        }
        if let Some(cursor) = &request.cursor {
            query = query.filter(after_cursor(cursor)?);
        }
        let rows = query.all(self.parts.store.reader()).await;
        let rows = rows.map_err(StoreError::statement("read scheduled changes"))?;
        let is_last = (rows.len() as u64) < limit;
        let next_cursor = rows.last().filter(|_| !is_last).map(cursor_at);
        Ok(ScheduleReply { changes: self.changes(rows, until).await?, next_cursor })
    }

    /// Computes the outlook of these people until `until`.
    async fn changes(
        &self,
        rows: Vec<identity::Model>,
        until: time::OffsetDateTime,
    ) -> Result<Vec<ScheduledChange>, StoreError> {
        let now = now();
        let policies = versions::in_force(self.parts.store.reader()).await?;
        let mut unreadable = UnreadableStates::default();
        let people: Vec<(String, PersonRecord)> = rows
            .into_iter()
            .filter_map(|row| {
                let state = unreadable.decode(StateKind::Person, &row.state, &row.key)?;
                Some((row.key, state))
            })
            .collect();
        let views: Vec<_> = people.iter().map(|(key, state)| state.view(key, unix_micros(now))).collect();
        let mut around = self.around(&policies, &views, unix_micros(now)).await?;
        unreadable.append(std::mem::take(&mut around.unreadable));
        unreadable.list(&self.parts.store).await?;
        let asked_for = self.asked_states(&people).await?;
        let nothing = BTreeMap::new();
        let mut changes = Vec::new();
        for ((key, state), view) in people.iter().zip(&views) {
            let known = OutlookPerson {
                key,
                state,
                groups: around.memberships(key),
                manager: around.manager(view),
                asked_for: asked_for.get(key).unwrap_or(&nothing),
            };
            for moment in compute_outlook(&known, &policies, &self.parts.seeds, now, until) {
                let said = moment.planned.iter().map(scheduled_statement).collect();
                changes.push(ScheduledChange {
                    at: moment.at,
                    person: key.clone(),
                    said,
                    effects: moment.effects,
                });
            }
        }
        Ok(changes)
    }

    /// Loads the surroundings of decisions (groups and managers), as far as the policies use them.
    async fn around(
        &self,
        policies: &PolicySet,
        views: &[lifecycle::IdentityView],
        now: i64,
    ) -> Result<SubjectPage, StoreError> {
        let looks =
            policies.iter().any(|policy| policy.uses_groups() || !policy.manager_attributes().is_empty());
        if !looks || views.is_empty() {
            return Ok(SubjectPage::default());
        }
        let index = GroupIndex::load(self.parts.store.reader(), now).await?;
        SubjectPage::read(self.parts.store.reader(), &index, views, now).await
    }

    /// Returns the state that was last requested, by person and target.
    async fn asked_states(
        &self,
        people: &[(String, PersonRecord)],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, StoreError> {
        let mut asked: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for chunk in people.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows: Vec<(String, String, String)> = desired::Entity::find()
                .select_only()
                .columns([desired::Column::Subject, desired::Column::Target, desired::Column::State])
                .filter(desired::Column::Kind.eq(ResourceKind::User.as_str()))
                .filter(desired::Column::Subject.is_in(chunk.iter().map(|(key, _)| key)))
                .into_tuple()
                .all(self.parts.store.reader())
                .await
                .map_err(StoreError::statement("read desired states"))?;
            for (subject, target, state) in rows {
                asked.entry(subject).or_default().insert(target, state);
            }
        }
        Ok(asked)
    }

    /// Returns the key of the person that an operator names.
    pub(super) async fn person(&self, named: &str) -> Result<String, MapperRefusal> {
        if let Some(person) = self.who_is(named).await? {
            return Ok(person);
        }
        let found = self.with_name(named).await?;
        found.ok_or_else(|| {
            wrong_request(format!("no person has the key `{named}`, or that login name at the source"))
        })
    }

    /// Answers `cancel_schedule`: cancels scheduled changes by id, or all of a person.
    pub(super) async fn cancel_schedule(
        &self,
        request: &CancelScheduleRequest,
    ) -> Result<CancelScheduleReply, MapperRefusal> {
        if request.what.len() > SCHEDULE_CANCEL_MAX {
            return Err(wrong_request(format!("at most {SCHEDULE_CANCEL_MAX} at a time")));
        }
        let mut reply = CancelScheduleReply::default();
        let mut chosen = ChosenChanges::new();
        for what in &request.what {
            if let Err(why) = self.choose(what, &mut chosen).await? {
                reply.not_cancelled.push(NotCancelled { what: what.clone(), why });
            }
        }
        let inputs: Vec<BatchInput> = chosen
            .iter()
            .map(|(person, planned)| BatchInput::Cancel {
                person: person.clone(),
                planned: planned.iter().map(|planned| planned.id.clone()).collect(),
                actor: request.actor.clone(),
            })
            .collect();
        if !inputs.is_empty() {
            self.process(&inputs).await?;
        }
        for (person, planned) in chosen {
            let state = self.identity(&person).await?.unwrap_or_default();
            for planned in planned {
                if state.has_cancelled(&planned) {
                    tracing::info!(person, id = %planned.id, who = request.actor.who, "a scheduled change was cancelled");
                    reply.cancelled.push(CancelledStatement {
                        person: person.clone(),
                        at: moment_of(planned.version.effective_at),
                        statement: scheduled_statement(&planned),
                    });
                } else {
                    let why =
                        "it took effect, or the source said something else, at the same moment: look again";
                    let what = planned.id.to_string();
                    reply.not_cancelled.push(NotCancelled { what, why: why.to_owned() });
                }
            }
        }
        Ok(reply)
    }

    /// Adds the changes that `what` names, or returns the reason why it names none.
    async fn choose(
        &self,
        what: &str,
        chosen: &mut ChosenChanges,
    ) -> Result<Result<(), String>, MapperRefusal> {
        let found = match what.parse::<ScheduleId>() {
            Ok(id) => self.with_id(&id).await?.ok_or_else(|| {
                "nothing of that id is scheduled (any more): `usher schedule ls` lists what is".to_owned()
            }),
            Err(_) => match self.person(what).await {
                Ok(key) => self.all_planned(key).await?,
                Err(MapperRefusal::Wrong(error)) => Err(error.message),
                Err(error) => return Err(error),
            },
        };
        Ok(found.map(|(person, planned)| {
            let known = chosen.entry(person).or_default();
            let seen: BTreeSet<ScheduleId> = known.iter().map(|planned| planned.id.clone()).collect();
            known.extend(planned.into_iter().filter(|planned| !seen.contains(&planned.id)));
        }))
    }

    /// Returns all scheduled changes of a person, or the reason why there is none.
    async fn all_planned(
        &self,
        key: String,
    ) -> Result<Result<(String, Vec<UpcomingChange>), String>, StoreError> {
        let state = self.identity(&key).await?.unwrap_or_default();
        let planned = state.planned(&key, unix_micros(now()));
        if planned.is_empty() {
            return Ok(Err(
                "no source said anything of this person that takes effect later; what a policy does by \
                           itself (days of grace, dates in a scope) is changed in the policy"
                    .to_owned(),
            ));
        }
        Ok(Ok((key, planned)))
    }

    /// Finds the statement with this id and the person it is about. Most people have only one scheduled change, so those
    /// whose next change is exactly at this time are searched first.
    async fn with_id(&self, id: &ScheduleId) -> Result<Option<(String, Vec<UpcomingChange>)>, StoreError> {
        let at = id.effective_at();
        let now = unix_micros(now());
        for moment in [identity::Column::ScheduledAt.eq(at), identity::Column::ScheduledAt.lt(at)] {
            let mut last = String::new();
            loop {
                let rows = identity::Entity::find()
                    .filter(moment.clone())
                    .filter(identity::Column::Key.gt(&last))
                    .order_by_asc(identity::Column::Key)
                    .limit(SEARCHED_AT_ONCE)
                    .all(self.parts.store.reader())
                    .await
                    .map_err(StoreError::statement("find a scheduled change"))?;
                let Some(row) = rows.last() else { break };
                last.clone_from(&row.key);
                let mut unreadable = UnreadableStates::default();
                for row in rows {
                    let Some(state) =
                        unreadable.decode::<PersonRecord>(StateKind::Person, &row.state, &row.key)
                    else {
                        continue;
                    };
                    let planned = state.planned(&row.key, now);
                    if let Some(found) = planned.into_iter().find(|planned| planned.id == *id) {
                        return Ok(Some((row.key, vec![found])));
                    }
                }
                unreadable.list(&self.parts.store).await?;
            }
        }
        Ok(None)
    }
}

fn scheduled_statement(planned: &UpcomingChange) -> ScheduledStatement {
    let employment = planned.parts.iter().find_map(|part| match part {
        PlannedPart::Employment(kind) => Some(kind.as_str().to_owned()),
        _ => None,
    });
    let attributes = planned.parts.iter().filter_map(|part| match part {
        PlannedPart::Attribute(name) => Some(name.clone()),
        _ => None,
    });
    ScheduledStatement {
        id: planned.id.clone(),
        employment,
        attributes: attributes.collect(),
        whole_record: planned.parts.contains(&PlannedPart::Record),
        said_at: moment_of(planned.version.said_at),
        event: planned.event.clone(),
        source: planned.source.clone(),
    }
}

fn cursor_at(row: &identity::Model) -> String {
    format!("{}.{}", row.scheduled_at.unwrap_or_default(), row.key)
}

/// Returns the condition for rows after a cursor of the form `SCHEDULED_AT.KEY`.
fn after_cursor(cursor: &str) -> Result<Condition, MapperRefusal> {
    let parsed = cursor.split_once('.').and_then(|(at, key)| Some((at.parse::<i64>().ok()?, key)));
    let (at, key) = parsed.ok_or_else(|| wrong_request("the cursor is not the `nextCursor` of an answer"))?;
    let later = identity::Column::ScheduledAt.gt(at);
    let beside =
        Condition::all().add(identity::Column::ScheduledAt.eq(at)).add(identity::Column::Key.gt(key));
    Ok(Condition::any().add(later).add(beside))
}
