//! Verb `findings`: problems in people's data that an operator should look at.

use lifecycle::{ControlError, FINDINGS_MAX, FindingKind, FindingsReply, FindingsRequest};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{MapperControl, MapperRefusal};
use crate::rows::finding::{Column, Entity};

impl MapperControl {
    /// Answers `findings`: one page of findings of a kind, with the number of all of them.
    pub(super) async fn findings(&self, request: &FindingsRequest) -> Result<FindingsReply, MapperRefusal> {
        let limit = request.limit.clamp(1, FINDINGS_MAX);
        let mut query = Entity::find().filter(Column::Kind.eq(request.kind.as_str()));
        if let Some(target) = &request.target {
            query = query.filter(Column::Target.eq(target));
        }
        let total = query.clone().count(self.parts.store.reader()).await;
        let total = total.map_err(StoreError::statement("count findings"))?;
        let is_newest_first = request.kind == FindingKind::Unread;
        if let Some(cursor) = &request.cursor {
            query = query.filter(after(cursor, is_newest_first)?);
        }
        if is_newest_first {
            query = query.order_by_desc(Column::Since);
        }
        let rows = query
            .order_by_asc(Column::Person)
            .order_by_asc(Column::Target)
            .order_by_asc(Column::Sender)
            .order_by_asc(Column::Field)
            .limit(limit)
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read findings"))?;
        let is_last = (rows.len() as u64) < limit;
        let next_cursor = rows.last().filter(|_| !is_last).map(|row| {
            let place = (row.since, [&row.person, &row.target, &row.sender, &row.field]);
            serde_json::to_string(&place).expect("texts are always JSON")
        });
        let findings = rows.into_iter().map(crate::rows::finding::Model::told).collect();
        Ok(FindingsReply { findings, total, next_cursor })
    }
}

/// Returns the condition for rows after the last one of a page, ordered by person. With `is_newest_first`, rows are ordered
/// by their time, newest first, and then by person.
fn after(cursor: &str, is_newest_first: bool) -> Result<Condition, MapperRefusal> {
    let (since, place): (i64, [String; 4]) =
        serde_json::from_str(cursor).map_err(|_| MapperRefusal::Wrong(ControlError::wrong_cursor()))?;
    let here = [Column::Person, Column::Target, Column::Sender, Column::Field];
    let here = Expr::tuple(here.map(Expr::col)).gt(Expr::tuple(place.map(Expr::value)));
    if !is_newest_first {
        return Ok(Condition::all().add(here));
    }
    let of_the_moment = Condition::all().add(Column::Since.eq(since)).add(here);
    Ok(Condition::any().add(Column::Since.lt(since)).add(of_the_moment))
}
