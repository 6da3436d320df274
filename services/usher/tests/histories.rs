//! Histories of people, as an HR system sends them: the state of each at each date, in any order and number of deliveries.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use lifecycle::{AccountState, Event, EventId, PersonRecord, PlannedPart, unix_micros};
use policy::{DecisionSubject, Policy, decide_person};
use serde_json::{Value, json};
use sources::{NoticeAdapter, NoticeAnswer, NoticeEvent, NoticeRequest, SourceNotice};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const HISTORIES: &str = include_str!("data/histories.txt");
/// The pseudo-statement for a cancellation by an operator.
const CANCELLED: &str = "cancelled";
const HISTORIES_MIN: usize = 60;
/// Maximum number of delivery orders per history.
const ORDERS_MAX: usize = 120;

#[derive(Debug, Default)]
struct History {
    name: String,
    zone: Option<String>,
    at_once: bool,
    scope: Option<String>,
    said: Vec<Line>,
    then: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    at: OffsetDateTime,
    what: String,
    on: Option<String>,
    values: Vec<(String, String)>,
}

fn moment(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(&text.replace('Z', ":00Z"), &Rfc3339).unwrap()
}

fn line(text: &str) -> Line {
    let mut words = text.split_whitespace();
    let (at, what) = (moment(words.next().unwrap()), words.next().unwrap().to_owned());
    let (mut on, mut values) = (None, Vec::new());
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some((name, value)) => values.push((name.to_owned(), value.to_owned())),
            None => {
                assert_eq!(word, "on", "{text}");
                on = words.next().map(str::to_owned);
            }
        }
    }
    Line { at, what, on, values }
}

fn histories() -> Vec<History> {
    let mut all: Vec<History> = Vec::new();
    for text in HISTORIES.lines().filter(|text| !text.trim().is_empty()) {
        if let Some(name) = text.strip_prefix("## ") {
            all.push(History { name: name.to_owned(), ..History::default() });
        } else if !text.starts_with('#') {
            let history = all.last_mut().unwrap();
            match text.split_once(' ').unwrap() {
                ("zone", zone) => history.zone = Some(zone.to_owned()),
                ("policy", "atOnce") => history.at_once = true,
                ("scope", clause) => history.scope = Some(clause.to_owned()),
                ("?", expected) => history.then.push(line(expected)),
                _ => history.said.push(line(text)),
            }
        }
    }
    all
}

impl History {
    fn policy(&self) -> Policy {
        let when = if self.at_once { "atOnce" } else { "effective" };
        let scope = self.scope.as_ref().map(|clause| json!({ "any": [{ "all": [clause] }] }));
        let mappings = [("userName", "userPrincipalName"), ("department", "department"), ("title", "title")]
            .map(|(target, source)| json!({ "target": target, "source": source, "default": "-" }));
        let users = json!({
            "mappings": mappings,
            "leaver": { "action": "disable", "when": when, "deleteAfterDays": 30 },
            "scope": scope.unwrap_or(json!({ "mode": "all" })),
        });
        Policy::parse(&json!({ "target": "t", "users": users }).to_string(), &self.name).unwrap()
    }

    /// Returns the source's events, read as the gateway reads them, each with its number in the order of statements.
    fn events(&self) -> Vec<Event> {
        let adapter: NoticeAdapter = serde_json::from_value(json!({
            "kind": "json", "time_zone": self.zone.as_deref().unwrap_or("UTC"), "key": "/person", "type": "/what",
            "id": "/no", "at": "/said", "effective_at": "/on",
            "types": {
                "hired": "worker.joined", "left": "worker.left", "rehired": "worker.rehired", "changed": "worker.changed",
                "record": "worker.snapshot", "erased": "worker.deleted", "unleft": "departure.withdrawn",
                "unhired": "hire.withdrawn",
            },
            "attributes": {
                "employeeType": "/type", "userPrincipalName": "/userPrincipalName", "department": "/department",
                "title": "/title", "endDate": "/endDate", "employeeStatus": "/employeeStatus", "active": "/active",
            },
        }))
        .unwrap();
        let reader = adapter.compile().unwrap();
        let mut events = Vec::new();
        let said = self.said.iter().filter(|line| line.what != CANCELLED);
        for (number, line) in said.enumerate() {
            let mut body = json!({ "person": "E-1", "what": line.what, "no": number.to_string(),
                "said": line.at.format(&Rfc3339).unwrap() });
            if let Some(day) = &line.on {
                body["on"] = json!(day); // without the key it is said of now; a day that is null says that there is none
            }
            if matches!(line.what.as_str(), "hired" | "rehired") {
                body["type"] = json!("Employee"); // a notice without values asks for the record
            }
            for (name, value) in &line.values {
                body[name] = match value.as_str() {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    text => json!(text),
                };
            }
            let body = body.to_string();
            let headers = [("content-type", "application/json")];
            let request = NoticeRequest { method: "POST", headers: &headers, body: body.as_bytes() };
            let NoticeAnswer::Notices(notices) = reader.read(&request, line.at).unwrap() else {
                panic!("{body}")
            };
            for notice in notices {
                match notice {
                    SourceNotice::Event(said) => events.push(event(said)),
                    other => {
                        assert!(matches!(other, SourceNotice::Ignored { .. }), "{}: {other:?}", self.name)
                    }
                }
            }
        }
        events
    }
}

