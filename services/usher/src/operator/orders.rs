//! `usher off ...` and `usher keep ...`.

use console::api::OrderAccess;
use lifecycle::{ACCESS_ORDERS_MAX, AccessOrderKind, AccessOrdersReply};
use time::format_description::well_known::Rfc3339;

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::{OperatorArgs, OrderArgs, OrderCommand, OrderListArgs};
use crate::render;

/// Gives an order about a person's access, lists orders, or lifts one.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn order(kind: AccessOrderKind, args: &OrderArgs) -> anyhow::Result<Ended> {
    match &args.command {
        Some(OrderCommand::Ls(args)) => list(kind, args).await,
        Some(OrderCommand::Lift(args)) => {
            let body = body(kind, &args.person, &args.why);
            send(&args.operator, &OrderAccess { lift: true, ..body }).await
        }
        None => {
            let person = args.person.as_deref().unwrap_or_default();
            let body = body(kind, person, args.why.as_deref().unwrap_or_default());
            let until = args.until.and_then(|until| until.format(&Rfc3339).ok());
            send(&args.operator, &OrderAccess { until, ..body }).await
        }
    }
}

/// `usher people same`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub(super) async fn same_person(operator: &OperatorArgs, person: &str, why: &str) -> anyhow::Result<Ended> {
    send(operator, &body(AccessOrderKind::Same, person, why)).await
}

/// `usher people different --why`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub(super) async fn different_person(
    operator: &OperatorArgs,
    person: &str,
    why: &str,
) -> anyhow::Result<Ended> {
    send(operator, &body(AccessOrderKind::Different, person, why)).await
}

fn body(kind: AccessOrderKind, person: &str, why: &str) -> OrderAccess {
    OrderAccess {
        person: person.to_owned(),
        order: kind.as_str().to_owned(),
        why: why.to_owned(),
        ..OrderAccess::default()
    }
}

async fn send(operator: &OperatorArgs, body: &OrderAccess) -> anyhow::Result<Ended> {
    let answer = Console::new(operator)?.post(&["access-orders"], body).await?;
    show(operator, &answer, render::orders::one)
}

async fn list(kind: AccessOrderKind, args: &OrderListArgs) -> anyhow::Result<Ended> {
    let console = Console::new(&args.operator)?;
    let mut whole = AccessOrdersReply::default();
    let mut left = args.limit;
    loop {
        let limit = left.clamp(1, ACCESS_ORDERS_MAX).to_string();
        let mut query = vec![("order", kind.as_str().to_owned()), ("limit", limit)];
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: AccessOrdersReply = understood(&console.get(&["access-orders"], &query).await?)?;
        whole.orders.extend(page.orders);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(ACCESS_ORDERS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("orders have only string keys");
    show(&args.operator, &whole, render::orders::list)
}
