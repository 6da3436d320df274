use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use edge::Problem;
use lifecycle::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::scan::BULK_REQUEST;
use super::upload::read_all;
use super::{BulkReport, BulkUpload, OperationFault, take_upload};
use crate::intake::admission::AdmittedSource;
use crate::intake::received::ReceivedEvent;
use crate::intake::streamed::{BATCH_BYTES_MAX, BATCH_MAX, BATCHES_WAITING_MAX, BatchSink, StoredBatch};
use crate::intake::{limits::EventLimits, source::SubjectKind};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn bulk(operations: Value) -> Result<Vec<ReceivedEvent>, Problem> {
    let request = json!({"schemas": [BULK_REQUEST], "Operations": operations, "failOnErrors": null});
    read(request.to_string().as_bytes()).map(|(received, _)| received)
}

fn read(body: &[u8]) -> Result<(Vec<ReceivedEvent>, Vec<OperationFault>), Problem> {
    read_all(body, Some("upload"), None, NOW)
}

fn one(operation: Value) -> Result<lifecycle::Event, Problem> {
    bulk(json!([operation])).map(|mut received| received.remove(0).event)
}

fn user(data: Value) -> Value {
    json!({"method": "POST", "bulkId": "b1", "path": "/Users", "data": data})
}

#[test]
fn a_user_is_a_snapshot_under_the_names_of_entra() {
    let event = one(user(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": "701984", "id": "x", "password": "secret",
        "userName": "inga@example.com", "displayName": "Inga", "nickName": "I", "preferredLanguage": "sv-SE",
        "name": {"familyName": "Öberg", "givenName": "Inga", "middleName": "M"},
        "emails": [{"value": "home@example.com", "type": "home", "primary": true}, {"value": "inga@example.com", "type": "work"}],
        "addresses": [{"type": "work", "streetAddress": "Storgatan 1", "locality": "Umeå", "region": "AC",
                       "postalCode": "90325", "country": "SE", "formatted": "one line", "primary": true}],
        "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "mobile"}, {"value": "3", "type": "pager"}],
        "userType": "Employee", "title": "Guide", "active": "True",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Studios", "division": "Park",
            "department": "Tours", "manager": {"value": "89607", "displayName": "Jon"}},
        "urn:contoso:employee": {"HireDate": "2021-05-01", "JobCode": 7},
    })))
    .unwrap();
    assert_eq!((event.kind, event.subject.as_str()), (EventKind::WorkerSnapshot, "701984"));
    assert_eq!((event.source.as_str(), event.time), ("hr/scim-bulk", event.effective_at));
    assert_eq!(event.time, NOW);
    let expected = json!({
        "userPrincipalName": "inga@example.com", "displayName": "Inga", "nickName": "I",
        "preferredLanguage": "sv-SE", "surname": "Öberg", "givenName": "Inga", "name.middleName": "M",
        "mail": "inga@example.com", "emails[type eq \"home\"].value": "home@example.com",
        "streetAddress": "Storgatan 1", "city": "Umeå", "state": "AC", "postalCode": "90325", "country": "SE",
        "addresses[type eq \"work\"].formatted": "one line",
        "telephoneNumber": "1", "mobile": "2", "phoneNumbers[type eq \"pager\"].value": "3",
        "employeeType": "Employee", "jobTitle": "Guide", "active": true,
        "employeeId": "701984", "costCenter": "4130", "companyName": "Studios", "division": "Park",
        "department": "Tours", "manager": "89607",
        "urn:contoso:employee:HireDate": "2021-05-01", "urn:contoso:employee:JobCode": 7,
    });
    assert_eq!(json!(event.attributes), expected);
}

#[test]
fn no_active_is_no_statement_about_employment() {
    for data in [json!({"externalId": "1"}), json!({"externalId": "1", "active": null})] {
        assert!(!one(user(data)).unwrap().attributes.contains_key("active"));
    }
    assert_eq!(one(user(json!({"externalId": "1", "active": false}))).unwrap().attributes["active"], false);
}

#[test]
fn mail_is_the_work_or_the_primary_or_the_first_address() {
    let mail = |emails: Value| {
        one(user(json!({"externalId": "1", "emails": emails}))).unwrap().attributes.get("mail").cloned()
    };
    assert_eq!(mail(json!([{"value": "a"}, {"value": "b", "type": "Work"}])), Some("b".into()));
    assert_eq!(mail(json!([{"value": "a"}, {"value": "b", "primary": true}])), Some("b".into()));
    assert_eq!(mail(json!([{"value": "a", "type": "home"}, {"value": "b"}])), Some("a".into()));
    assert_eq!(mail(json!([])), None);
}

