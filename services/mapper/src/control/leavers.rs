//! Verb `leavers`: obligations, for operators.

use std::collections::HashMap;

use lifecycle::{
    LEAVERS_MAX, LeaverCounts, LeaversReply, LeaversRequest, ObligationState, OtherAccounts, unix_micros,
};
use sea_orm::sea_query::{Expr, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::leavers::{count_obligations, others, undecided};
use crate::now;
use crate::rows::obligation::{Column, Entity, Model};

/// The states that are listed unless the request names others.
const USUAL_STATES: [ObligationState; 2] = [ObligationState::Open, ObligationState::KeptByPolicy];

/// The states in which other accounts are looked up.
const STATES_WITH_OTHERS: [ObligationState; 3] =
    [ObligationState::Open, ObligationState::Proven, ObligationState::KeptByPolicy];

impl MapperControl {
    /// Returns the current counts of obligations.
    pub(super) async fn leaver_counts(&self) -> Result<LeaverCounts, StoreError> {
        count_obligations(self.parts.store.reader(), unix_micros(now())).await
    }

    /// Answers `leavers`: one page of obligations with other accounts. The first page includes undecided departures.
    pub(super) async fn leavers(&self, request: &LeaversRequest) -> Result<LeaversReply, MapperRefusal> {
        let at = unix_micros(now());
        let limit = request.limit.clamp(1, LEAVERS_MAX);
        let states = if request.overdue {
            &[ObligationState::Open][..]
        } else if request.others {
            &STATES_WITH_OTHERS[..]
        } else if request.states.is_empty() {
            &USUAL_STATES[..]
        } else {
            &request.states[..]
        };
        let mut wanted = Condition::any().add(Column::State.is_in(states.iter().map(|state| state.as_str())));
        if request.states.is_empty() && !request.overdue {
            let is_proven = Column::State.eq(ObligationState::Proven.as_str());
            wanted = wanted.add(Condition::all().add(is_proven).add(Column::Waiting.is_not_null()));
        }
        let mut query =
            Entity::find().filter(wanted).order_by_asc(Column::DueAt).order_by_asc(Column::Id).limit(limit);
        if let Some(target) = &request.target {
            query = query.filter(Column::Target.eq(target));
        }
        let person = match &request.person {
            Some(named) => Some(self.person(named).await?),
            None => None,
        };
        if let Some(person) = &person {
            query = query.filter(Column::Subject.eq(person));
        }
        if request.others {
            query = query.filter(Column::MemberOf.eq("")).filter(has_active_others());
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
            query = query.filter(after_cursor(cursor)?);
        }
        let rows =
            query.all(self.parts.store.reader()).await.map_err(StoreError::statement("read leavers"))?;
        let is_last = (rows.len() as u64) < limit;
        let next_cursor = rows.last().filter(|_| !is_last).map(cursor_at);
        let known = others::of(self.parts.store.reader(), &rows).await?;
        let leavers = rows.iter().map(|row| row.told(at, others_of(&known, row))).collect();
        let is_first_of_open = request.cursor.is_none() && states.contains(&ObligationState::Open);
        let undecided = match is_first_of_open {
            true => undecided::list(self.parts.store.reader(), person.as_deref(), limit).await?,
            false => Vec::new(),
        };
        let not_decided = self.undecided().await?;
        let counts = self.leaver_counts().await?;
        Ok(LeaversReply { leavers, undecided, counts, not_decided, next_cursor })
    }
}

/// Returns the other accounts of an obligation. All obligations of one account share them until they end.
fn others_of(known: &HashMap<(String, String), OtherAccounts>, row: &Model) -> Option<OtherAccounts> {
    let is_account = row.member_of.is_empty() && row.ended_at.is_none();
    known.get(&(row.target.clone(), row.subject.clone())).filter(|_| is_account).cloned()
}

/// The condition that the account's person has other active accounts.
fn has_active_others() -> SimpleExpr {
    use crate::rows::other_accounts as other;
    let same = |column: other::Column, of: Column| Expr::col((other::Entity, column)).equals((Entity, of));
    Expr::exists(
        Query::select()
            .expr(Expr::value(1))
            .from(other::Entity)
            .and_where(same(other::Column::Target, Column::Target))
            .and_where(same(other::Column::Subject, Column::Subject))
            .and_where(Expr::col((other::Entity, other::Column::Active)).gt(0))
            .to_owned(),
    )
}

fn cursor_at(row: &Model) -> String {
    format!("{}.{}", row.due_at, row.id)
}

/// Returns the condition for rows after a cursor of the form `DUE_AT.ID`.
fn after_cursor(cursor: &str) -> Result<Condition, MapperRefusal> {
    let parsed = cursor.split_once('.').and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)));
    let (at, id) = parsed.ok_or_else(|| wrong_request("the cursor is not the `nextCursor` of an answer"))?;
    let beside = Condition::all().add(Column::DueAt.eq(at)).add(Column::Id.gt(id));
    Ok(Condition::any().add(Column::DueAt.gt(at)).add(beside))
}
