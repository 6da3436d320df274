//! Orders of operators about a person's access: off everywhere, or never deleted.

use lifecycle::{AccessOrder, AccessOrderKind, Actor, Fact, FactRecord, TraceContext};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel};
use store::StoreError;

use super::{BatchState, CommandCause};
use crate::moment_of;
use crate::rows::order;

/// A change of an order that must be written.
#[derive(Debug)]
pub(super) enum OrderRow {
    Given(order::Model),
    Lifted { person: String, kind: AccessOrderKind },
}

impl BatchState<'_> {
    /// Gives an order, or lifts it. The person is decided about again.
    pub(super) fn order(
        &mut self,
        person: &str,
        kind: AccessOrderKind,
        order: Option<AccessOrder>,
        actor: &Actor,
    ) {
        let trace = TraceContext::root();
        let Some(known) = self.people.get_mut(person) else { return };
        known.state.order_access(kind, order);
        let ordered_off = kind == AccessOrderKind::Off && order.is_some();
        known.touched = Some(CommandCause { trace, ordered_off, ..CommandCause::again(self.now, false) });
        self.orders.push(match order {
            Some(AccessOrder { since, until }) => OrderRow::Given(order::Model {
                person: person.to_owned(),
                kind: kind.as_str().to_owned(),
                since,
                until,
                who: actor.who.clone(),
                why: actor.why.clone(),
            }),
            None => OrderRow::Lifted { person: person.to_owned(), kind },
        });
        self.facts.push(FactRecord {
            id: format!("ord:{}:{person}:{}", kind.as_str(), self.micros()),
            at: self.now,
            subject: person.to_owned(),
            trace: Some(trace),
            fact: Fact::AccessOrdered {
                order: kind,
                outcome: if order.is_some() { "ordered" } else { "lifted" }.to_owned(),
                until: order.and_then(|order| order.until).map(moment_of),
                who: actor.who.clone(),
                why: actor.why.clone(),
            },
        });
    }
}

/// Writes the orders. The person's row is written before, in the same transaction.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn save_orders(tx: &DatabaseTransaction, rows: Vec<OrderRow>) -> Result<(), StoreError> {
    use order::Column::{Kind, Person, Since, Until, Who, Why};
    let failed = StoreError::statement("write an order about access");
    for row in rows {
        match row {
            OrderRow::Given(row) => order::Entity::insert(row.into_active_model().reset_all())
                .on_conflict(
                    OnConflict::columns([Person, Kind]).update_columns([Since, Until, Who, Why]).to_owned(),
                )
                .exec_without_returning(tx)
                .await
                .map(drop)
                .map_err(&failed)?,
            OrderRow::Lifted { person, kind } => {
                order::Entity::delete_by_id((person, kind.as_str().to_owned()))
                    .exec(tx)
                    .await
                    .map(drop)
                    .map_err(&failed)?;
            }
        }
    }
    Ok(())
}