#[test]
fn groups_and_deletions_are_understood() {
    let group = json!({"externalId": "G-1", "displayName": "Tours", "members": [{"value": "worker/1"}, {"value": "2"}]});
    let event = one(json!({"method": "put", "path": "/Groups/G-1", "data": group})).unwrap();
    assert_eq!((event.kind, event.subject.as_str()), (EventKind::GroupUpserted, "G-1"));
    assert_eq!(
        (json!(event.attributes), event.members.unwrap()),
        (json!({"displayName": "Tours"}), vec!["1".into(), "2".into()])
    );
    let nothing = one(json!({"method": "POST", "path": "/Groups", "data": {"externalId": "G-1"}})).unwrap();
    assert_eq!(nothing.members, None, "no list says nothing");
    let gone = one(json!({"method": "DELETE", "path": "/Users/a%2Fb"})).unwrap();
    assert_eq!((gone.kind, gone.subject.as_str()), (EventKind::WorkerDeleted, "a/b"));
    assert_eq!(
        one(json!({"method": "DELETE", "path": "/Groups/G-1"})).unwrap().kind,
        EventKind::GroupDeleted
    );
}

#[test]
fn only_an_upload_that_is_repeated_under_its_name_makes_a_row_a_duplicate() {
    let ids = |titles: &[&str], upload: Option<&str>, now| -> Vec<_> {
        let row = |title: &&str| user(json!({"externalId": "1", "title": title}));
        let rows: Vec<Value> = titles.iter().map(row).collect();
        let request = json!({"Operations": rows}).to_string();
        let received = read_all(request.as_bytes(), upload, None, now).unwrap().0;
        assert!(received.is_sorted_by(|a, b| a.event.time < b.event.time), "the last word counts");
        received.into_iter().map(|one| one.event.id).collect()
    };
    let later = NOW + Duration::seconds(1);
    assert_eq!(ids(&["a"], Some("x"), NOW), ids(&["a"], Some("x"), later));
    assert_ne!(ids(&["a"], Some("x"), NOW), ids(&["b"], Some("x"), NOW));
    assert_ne!(ids(&["a"], Some("x"), NOW), ids(&["a"], Some("y"), NOW));
    assert_ne!(ids(&["a"], None, NOW), ids(&["a"], None, later), "what is said again later is said again");
    let back_and_forth = ids(&["a", "b", "a"], Some("x"), NOW);
    assert_ne!(back_and_forth[0], back_and_forth[2], "the last word counts");
    assert_eq!(back_and_forth, ids(&["a", "b", "a"], Some("x"), NOW));
}

