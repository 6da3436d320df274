//! Verb `leavers`: obligations, for operators.

use lifecycle::{LEAVERS_MAX, LeaverCounts, LeaversReply, LeaversRequest, ObligationState, unix_micros};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{Control, Refusal, wrong};
use crate::leavers::counts;
use crate::now;
use crate::rows::obligation::{Column, Entity, Model};

/// What is listed unless something else is asked for.
const USUAL_STATES: [ObligationState; 2] = [ObligationState::Open, ObligationState::KeptByPolicy];

impl Control {
    pub(super) async fn leaver_counts(&self) -> Result<LeaverCounts, StoreError> {
        counts(self.store.reader(), unix_micros(now())).await
    }

    pub(super) async fn leavers(&self, request: &LeaversRequest) -> Result<LeaversReply, Refusal> {
        let at = unix_micros(now());
        let limit = request.limit.clamp(1, LEAVERS_MAX);
        let states = if request.overdue {
            &[ObligationState::Open][..]
        } else if request.states.is_empty() {
            &USUAL_STATES[..]
        } else {
            &request.states[..]
        };
        let mut query = Entity::find()
            .filter(Column::State.is_in(states.iter().map(|state| state.as_str())))
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::Id)
            .limit(limit);
        if let Some(target) = &request.target {
            query = query.filter(Column::Target.eq(target));
        }
        if let Some(named) = &request.person {
            query = query.filter(Column::Subject.eq(self.person(named).await?));
        }
        if request.overdue {
            query = query.filter(Column::DueAt.lt(at));
        }
        if let Some(since) = request.since {
            query = query.filter(Column::DecidedAt.gte(unix_micros(since)));
        }
        if let Some(until) = request.until {
            query = query.filter(Column::DecidedAt.lt(unix_micros(until)));
        }
        if let Some(cursor) = &request.cursor {
            query = query.filter(after(cursor)?);
        }
        let rows = query.all(self.store.reader()).await.map_err(StoreError::statement("read leavers"))?;
        let is_last = (rows.len() as u64) < limit;
        let next_cursor = rows.last().filter(|_| !is_last).map(cursor_at);
        let leavers = rows.iter().map(|row| row.told(at)).collect();
        Ok(LeaversReply { leavers, counts: self.leaver_counts().await?, next_cursor })
    }
}

fn cursor_at(row: &Model) -> String {
    format!("{}.{}", row.due_at, row.id)
}

fn after(cursor: &str) -> Result<Condition, Refusal> {
    let parsed = cursor.split_once('.').and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)));
    let (at, id) = parsed.ok_or_else(|| wrong("the cursor is not the `nextCursor` of an answer"))?;
    let beside = Condition::all().add(Column::DueAt.eq(at)).add(Column::Id.gt(id));
    Ok(Condition::any().add(Column::DueAt.gt(at)).add(beside))
}
