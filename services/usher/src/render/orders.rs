//! Rendering of access orders.

use lifecycle::{AccessOrderKind, AccessOrderStatus, AccessOrdersReply};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{clean_text, instant_text};

/// Renders the result of placing or lifting an order.
pub fn render_order(order: &AccessOrderStatus) -> String {
    let person = clean_text(&order.person);
    let until = order.until.map(|until| format!(" until {}", moment_text(until))).unwrap_or_default();
    match (order.order, order.in_force) {
        (AccessOrderKind::Off, true) => format!(
            "ordered: {person} is disabled at every target{until}; to see that it is done: usher leavers --person {person} --all\n"
        ),
        (AccessOrderKind::Keep, true) => {
            format!("the accounts of {person} are on legal hold{until}: none of them is deleted\n")
        }
        (AccessOrderKind::Same, true) => format!(
            "{person} is the same person as before: sources and policies decide about their accounts again\n"
        ),
        (AccessOrderKind::Different, true) => format!(
            "{person} is not the person who had the login before: from now on, accounts of their own are created\n"
        ),
        (kind, false) => {
            format!("`{}` is lifted: sources and policies decide about {person} again\n", kind.as_str())
        }
    }
}

/// Renders a list of orders, one line each.
pub fn render_orders(reply: &AccessOrdersReply) -> String {
    if reply.orders.is_empty() {
        return "there are no access orders\n".to_owned();
    }
    let mut table = TextTable::new(["PERSON", "SINCE", "UNTIL", "IN FORCE", "BY", "WHY"]);
    for order in &reply.orders {
        table.row([
            order.person.as_str(),
            &moment_text(order.since),
            &order.until.map_or_else(|| "lifted".to_owned(), moment_text),
            if order.in_force { "yes" } else { "no, it has ended" },
            &order.who,
            &order.why,
        ]);
    }
    let mut text = table.render();
    if reply.next_cursor.is_some() {
        text.push_str("\nthere is more: --limit\n");
    }
    text
}

fn moment_text(moment: OffsetDateTime) -> String {
    instant_text(&moment.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_says_until_when_it_holds_who_gave_it_and_whether_it_has_ended() {
        let reply: AccessOrdersReply = serde_json::from_value(json!({ "orders": [
            { "person": "E-1", "order": "off", "inForce": true, "since": "2026-07-01T00:00:00Z", "who": "alice", "why": "incident 7" },
            { "person": "E-2", "order": "off", "inForce": false, "since": "2026-07-01T00:00:00Z",
              "until": "2026-07-02T00:00:00Z", "who": "bob", "why": "holiday" },
        ]}))
        .unwrap();
        assert_eq!(
            render_orders(&reply),
            "PERSON  SINCE                 UNTIL                 IN FORCE          BY     WHY\n\
             E-1     2026-07-01T00:00:00Z  lifted                yes               alice  incident 7\n\
             E-2     2026-07-01T00:00:00Z  2026-07-02T00:00:00Z  no, it has ended  bob    holiday\n"
        );
        assert!(render_order(&reply.orders[0]).starts_with("ordered: E-1 is disabled at every target; "));
        assert!(render_order(&reply.orders[1]).starts_with("`off` is lifted"));
    }
}