#[test]
fn each_wrong_field_is_named() {
    let at = |operation: Value| -> Vec<String> {
        let problem = one(operation).unwrap_err();
        assert_eq!(problem.status(), 422);
        problem.errors().iter().map(|error| error.pointer.clone()).collect()
    };
    assert_eq!(at(json!({"method": "PATCH", "path": "/Users/1"})), ["/Operations/0/method"]);
    assert_eq!(at(json!({"method": "DELETE", "path": "/Users"})), ["/Operations/0/path"]);
    assert_eq!(at(json!({"method": "POST", "path": "/Devices", "data": {}})), ["/Operations/0/path"]);
    assert_eq!(at(json!({"method": "POST", "path": "/Users"})), ["/Operations/0/data"]);
    assert_eq!(at(user(json!({"userName": "x"}))), ["/Operations/0/data/externalId"]);
    assert_eq!(at(user(json!({"externalId": "1", "active": "maybe"}))), ["/Operations/0/data/active"]);
    assert_eq!(at(user(json!({"externalId": "1", "emails": "a@b"}))), ["/Operations/0/data/emails"]);
    assert_eq!(at(user(json!({"externalId": "1", "title": "\u{0}"}))), ["/Operations/0/data/title"]);
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let manager = json!({"externalId": "1", enterprise: {"manager": {"value": 7}}});
    assert_eq!(at(user(manager)), [format!("/Operations/0/data/{enterprise}/manager/value")]);
    let nested = json!({"externalId": "G", "members": [{"value": "1"}, {"value": "2", "type": "Group"}, {}]});
    let nested = json!({"method": "POST", "path": "/Groups", "data": nested});
    let members = "/Operations/0/data/members";
    assert_eq!(at(nested), [format!("{members}/1/type"), format!("{members}/2/value")]);
    let other = json!({"method": "PUT", "path": "/Users/2", "data": {"externalId": "1"}});
    assert_eq!(at(other), ["/Operations/0/path"]);
    let request = read(br#"{"schemas": ["x"]}"#).unwrap_err();
    let found: Vec<_> = request.errors().iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(found, ["/schemas", "/Operations"]);
}

#[test]
fn a_wrong_operation_is_named_by_its_place_and_stops_no_other() {
    let long = "x".repeat(10_001);
    let operations = json!([
        user(json!({"externalId": "1"})), user(json!({})), user(json!({"externalId": "3", "title": long})),
        {"method": "POST", "path": "/Groups", "data": {"externalId": "G"}}, 7, user(json!({"externalId": "6"})),
    ]);
    let text = json!({"Operations": operations})
        .to_string()
        .replace("\"3\"", "\"3\", \"no\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    for (body, second) in [(text.clone(), "10000 bytes"), (text.replace(&long, "x"), "nests deeper")] {
        let (received, faults) =
            read_all(body.as_bytes(), None, Some(vec![SubjectKind::Worker]), NOW).unwrap();
        let keys: Vec<&str> = received.iter().map(|one| one.event.subject.as_str()).collect();
        assert_eq!(keys, ["1", "6"]);
        let at: Vec<(&str, Option<&str>)> =
            faults.iter().map(|fault| (fault.pointer.as_str(), fault.bulk_id.as_deref())).collect();
        let expected = [
            ("/Operations/1/data/externalId", Some("b1")),
            ("/Operations/2", None),
            ("/Operations/3/path", None),
            ("/Operations/4", None),
        ];
        assert_eq!(at, expected);
        assert!(faults[1].detail.contains(second), "{}", faults[1].detail);
    }
}

#[test]
fn a_request_is_understood_in_any_order_and_only_as_a_whole() {
    let good = r#"{"method":"DELETE","path":"/Users/1"}"#;
    let reads = |body: &str| read(body.as_bytes()).map(|(received, _)| received.len());
    for body in [
        format!(" {{ \"Operations\" : [ {good} , {good} ] , \"schemas\" : [\"{BULK_REQUEST}\"] }} "),
        format!(
            "\u{feff}{{\"failOnErrors\":1,\"x\":{{\"y\":[\"]}}\\\"\"]}},\"operations\":[{good},{good}]}}"
        ),
    ] {
        assert_eq!(reads(&body).unwrap(), 2, "{body}");
    }
    assert_eq!(reads(r#"{"Operations":[]}"#).unwrap(), 0);
    let refused = |body: &str| {
        let problem = reads(body).unwrap_err();
        format!("{} {} {}", problem.status().as_u16(), problem.code(), problem.detail())
    };
    let eleven = [good; 11].join(",");
    for (body, words) in [
        (String::new(), "400 malformed_json line 1, column 1"),
        ("[]".to_owned(), "422 invalid"),
        ("{".to_owned(), "400 malformed_json"),
        (r#"{"Operations"}"#.to_owned(), "400 malformed_json line 1, column 14: expected `:`"),
        (r#"{"Operations":[}"#.to_owned(), "400 malformed_json"),
        (r#"{"Operations":[1 2]}"#.to_owned(), "400 malformed_json line 1, column 18: expected `,` or `]`"),
        ("{\"Operations\":[\n{\"a\":nul}]}".to_owned(), "400 malformed_json line 2, column 9"),
        (format!(r#"{{"Operations":[{good}]"#), "400 malformed_json"),
        (format!(r#"{{"Operations":[{good}"#), "400 malformed_json"),
        (format!(r#"{{"Operations":[{good}]}} x"#), "400 malformed_json line 1, column 56: trailing"),
        (r#"{"Operations":[],"Operations":[]}"#.to_owned(), "422 invalid"),
        (r#"{"Operations":{}}"#.to_owned(), "422 invalid"),
        (format!(r#"{{"Operations":[{eleven}]}}"#), "413 batch_too_large"),
        (format!(r#"{{"x":"{}"}}"#, "x".repeat(70_000)), "413 too_large"),
    ] {
        let refusal = refused(&body);
        assert!(refusal.starts_with(words), "{refusal} is not {words} for {}", &body[..body.len().min(60)]);
    }
}

/// A request that is generated while it is read; one of its operations is wrong.
struct Made {
    next: usize,
    operations: usize,
    wrong: usize,
    rest: Vec<u8>,
}

impl Read for Made {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && self.next <= self.operations {
            let (n, comma) = (self.next, if self.next + 1 < self.operations { "," } else { "]}" });
            self.rest = if n == self.operations {
                Vec::new()
            } else {
                let begin = if n == 0 { "{\"Operations\":[" } else { "" };
                let active = if n == self.wrong { "\"perhaps\"" } else { "true" };
                let data = format!(r#"{{"externalId":"E-{n}","active":{active},"title":"{n:0>200}"}}"#);
                let operation =
                    format!(r#"{{"method":"POST","bulkId":"b{n}","path":"/Users","data":{data}}}"#);
                format!("{begin}{operation}{comma}").into_bytes()
            };
            self.next += 1;
        }
        let length = self.rest.len().min(into.len());
        into[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// Counts the stored batches, up to a batch that it refuses.
#[derive(Default)]
struct Counted {
    batches: usize,
    refuses_from: Option<usize>,
}

impl BatchSink for Counted {
    async fn store(&mut self, batch: Vec<ReceivedEvent>) -> Result<StoredBatch, Problem> {
        if self.refuses_from == Some(self.batches) {
            return Err(Problem::unavailable("not_stored", "no", std::time::Duration::from_secs(1)));
        }
        self.batches += 1;
        Ok(StoredBatch::new(&batch))
    }
}

async fn taken(bytes: Made, sink: &mut Counted) -> Result<BulkReport, Problem> {
    let source = AdmittedSource::of_webhook(
        "hr".to_owned(),
        lifecycle::SenderRights::everything(),
        None,
        edge::AccessRule::default(),
        Instant::now(),
    );
    let upload = BulkUpload {
        source: Arc::new(source),
        key: None,
        limits: EventLimits::default(),
        operations_max: usize::MAX,
        operation_bytes_max: 1 << 20,
        now: NOW,
    };
    take_upload(upload, bytes, sink).await
}

#[tokio::test]
async fn fifty_thousand_operations_are_never_in_memory_at_the_same_time() {
    let (operations, wrong) = (50_000, 25_000);
    let bytes = Made { next: 0, operations, wrong, rest: Vec::new() };
    let report = taken(bytes, &mut Counted::default()).await.unwrap();
    assert_eq!((report.operations, report.failed), (50_000, 1));
    assert_eq!((report.accepted.len(), report.accepted_unlisted), (1_000, 48_999));
    let fault = &report.errors[0];
    assert_eq!(
        (fault.pointer.as_str(), fault.bulk_id.as_deref()),
        ("/Operations/25000/data/active", Some("b25000"))
    );
    // One batch is filled, one waits, one is handed over and one is stored.
    let batches = BATCHES_WAITING_MAX + 3;
    let (events, bytes) = (report.buffered.events_max(), report.buffered.bytes_max());
    assert!(events <= batches * BATCH_MAX, "{events} events");
    assert!(bytes <= batches * (BATCH_BYTES_MAX + EventLimits::default().event_bytes_max), "{bytes} bytes");
}

#[tokio::test]
async fn a_request_that_cannot_be_stored_is_read_no_further_and_says_how_far_it_came() {
    let bytes = Made { next: 0, operations: usize::MAX - 1, wrong: 3, rest: Vec::new() };
    let mut sink = Counted { refuses_from: Some(2), ..Counted::default() };
    let refused = taken(bytes, &mut sink).await.unwrap_err();
    assert_eq!((refused.status().as_u16(), sink.batches), (503, 2));
    assert!(refused.detail().contains("2000 operations before that are stored"), "{}", refused.detail());
}

proptest! {
    #[test]
    fn arbitrary_operations_never_fail(
        method in prop::sample::select(vec!["POST", "PUT", "DELETE", "PATCH", ""]),
        path in "(/Users|/Groups|/)(/[ -~é]{0,6})?",
        data in prop::collection::hash_map("(externalId|name|emails|active|members|urn:x|[a-z]{1,3})", "[ -~é]{0,6}", 0..6),
        list in prop::collection::vec(prop::option::of("[a-z]{0,3}"), 0..4),
    ) {
        let mut data = json!(data);
        data["emails"] = json!(list.iter().map(|value| json!({"value": value, "type": value})).collect::<Vec<_>>());
        data["members"] = data["emails"].clone();
        if let Err(problem) = bulk(json!([{"method": method, "path": path, "data": data}, data, 1])) {
            prop_assert!(problem.status().is_client_error());
        }
        if let Err(problem) = one(json!({"method": method, "path": path, "data": data})) {
            prop_assert!(problem.status().is_client_error());
        }
    }

    #[test]
    fn a_request_that_is_cut_or_garbled_never_fails(at in 0_usize..120, byte in any::<u8>(), cut in any::<bool>()) {
        let operation = user(json!({"externalId": "1", "name": {"givenName": "A\"[{"}}));
        let mut body = json!({"schemas": [BULK_REQUEST], "Operations": [operation, operation]}).to_string().into_bytes();
        if cut { body.truncate(at); } else { body[at] = byte; }
        if let Err(problem) = read(&body) {
            prop_assert!(problem.status().is_client_error());
        }
    }
}
