//! Runs `usher off` and `usher keep`.

use console::api::OrderAccess;
use lifecycle::{ACCESS_ORDERS_MAX, AccessOrderKind, AccessOrdersReply};
use time::format_description::well_known::Rfc3339;

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::{OperatorArgs, OrderArgs, OrderCommand, OrderListArgs};
use crate::render;

/// Places an order about a person's access, lists orders, or lifts one.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_order(kind: AccessOrderKind, args: &OrderArgs) -> anyhow::Result<CommandEnd> {
    match &args.command {
        Some(OrderCommand::Ls(args)) => list_orders(kind, args).await,
        Some(OrderCommand::Lift(args)) => {
            let body = order_body(kind, &args.person, &args.why);
            send_order(&args.operator, &OrderAccess { lift: true, ..body }).await
        }
        None => {
            let person = args.person.as_deref().unwrap_or_default();
            let body = order_body(kind, person, args.why.as_deref().unwrap_or_default());
            let until = args.until.and_then(|until| until.format(&Rfc3339).ok());
            send_order(&args.operator, &OrderAccess { until, ..body }).await
        }
    }
}

/// Runs `usher people same`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub(super) async fn same_person(
    operator: &OperatorArgs,
    person: &str,
    why: &str,
) -> anyhow::Result<CommandEnd> {
    send_order(operator, &order_body(AccessOrderKind::Same, person, why)).await
}

/// Runs `usher people different --why`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub(super) async fn different_person(
    operator: &OperatorArgs,
    person: &str,
    why: &str,
) -> anyhow::Result<CommandEnd> {
    send_order(operator, &order_body(AccessOrderKind::Different, person, why)).await
}

fn order_body(kind: AccessOrderKind, person: &str, why: &str) -> OrderAccess {
    OrderAccess {
        person: person.to_owned(),
        order: kind.as_str().to_owned(),
        why: why.to_owned(),
        ..OrderAccess::default()
    }
}

async fn send_order(operator: &OperatorArgs, body: &OrderAccess) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(operator)?.post(&["access-orders"], body).await?;
    show_answer(operator, &answer, render::orders::render_order)
}

async fn list_orders(kind: AccessOrderKind, args: &OrderListArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let mut whole = AccessOrdersReply::default();
    let mut left = args.limit;
    loop {
        let limit = left.clamp(1, ACCESS_ORDERS_MAX).to_string();
        let mut query = vec![("order", kind.as_str().to_owned()), ("limit", limit)];
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: AccessOrdersReply = read_answer(&console.get(&["access-orders"], &query).await?)?;
        whole.orders.extend(page.orders);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(ACCESS_ORDERS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("orders have only string keys");
    show_answer(&args.operator, &whole, render::orders::render_orders)
}
