//! Tests of the rights of senders in a configuration.

use lifecycle::{GroupRight, PeopleRight, SenderRights};
use serde_json::{Value, json};

use super::*;

fn source(name: &str, may: Value) -> Value {
    let mut source = json!({ "name": name, "token": crate::token::hash_of(name) });
    if !may.is_null() {
        source["may"] = may;
    }
    source
}

fn config(gateway: Value, mapper: Value) -> UsherConfig {
    let mut sections = json!({ "gateway": gateway });
    if !mapper.is_null() {
        sections["mapper"] = mapper;
        sections["mapper"]["database"] = json!("sqlite::memory:");
    }
    serde_json::from_value(sections).unwrap()
}

fn feed(changes: Value) -> Value {
    let mut feed = json!({ "name": "people", "mode": "full", "mapping": { "key": "id" } });
    feed.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    feed
}

/// Returns the warnings about senders without rights, and the rights of each sender.
fn granted(gateway: Value, mapper: Value) -> (Vec<String>, Vec<(String, SenderRights)>) {
    let mut config = config(gateway, mapper);
    grant_least(&mut config);
    assert_eq!(fault(&config), None);
    let senders = config.gateway.as_ref().unwrap().configured_senders();
    let told = warnings(&config).into_iter().filter(|told| told.contains("has no `may`")).collect();
    (told, senders.into_iter().map(|one| (one.sender, one.rights)).collect())
}

#[test]
fn one_sender_may_go_without_rights_and_every_further_one_gets_the_least_and_is_named() {
    let nothing: Vec<String> = Vec::new();
    let (told, rights) = granted(json!({ "sources": [source("hr", Value::Null)] }), Value::Null);
    assert!(told == nothing && rights[0].1.is_everything());
    let shared =
        json!({ "sources": [source("hr", Value::Null)], "feeds": [feed(json!({ "source": "hr" }))] });
    let (told, rights) = granted(shared, Value::Null);
    assert!(
        told == nothing && rights.iter().all(|(_, rights)| rights.is_everything()),
        "a feed has the rights of its source"
    );
    let stated =
        json!({ "sources": [source("hr", Value::Null), source("c", json!({ "people": "introduced" }))] });
    assert_eq!(granted(stated, Value::Null).0, nothing);

    let mut groups = source("ad", Value::Null);
    groups["kinds"] = json!(["group"]);
    let token = crate::token::hash_of("feed");
    let three =
        json!({ "sources": [source("hr", Value::Null), groups], "feeds": [feed(json!({ "token": token }))] });
    let (told, rights) = granted(three.clone(), Value::Null);
    let [first, second] = &told[..] else { panic!("{told:?}") };
    assert!(
        first.starts_with("gateway.sources[1] (ad) ")
            && first.contains("`may: { groups: true, people: all }`"),
        "{first}"
    );
    assert!(
        second.starts_with("gateway.feeds[0] (feeds/people) ") && second.contains("`may: everything`"),
        "{second}"
    );
    assert!(rights[0].1.is_everything());
    assert_eq!((&rights[1].1.people, &rights[1].1.groups), (&PeopleRight::None, &GroupRight::All));
    let least = &rights[2].1;
    assert_eq!((&least.people, &least.groups), (&PeopleRight::Introduced, &GroupRight::None));
    assert_eq!(least.employment, EmploymentRight::Granted);
    // A list of those who decide about employment stays the only one.
    let (_, rights) = granted(three, json!({ "people": { "employment": ["hr"] } }));
    assert_eq!(rights[2].1.employment, EmploymentRight::LeftOut);
}

#[test]
fn the_mapper_takes_the_rights_from_the_gateway_and_nothing_is_said_twice() {
    let rights = json!({ "people": "introduced", "employment": true });
    let gateway = json!({ "sources": [source("hr", Value::Null), source("c", rights.clone())] });
    let mut shared = config(gateway.clone(), json!({}));
    share_rights(&mut shared);
    let mapper = shared.mapper.unwrap();
    assert_eq!(serde_json::to_value(&mapper.senders).unwrap(), json!({ "c": rights }));
    assert_eq!(fault(&config(gateway.clone(), json!({ "senders": { "c": rights } }))), None);
    let differs = config(gateway, json!({ "senders": { "c": { "people": "all" } } }));
    assert!(fault(&differs).unwrap().contains("mapper.senders says something else"));
}

#[test]
fn employment_is_said_in_one_place() {
    let of = |may: Value, employment: Value| {
        let gateway = json!({ "sources": [source("hr", Value::Null), source("ad", may)] });
        fault(&config(gateway, json!({ "people": { "employment": employment } })))
    };
    assert_eq!(of(json!({ "people": "all" }), json!(["hr"])), None);
    assert_eq!(of(json!("everything"), json!(["hr"])), None);
    assert!(
        of(json!({ "people": "all", "employment": true }), json!(["hr"]))
            .unwrap()
            .contains("does not name it")
    );
    assert!(of(json!({ "people": "all", "employment": false }), json!(["ad"])).unwrap().contains("names it"));
    assert_eq!(of(json!({ "people": "all", "employment": true }), json!([])), None);
}

#[test]
fn the_matrix_shows_each_sender_and_each_right() {
    let sources = [
        source("hr", Value::Null),
        source("contractors", json!({ "people": ["C-*"], "attributes": { "deny": ["userPrincipalName"] } })),
    ];
    let scim = json!([{ "name": "entra", "token": crate::token::hash_of("w"),
                        "may": { "people": "introduced", "employment": true, "groups": ["G-SEC-*"] } }]);
    let gateway = json!({ "sources": sources, "scim": scim, "database": "sqlite::memory:" });
    assert_eq!(
        render_rights(&config(gateway.clone(), json!({}))),
        "SENDER       SOURCES                  KINDS  PEOPLE      ATTRIBUTES                 EMPLOYMENT  GROUPS\n\
         hr           `hr` and below           all    all         all                        yes         all\n\
         contractors  `contractors` and below  all    C-*         all but userPrincipalName  no          -\n\
         entra/scim   entra/scim               all    introduced  all                        yes         G-SEC-*"
    );
    let alone = render_rights(&config(gateway, Value::Null));
    for line in [
        "for the mapper's file:",
        "    contractors: {\"people\":[\"C-*\"],\"attributes\":{\"deny\":[\"userPrincipalName\"]}}",
        "by mapper.people.employment",
    ] {
        assert!(alone.contains(line), "{line} is not in\n{alone}");
    }
}

#[test]
fn several_senders_with_everything_and_a_mapper_without_rights_are_warned_of() {
    let gateway =
        json!({ "sources": [source("hr", json!("everything")), source("ad", json!("everything"))] });
    assert!(
        warnings(&config(gateway, json!({}))).iter().any(|text| text.contains("hr, ad may say everything"))
    );
    let alone = json!({ "mapper": { "database": "sqlite::memory:" } });
    let alone: UsherConfig = serde_json::from_value(alone).unwrap();
    assert!(warnings(&alone).iter().any(|text| text.contains("mapper.senders is empty")));
    let one = json!({ "sources": [source("hr", Value::Null)] });
    assert_eq!(warnings(&config(one, json!({}))), Vec::<String>::new());
}
