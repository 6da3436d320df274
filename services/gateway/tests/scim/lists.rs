//! Lists: filters, pages, order, and shown attributes.

use serde_json::{Value, json};

use crate::provider::{ENTERPRISE, Provider, members};

async fn company(database: store::testing::TestDatabase) -> Provider {
    let provider = Provider::on(database, json!({})).await;
    for (name, city, number) in
        [("Cid", "Oslo", 3), ("ann", "Bonn", 1), ("Ben", "Bonn", 2), ("dan", "Rome", 4)]
    {
        let body = json!({
            "userName": name, "externalId": name, "active": number != 4, "title": format!("T{number}"),
            "addresses": [{"type": "work", "locality": city}], ENTERPRISE: {"department": if number < 3 { "A" } else { "B" }},
        });
        assert_eq!(provider.post("/Users", body).await.status, 201);
    }
    provider
}

fn names(resources: &[Value]) -> Vec<&str> {
    resources.iter().map(|one| one["userName"].as_str().or(one["displayName"].as_str()).unwrap()).collect()
}

#[tokio::test]
async fn filters_find_the_same_on_every_database() {
    for database in store::testing::test_databases() {
        let provider = company(database).await;
        let table: [(&str, &[&str]); 9] = [
            ("userName eq \"BEN\"", &["Ben"]),
            ("externalId eq \"ben\"", &[]),
            ("userName sw \"b\" or userName eq \"DAN\"", &["Ben", "dan"]),
            ("addresses[type eq \"work\" and locality eq \"bonn\"]", &["ann", "Ben"]),
            ("active eq false", &["dan"]),
            ("not (active eq true) and title pr", &["dan"]),
            (&format!("{ENTERPRISE}:department eq \"b\" and active eq \"True\""), &["Cid"]),
            ("meta.created gt \"2020-01-01T00:00:00Z\" and nickName pr", &[]),
            ("id pr", &["Cid", "ann", "Ben", "dan"]),
        ];
        for (filter, expected) in table {
            assert_eq!(names(&provider.find("/Users", filter).await), expected, "{filter}");
        }
        let wrong = provider.get("/Users?filter=userName%20is%20%22secret%22").await;
        assert_eq!((wrong.status, &wrong.body["scimType"]), (400, &json!("invalidFilter")));
        assert!(!wrong.body.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn groups_are_found_by_their_members() {
    for database in store::testing::test_databases() {
        let provider = Provider::on(database, json!({})).await;
        let (ann, ben) = (provider.user("ann").await, provider.user("ben").await);
        provider.group("one", &[&ann]).await;
        provider.group("both", &[&ann, &ben]).await;
        provider.group("none", &[]).await;
        let table: [(String, &[&str]); 6] = [
            (format!("members.value eq \"{ann}\""), &["one", "both"]),
            (format!("members[value eq \"{ben}\"] and displayName eq \"BOTH\""), &["both"]),
            (format!("not (members eq \"{ben}\")"), &["one", "none"]),
            ("members pr".to_owned(), &["one", "both"]),
            ("not (members pr)".to_owned(), &["none"]),
            (format!("members eq \"{ann}\" and members eq \"{ben}\""), &["both"]),
        ];
        for (filter, expected) in table {
            assert_eq!(names(&provider.find("/Groups", &filter).await), expected, "{filter}");
        }
        let all = provider.get("/Groups").await;
        assert_eq!(members(&all.body["Resources"][1]), [ann.as_str(), ben.as_str()]);
        let bare = provider.get("/Groups?attributes=displayName").await;
        assert!(
            bare.body["Resources"].as_array().unwrap().iter().all(|group| group.get("members").is_none())
        );
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_can_be_ordered() {
    for database in store::testing::test_databases() {
        let provider = company(database).await;
        let page = async |query: &str| provider.get(&format!("/Users?{query}")).await.body;
        let first = page("startIndex=1&count=3").await;
        assert_eq!((&first["totalResults"], &first["itemsPerPage"]), (&json!(4), &json!(3)));
        assert_eq!(
            names(first["Resources"].as_array().unwrap()),
            ["Cid", "ann", "Ben"],
            "in the order of creation"
        );
        let second = page("startIndex=4&count=3").await;
        assert_eq!(names(second["Resources"].as_array().unwrap()), ["dan"]);
        let sorted = page("sortBy=userName").await;
        assert_eq!(names(sorted["Resources"].as_array().unwrap()), ["ann", "Ben", "Cid", "dan"]);
        let backwards = page("sortBy=addresses.locality&sortOrder=descending&startIndex=2&count=2").await;
        assert_eq!(names(backwards["Resources"].as_array().unwrap())[0], "Cid");
        let some = page("filter=active+eq+true&startIndex=2&count=1").await;
        assert_eq!(
            (&some["totalResults"], names(some["Resources"].as_array().unwrap())),
            (&json!(3), vec!["ann"])
        );
        let count = page("count=0").await;
        assert_eq!((&count["totalResults"], &count["Resources"]), (&json!(4), &json!([])));
    }
}

#[tokio::test]
async fn a_search_is_a_list_also_over_both_kinds() {
    let provider = company(store::testing::sqlite_database()).await;
    provider.group("staff", &[]).await;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName sw \"a\"",
        "attributes": ["userName"], "startIndex": 1, "count": 10,
    });
    let found = provider.post("/Users/.search", search).await;
    assert_eq!((found.status, names(found.body["Resources"].as_array().unwrap())), (200, vec!["ann"]));
    assert!(found.body["Resources"][0].get("title").is_none());
    let all = provider.post("/.search", json!({"startIndex": 4, "count": 2})).await;
    assert_eq!(all.body["totalResults"], 5);
    assert_eq!(names(all.body["Resources"].as_array().unwrap()), ["dan", "staff"]);
    let rest = provider.post("/.search", json!({"startIndex": 5, "count": 2})).await;
    assert_eq!(names(rest.body["Resources"].as_array().unwrap()), ["staff"]);
}

#[tokio::test]
async fn what_anybody_may_ask_needs_no_token() {
    let provider = Provider::start().await;
    for path in [
        "ServiceProviderConfig",
        "Schemas",
        "ResourceTypes",
        "Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
        "ResourceTypes/Group",
    ] {
        for base in ["/scim/v2/entra", "/scim/v2"] {
            let answer =
                provider.world.http.get(format!("{}{base}/{path}", provider.world.url)).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{base}/{path}");
        }
    }
    let schemas = provider.get("/Schemas").await;
    let user =
        schemas.body["Resources"].as_array().unwrap().iter().find(|one| one["name"] == "User").unwrap();
    let name = user["attributes"].as_array().unwrap().iter().find(|one| one["name"] == "userName").unwrap();
    assert_eq!(
        (&name["required"], &name["uniqueness"], &name["caseExact"]),
        (&json!(true), &json!("server"), &json!(false))
    );
    assert_eq!(provider.get("/Schemas/none").await.status, 404);
    assert_eq!(provider.post("/Schemas", json!({})).await.status, 405);
}
