//! Orders of operators about a person's access, such as immediate disabling and legal hold.

use axum::extract::State;
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    ACCESS_ORDERS_MAX, AccessOrderKind, AccessOrderStatus, AccessOrdersReply, AccessOrdersRequest, Actor,
    OrderAccessRequest, verbs,
};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;

use super::audit::AuditReady;
use super::auth::OperatorName;
use super::problem::{invalid_one, invalid_request};
use super::query::CheckedQuery;
use super::reason::check_reason;
use super::{ConsoleStateInner, audit};
use crate::api::OrderAccess;

/// Default number of orders per page.
const LIMIT: u64 = 100;

/// Filter and page of the list of orders.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrdersQuery {
    /// Limits the list to this order: `off`, `keep`, `same` or `different`; all by default.
    order: Option<String>,
    /// Maximum number of orders: 1 to 1,000, 100 by default.
    limit: Option<u64>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

/// Lists the access orders in effect, ordered by person
#[utoipa::path(
    get,
    path = "/v1/access-orders",
    params(OrdersQuery),
    responses(
        (status = 200, body = AccessOrdersReply, description = "a page of orders"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_access_orders(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<OrdersQuery>,
) -> Result<Json<AccessOrdersReply>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=ACCESS_ORDERS_MAX).contains(&limit) {
        return Err(invalid_one("query:limit", format!("must be 1 to {ACCESS_ORDERS_MAX}")));
    }
    let named = |name: &String| {
        order_kind(name).ok_or_else(|| invalid_one("query:order", "must be off, keep, same or different"))
    };
    let order = query.order.as_ref().map(named).transpose()?;
    let request = AccessOrdersRequest { order, limit, cursor: query.cursor };
    Ok(Json(context.ask::<verbs::AccessOrdersVerb>(&request).await?))
}

/// Places or lifts an access order about a person
///
/// `off` disables the person's accounts at every target immediately, regardless of the sources. `keep` is a legal hold: accounts
/// are never deleted. `same` confirms that a person who returned under another name is the same person. `different` records
/// that a person who arrived with another person's login is a different person. `lift` lifts the order.
#[utoipa::path(
    post,
    path = "/v1/access-orders",
    request_body = OrderAccess,
    responses(
        (status = 200, body = AccessOrderStatus, description = "the order: `person`, `order`, `inForce`, `since`, `until`, `who`, `why`"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such person, or no such order"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`order` or `until` is wrong, or `why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn place_access_order(
    State(context): State<ConsoleStateInner>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::JsonBody(body): edge::JsonBody<OrderAccess>,
) -> Result<Json<AccessOrderStatus>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let order = order_kind(&body.order);
    if order.is_none() {
        wrong.add("/order", "must be off, keep, same or different");
    }
    let until = body.until.as_ref().map(|text| OffsetDateTime::parse(text, &Rfc3339)).transpose();
    if until.is_err() {
        wrong.add("/until", "must be a moment like 2026-07-01T00:00:00Z");
    }
    let (Some(order), Ok(until), true) = (order, until, wrong.is_empty()) else {
        return Err(invalid_request(wrong));
    };
    let ready = match order {
        AccessOrderKind::Off if !body.lift => AuditReady::of_disabling(),
        _ => audit::check_audit(&context.bus).await?,
    };
    let request = OrderAccessRequest { person: body.person, order, lift: body.lift, until, actor };
    Ok(Json(context.act::<verbs::OrderAccessVerb>(ready, &request).await?))
}

fn order_kind(name: &str) -> Option<AccessOrderKind> {
    AccessOrderKind::ALL.into_iter().find(|kind| kind.as_str() == name)
}
