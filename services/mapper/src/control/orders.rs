//! Verbs `order_access` and `access_orders`: switch a person off at every target now, or never delete the person's accounts.

use lifecycle::{
    ACCESS_ORDERS_MAX, AccessOrder, AccessOrderStatus, AccessOrdersReply, AccessOrdersRequest,
    OrderAccessRequest, unix_micros,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::now;
use crate::rows::order;
use crate::work::BatchInput;

impl MapperControl {
    /// Answers `order_access`: gives or lifts an order about a person's access.
    pub(super) async fn order_access(
        &self,
        request: &OrderAccessRequest,
    ) -> Result<AccessOrderStatus, MapperRefusal> {
        let OrderAccessRequest { person, order, lift, until, actor } = request;
        let at = now();
        if until.is_some_and(|until| until <= at) {
            return Err(wrong_request("`until` has passed already"));
        }
        let person = self.person(person).await?;
        let given = AccessOrder { since: unix_micros(at), until: until.map(unix_micros) };
        let given = (!lift).then_some(given);
        if given.is_none() && self.given(&person, order.as_str()).await?.is_none() {
            return Err(wrong_request(format!("there is no order `{}` about `{person}`", order.as_str())));
        }
        let input =
            BatchInput::Order { person: person.clone(), kind: *order, order: given, actor: actor.clone() };
        self.process(&[input]).await?;
        tracing::info!(
            person,
            order = order.as_str(),
            lift,
            who = actor.who,
            "an operator ordered a person's access"
        );
        Ok(AccessOrderStatus {
            person,
            order: *order,
            in_force: given.is_some(),
            since: at,
            until: *until,
            who: actor.who.clone(),
            why: actor.why.clone(),
        })
    }

    /// Reads the order of this kind that is stored for the person.
    async fn given(&self, person: &str, kind: &str) -> Result<Option<order::Model>, StoreError> {
        let id = (person.to_owned(), kind.to_owned());
        let found = order::Entity::find_by_id(id).one(self.parts.store.reader()).await;
        found.map_err(StoreError::statement("read an order about access"))
    }

    /// Answers `access_orders`: one page of orders.
    pub(super) async fn access_orders(
        &self,
        request: &AccessOrdersRequest,
    ) -> Result<AccessOrdersReply, MapperRefusal> {
        let limit = request.limit.clamp(1, ACCESS_ORDERS_MAX);
        let mut query = order::Entity::find()
            .order_by_asc(order::Column::Person)
            .order_by_asc(order::Column::Kind)
            .limit(limit);
        if let Some(kind) = request.order {
            query = query.filter(order::Column::Kind.eq(kind.as_str()));
        }
        if let Some(cursor) = &request.cursor {
            let (kind, person) = cursor
                .split_once('.')
                .ok_or_else(|| wrong_request("the cursor is not the `nextCursor` of an answer"))?;
            let beside =
                Condition::all().add(order::Column::Person.eq(person)).add(order::Column::Kind.gt(kind));
            query = query.filter(Condition::any().add(order::Column::Person.gt(person)).add(beside));
        }
        let rows =
            query.all(self.parts.store.reader()).await.map_err(StoreError::statement("read orders"))?;
        let is_last = (rows.len() as u64) < limit;
        let next_cursor = rows.last().filter(|_| !is_last).map(|row| format!("{}.{}", row.kind, row.person));
        let at = unix_micros(now());
        Ok(AccessOrdersReply { orders: rows.into_iter().map(|row| row.told(at)).collect(), next_cursor })
    }
}
