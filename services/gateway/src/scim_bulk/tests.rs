use edge::Problem;
use lifecycle::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::parse;
use crate::Limits;
use crate::received::Received;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn bulk(operations: Value, now: OffsetDateTime) -> Result<Vec<Received>, Problem> {
    let request = json!({"schemas": [super::BULK_REQUEST], "Operations": operations, "failOnErrors": null});
    parse(request.to_string().as_bytes(), "hr", Some("upload"), &Limits::default(), now)
}

fn one(operation: Value) -> Result<lifecycle::Event, Problem> {
    bulk(json!([operation]), NOW).map(|mut received| received.remove(0).event)
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
    assert!(event.time < NOW && event.time > NOW - Duration::seconds(1), "now, and not in the future");
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
        let received = parse(request.as_bytes(), "hr", upload, &Limits::default(), now).unwrap();
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
    let request = parse(br#"{"schemas": ["x"]}"#, "hr", None, &Limits::default(), NOW).unwrap_err();
    let found: Vec<_> = request.errors().iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(found, ["/schemas", "/Operations"]);
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
        if let Err(problem) = bulk(json!([{"method": method, "path": path, "data": data}, data, 1]), NOW) {
            prop_assert!(problem.status().is_client_error());
        }
        if let Err(problem) = one(json!({"method": method, "path": path, "data": data})) {
            prop_assert!(problem.status().is_client_error());
        }
    }
}
