use sandbox::{FilterGrammar, SandboxBehaviour};
use serde_json::json;

use crate::client::{ENTERPRISE, World};

async fn people() -> World {
    let world = World::generic().await;
    let people = [
        json!({ "userName": "ada@x.org", "externalId": "E1", "title": "Lead", "active": true,
            "name": { "familyName": "O\"Brien" }, ENTERPRISE: { "department": "Sales" },
            "emails": [{ "type": "work", "value": "ada@x.org" }, { "type": "home", "value": "a+b@home.org" }] }),
        json!({ "userName": "Bob@x.org", "externalId": "E2", "active": false,
            "emails": [{ "type": "work", "value": "bob@x.org" }], ENTERPRISE: { "department": "IT" } }),
        json!({ "userName": "cyd@y.org", "externalId": "e1", "active": true }),
    ];
    let mut ids = people.map(|person| world.sandbox.seed_user(person).unwrap()).into_iter();
    let first = ids.next().unwrap();
    world.sandbox.seed_group(json!({ "displayName": "Sales", "members": [{ "value": first }] })).unwrap();
    world
}

#[tokio::test]
async fn filters_mean_what_the_rfc_says() {
    let world = people().await;
    let (ada, bob, cyd) = ("ada@x.org", "Bob@x.org", "cyd@y.org");
    let department = format!("{ENTERPRISE}:department eq \"sales\"");
    let cases: [(&str, &[&str]); 26] = [
        (r#"userName eq "BOB@X.ORG""#, &[bob]),
        (r#"USERNAME Eq "bob@x.org""#, &[bob]),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bob@x.org""#, &[bob]),
        (r#"externalId eq "E1""#, &[ada]),
        (r#"externalId eq "e1""#, &[cyd]),
        (r#"externalId eq "nobody""#, &[]),
        (r#"id eq "2""#, &[bob]),
        (r#"id eq "02""#, &[]),
        (r#"userName ne "ada@x.org""#, &[bob, cyd]),
        (r#"userName sw "B""#, &[bob]),
        (r#"userName ew "y.ORG""#, &[cyd]),
        (r#"userName co "@x.""#, &[ada, bob]),
        ("title pr", &[ada]),
        ("not (title pr)", &[bob, cyd]),
        ("active eq true", &[ada, cyd]),
        ("active eq false", &[bob]),
        (r#"active eq true and userName sw "c""#, &[cyd]),
        (r#"externalId eq "E2" and active eq true"#, &[]),
        (r#"userName eq "ada@x.org" or active eq false"#, &[ada, bob]),
        (r#"emails.value eq "a+b@home.org""#, &[ada]),
        (r#"emails[type eq "work" and value sw "bob"]"#, &[bob]),
        (r#"emails[type eq "home" and value sw "ada"]"#, &[]),
        (r#"name.familyName eq "O\"Brien""#, &[ada]),
        (department.as_str(), &[ada]),
        (r#"groups.value eq "4""#, &[ada]),
        (r#"meta.lastModified gt "2020-01-01T00:00:00Z""#, &[ada, bob, cyd]),
    ];
    for (filter, expected) in cases {
        assert_eq!(world.find("/Users", filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn groups_are_found_by_name_and_by_member() {
    let world = people().await;
    for filter in
        [r#"displayName eq "sales""#, r#"members.value eq "1""#, r#"members[value eq "1"]"#, "members pr"]
    {
        assert_eq!(world.find("/Groups", filter).await, ["Sales"], "{filter}");
    }
    assert!(world.find("/Groups", r#"members.value eq "2""#).await.is_empty());
}

#[tokio::test]
async fn filters_that_a_server_does_not_take_are_refused() {
    let world = people().await;
    let refused = (400, "invalidFilter".to_owned());
    for filter in ["userName", "userName eq ada", "eq eq eq eq", r#"userName eq "a" xor id pr"#] {
        assert_eq!(world.refused_filter(filter).await, refused, "{filter}");
    }
    world.sandbox.set_behaviour(SandboxBehaviour::zscaler());
    assert_eq!(world.find("/Users", r#"externalId eq "E2""#).await, ["Bob@x.org"]);
    for filter in [r#"title eq "Lead""#, "userName pr", r#"userName sw "a""#, r#"id eq "1" and id eq "1""#] {
        assert_eq!(world.refused_filter(filter).await, refused, "{filter}");
    }
    world.sandbox.set_behaviour(SandboxBehaviour {
        filter_grammar: FilterGrammar::EqAnd,
        ..SandboxBehaviour::default()
    });
    assert_eq!(world.find("/Users", r#"id eq "1" and active eq true"#).await, ["ada@x.org"]);
    assert_eq!(world.refused_filter(r#"id eq "1" or id eq "2""#).await, refused);
}