fn event(said: NoticeEvent) -> Event {
    let id = said.dedupe_id();
    Event {
        id: EventId::of("hr", &id),
        source: "hr".to_owned(),
        source_event_id: id,
        kind: said.kind,
        subject: said.subject,
        time: said.at,
        effective_at: said.effective_at.unwrap_or(said.at),
        accepted_at: said.at,
        sender: String::new(),
        dated: Some(said.dated),
        attributes: said.attributes,
        members: said.members,
        feed: None,
        withdraws: said.withdraws,
        unread: Vec::new(),
    }
}

/// Returns different orders of `count` items: all of them if they are few enough.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for next in 0..count {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            (0..=order.len()).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, next);
                longer
            })
        });
        orders = longer.collect();
        let step = orders.len().div_ceil(ORDERS_MAX);
        orders = orders.into_iter().step_by(step).collect();
    }
    orders
}

impl History {
    /// Returns the statements that operators had cancelled until `at`.
    fn cancelled(&self, events: &[Event], at: OffsetDateTime) -> Vec<Cancelled> {
        let mut cancelled: Vec<Cancelled> = Vec::new();
        for line in self.said.iter().filter(|line| line.what == CANCELLED && line.at <= at) {
            let (said, then) = (unix_micros(line.at), unix_micros(moment(line.on.as_ref().unwrap())));
            let mut identity = PersonRecord::default();
            for (sequence, event) in (1..).zip(events).filter(|(_, event)| event.time <= line.at) {
                identity.merge(event, sequence, said);
            }
            let planned = identity.planned("E-1", said).into_iter();
            let before = cancelled.len();
            cancelled.extend(
                planned.filter(|plan| plan.version.effective_at == then).map(|plan| (then, plan.parts, said)),
            );
            assert!(cancelled.len() > before, "{}: nothing is planned for {then}", self.name);
        }
        cancelled
    }
}

/// A cancelled statement: its effective time, its parts, and the time of the cancellation.
type Cancelled = (i64, Vec<PlannedPart>, i64);

/// Returns the person's state at `at`, and the values that policies see, after the statements until then were delivered in this
/// order.
fn seen(
    policy: &Policy,
    known: &[&Event],
    cancelled: &[Cancelled],
    order: &[usize],
    at: OffsetDateTime,
) -> (Option<AccountState>, Value) {
    let mut identity = PersonRecord::default();
    let now = unix_micros(at);
    for (effective_at, parts, said_at) in cancelled {
        identity.cancel(*effective_at, parts, *said_at);
    }
    for &number in order.iter().chain(order.first()) {
        identity.merge(known[number], number as u64 + 1, now);
    }
    let view = identity.view("E-1", now);
    let subject = DecisionSubject {
        identity: &view,
        groups: &[],
        manager: None,
        seed: expression::RandomSeed([0; 32]),
    };
    let state = decide_person(&subject, policy, at).account().map(|account| account.state);
    (state, serde_json::to_value(&view.attributes).unwrap())
}

#[test]
fn every_history_ends_as_it_should_at_each_date_in_any_order_of_delivery() {
    let histories = histories();
    assert!(histories.len() >= HISTORIES_MIN, "{}", histories.len());
    let mut wrong = Vec::new();
    for history in &histories {
        let (policy, events) = (history.policy(), history.events());
        for expected in &history.then {
            let known: Vec<&Event> = events.iter().filter(|event| event.time <= expected.at).collect();
            let cancelled = history.cancelled(&events, expected.at);
            // A person who never had an account is not reported as disabled.
            let moments = events.iter().flat_map(|event| [event.time, event.effective_at]);
            let had = moments.filter(|at| *at <= expected.at).any(|at| {
                let until: Vec<&Event> = events.iter().filter(|event| event.time <= at).collect();
                let order: Vec<usize> = (0..until.len()).collect();
                seen(&policy, &until, &history.cancelled(&events, at), &order, at).0
                    == Some(AccountState::Active)
            });
            for order in orders(known.len()) {
                let (state, values) = seen(&policy, &known, &cancelled, &order, expected.at);
                let state = match state {
                    Some(AccountState::Active) => "active",
                    Some(AccountState::Disabled) if had => "off",
                    Some(AccountState::Deleted) if had => "deleted",
                    _ => "none",
                };
                let is_right = state == expected.what
                    && expected.values.iter().all(|(name, value)| {
                        values.get(name).and_then(Value::as_str).unwrap_or_default() == value
                    });
                if !is_right {
                    wrong.push(format!(
                        "{}: at {} {state} {values} instead of {} {:?}, delivered {order:?}",
                        history.name, expected.at, expected.what, expected.values
                    ));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
