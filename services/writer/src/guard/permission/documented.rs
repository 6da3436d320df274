//! Runs the table of docs/policy.md: each row on a target of its own.

use std::collections::HashMap;

use lifecycle::{
    AccountState, AttributeMap, DesiredAccount, DesiredState, PolicyActions, RemovalGuard, ResourceKind,
};
use serde_json::json;
use store::Store;

use super::*;
use crate::WriterMigrator;
use crate::rows::access::{AccountOrigin, OffEvidence};
use crate::rows::control;
use crate::rows::words::RowStatus;

const PAGE: &str = include_str!("../../../../../docs/policy.md");

/// The number of accounts that were off before the guard's hours began.
const OFF_FOR_LONG: usize = 200;

/// One row of the table.
struct GuardTableRow<'a> {
    line: &'a str,
    asked_by: &'a str,
    change: &'a str,
    guard: RemovalGuard,
    accounts: usize,
    before: usize,
    waiting: usize,
    is_held: bool,
}

impl<'a> GuardTableRow<'a> {
    fn read(line: &'a str) -> Self {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [asked_by, change, guard, accounts, before, waiting, outcome] = cells[..] else {
            panic!("{line}")
        };
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} is no number: {line}"));
        let is_held = match outcome {
            "held" => true,
            "sent" => false,
            _ => panic!("{line}"),
        };
        Self {
            line,
            asked_by,
            change,
            guard: guard_of(guard),
            accounts: number(accounts),
            before: number(before),
            waiting: number(waiting),
            is_held,
        }
    }

    fn access_change(&self) -> Option<AccessChange> {
        match self.change {
            "switch off" => Some(AccessChange::Disable),
            "delete" => Some(AccessChange::Delete),
            "switch on" => Some(AccessChange::Enable),
            "create" | "change" => None,
            _ => panic!("{}", self.line),
        }
    }

    fn wanted(&self) -> AccountState {
        match self.change {
            "switch off" => AccountState::Disabled,
            "delete" => AccountState::Deleted,
            _ => AccountState::Active,
        }
    }

    /// Returns one of the waiting rows.
    fn waiting_row(&self, target: &str, number: usize) -> resource::Model {
        let mut row = linked(target, number, self.change != "switch on");
        if self.change == "create" {
            (row.remote_id, row.applied) = (None, None);
        }
        let desired = desired(self.wanted());
        row.desired_revision = 2;
        row.desired = serde_json::to_string(&desired).unwrap();
        row.count_change(&desired);
        row.enqueue(RowStatus::Pending, 0);
        match self.asked_by {
            "events" => {}
            "an applied plan" => row.planned = true,
            "usher held approve" => row.approved_revision = row.desired_revision,
            _ => panic!("{}", self.line),
        }
        row
    }
}

/// Parses the guard. A limit that is not named lets all changes pass.
fn guard_of(text: &str) -> RemovalGuard {
    let mut limits: HashMap<&str, u64> = HashMap::new();
    for limit in text.split(',') {
        let (name, number) = limit.trim().split_once(' ').unwrap();
        limits.insert(name, number.parse().unwrap());
    }
    let mut limit = |name: &str, otherwise: u64| limits.remove(name).unwrap_or(otherwise);
    let guard = RemovalGuard {
        deletions: limit("deletions", 1_000),
        percent: u8::try_from(limit("percent", 100)).unwrap(),
        hard_deletions: limit("hardDeletions", 1_000),
        ..RemovalGuard::default()
    };
    assert!(limits.is_empty(), "{text}");
    guard
}

fn desired(state: AccountState) -> DesiredState {
    DesiredState::User(DesiredAccount {
        state,
        attributes: AttributeMap::new(),
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: std::collections::BTreeMap::new(),
        match_on: Vec::new(),
        assume_empty: false,
        actions: PolicyActions::default(),
        protected: false,
        delete_grace_days: None,
    })
}

fn linked(target: &str, number: usize, active: bool) -> resource::Model {
    let key = format!("E-{number:03}");
    let mut row = resource::Model::new(target, ResourceKind::User, &key);
    row.remote_id = Some(format!("id-{key}"));
    row.applied = Some(json!({ "active": active }).to_string());
    row.desired = serde_json::to_string(&desired(AccountState::Active)).unwrap();
    row.origin = Some(AccountOrigin::Created.as_str().to_owned());
    row.keep_evidence((!active).then_some(OffEvidence::Answer), 0);
    row
}

/// Returns the number of waiting rows that are held after the guard has checked them.
async fn held(store: &Store, target: &str, row: &GuardTableRow<'_>) -> usize {
    let tx = store.begin().await.unwrap();
    control::set_guard(&tx, target, row.guard).await.unwrap();
    let at_rest = row.accounts - if row.change == "create" { 0 } else { row.waiting };
    let is_off_since = |number: usize| number < row.before && row.change == "switch off";
    let resting = (0..at_rest).map(|number| linked(target, 500 + number, !is_off_since(number)));
    // People who left long ago change nothing, although their accounts are linked for ever.
    let off = (0..OFF_FOR_LONG).map(|number| linked(target, 10_000 + number, false));
    let waiting = (0..row.waiting).map(|number| row.waiting_row(target, number));
    save_resources(&tx, resting.chain(waiting).chain(off).collect()).await.unwrap();
    for number in 0..row.before {
        let done = linked(target, 500 + number, true);
        count_change(&tx, &done, row.access_change().unwrap()).await.unwrap();
    }
    hold_excess(&tx, target, &mut TransactionFacts::default()).await.unwrap();
    let held = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Status.eq(RowStatus::Held))
        .all(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    held.len()
}

#[tokio::test]
async fn the_guard_holds_what_the_table_of_the_page_says_and_nothing_else() {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| asked by |"));
    let rows: Vec<GuardTableRow<'_>> =
        table.skip(2).take_while(|line| line.starts_with('|')).map(GuardTableRow::read).collect();
    assert!(rows.len() > 20, "the table is gone");
    for database in store::testing::test_databases() {
        let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
        for (number, row) in rows.iter().enumerate() {
            let held = held(&store, &format!("target-{number}"), row).await;
            let expected = if row.is_held { row.waiting } else { 0 };
            assert_eq!(held, expected, "{}: {}", database.name, row.line);
        }
    }
}
