use super::*;
use crate::ListPaging;

fn user(id: u64, name: &str) -> Value {
    json!({ "id": id, "userName": name, "externalId": format!("E{id}"), "emails": [{ "type": "work", "value": format!("{name}@x") }] })
}

/// Serves `people` page by page and ignores the filter. A page has at most `cap` entries.
fn ignores_filters(people: u64, cap: usize) -> impl Fn(&Seen) -> Response + Clone {
    move |seen: &Seen| {
        let start: u64 = seen.query("startIndex").map_or(1, |s| s.parse().unwrap());
        let page: Vec<Value> =
            (start..=people).take(cap).map(|id| user(id, &format!("person{id}"))).collect();
        answer(200, json!({ "totalResults": people, "Resources": page }))
    }
}

#[tokio::test]
async fn a_filter_reaches_the_target_exactly_as_it_was_meant() {
    let odd = r#"O"Br\ien+a&b=c é 😀 %2B"#;
    let (client, log) =
        serve(profile(), move |_| answer(200, json!({ "totalResults": 1, "Resources": [user(1, odd)] })))
            .await;
    let reply = client.find(ScimKind::User, "userName", odd).await;
    assert_eq!(reply.outcome.unwrap()[0].id, "1");
    let seen = log.only();
    assert_eq!(seen.query("filter").unwrap(), format!("userName eq {}", json!(odd)));
    assert!(!seen.uri.query().unwrap().contains(['+', ' ', '"']), "{}", seen.uri);
    assert_eq!(seen.query("startIndex"), None);
    assert_eq!(reply.exchange.path, format!("/Users?filter=userName eq \"{odd}\""));
}

#[tokio::test]
async fn an_address_in_a_filter_is_masked_in_the_exchange() {
    let (client, log) = serve(profile(), |_| answer(200, json!({ "totalResults": 0 }))).await;
    let path = r#"emails[type eq "work"].value"#;
    let reply = client.find(ScimKind::User, path, "ada@x").await;
    assert_eq!(reply.outcome, Ok(Vec::new()));
    assert_eq!(log.only().query("filter").unwrap(), r#"emails[type eq "work" and value eq "ada@x"]"#);
    assert_eq!(reply.exchange.path, format!("/Users?filter={path} eq \"<redacted 5 chars>\""));
}

#[tokio::test]
async fn groups_are_looked_up_without_their_members() {
    let (client, log) = serve(profile(), |_| answer(200, json!({ "totalResults": 0 }))).await;
    client.find(ScimKind::Group, "displayName", "Staff").await.outcome.unwrap();
    assert_eq!(log.only().query("excludedAttributes").as_deref(), Some("members"));
}

#[tokio::test]
async fn what_was_not_asked_for_does_not_count() {
    let stranger =
        |_: &Seen| answer(200, json!({ "totalResults": 2, "Resources": [user(1, "eve"), user(2, "ADA")] }));
    let (client, _) = serve(profile(), stranger).await;
    let found = |path: &'static str, value: &'static str| {
        let client = client.clone();
        async move {
            let found = client.find(ScimKind::User, path, value).await.outcome.unwrap();
            found.into_iter().map(|f| f.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(found("userName", "ada").await, ["2"]);
    assert_eq!(found("externalId", "E1").await, ["1"]);
    assert!(found("externalId", "e1").await.is_empty());
    assert_eq!(found(r#"emails[type eq "work"].value"#, "ada@X").await, ["2"]);
    assert!(found(r#"emails[type eq "home"].value"#, "ada@X").await.is_empty());
}

#[tokio::test]
async fn a_target_that_ignores_filters_is_read_page_by_page_by_what_it_sent() {
    let (client, log) = serve(profile(), ignores_filters(25, 10)).await;
    let reply = client.find(ScimKind::User, "userName", "person23").await;
    assert_eq!((reply.outcome.unwrap()[0].id.as_str(), reply.requests), ("23", 3));
    let starts: Vec<_> = log.all().iter().map(|seen| seen.query("startIndex")).collect();
    assert_eq!(starts, [None, Some("11".into()), Some("21".into())]);
    assert_eq!(log.all()[1].query("count").as_deref(), Some("100"));
    let nobody = client.find(ScimKind::User, "userName", "nobody").await;
    assert_eq!((nobody.outcome, nobody.requests), (Ok(Vec::new()), 3));
}

#[tokio::test]
async fn nobody_is_said_to_be_missing_unless_that_is_certain() {
    let repeats =
        |_: &Seen| answer(200, json!({ "totalResults": 50, "Resources": [user(1, "a"), user(2, "b")] }));
    let (client, _) = serve(profile(), repeats).await;
    assert_eq!(client.find(ScimKind::User, "userName", "z").await.class(), AttemptClass::Permanent);
    let (client, log) = serve(profile(), ignores_filters(100_000, 1)).await;
    let endless = client.find(ScimKind::User, "userName", "z").await;
    assert_eq!((endless.class(), endless.requests as usize), (AttemptClass::Permanent, log.all().len()));
    for body in [json!({ "totalResults": 3 }), json!({}), json!("x"), json!({ "detail": "sign in" })] {
        let (client, _) = serve(profile(), move |_| answer(200, body.clone())).await;
        assert_eq!(client.find(ScimKind::User, "userName", "z").await.class(), AttemptClass::Transient);
    }
    let (client, _) = serve(profile(), |_| answer(404, json!({}))).await;
    assert_eq!(client.find(ScimKind::User, "userName", "z").await.class(), AttemptClass::Unavailable);
    let without_id = json!({ "totalResults": 1, "Resources": [{ "displayName": "Staff" }] });
    let (client, _) = serve(profile(), move |_| answer(200, without_id.clone())).await;
    assert_eq!(client.find(ScimKind::Group, "displayName", "Staff").await.class(), AttemptClass::Permanent);
}

#[tokio::test]
async fn several_terms_go_in_one_request_where_the_profile_allows_it() {
    let mut able = profile();
    able.lookups.user.or = true;
    let (client, log) = serve(able, |_| answer(200, json!({ "Resources": [user(1, "ada")] }))).await;
    let terms = [("externalId", "E9"), ("userName", "ada")];
    assert_eq!(client.find_any(ScimKind::User, &terms).await.outcome.unwrap().len(), 1);
    assert_eq!(log.only().query("filter").unwrap(), r#"externalId eq "E9" or userName eq "ada""#);
    let (client, log) = serve(profile(), |_| answer(200, json!({}))).await;
    assert_eq!(client.find_any(ScimKind::User, &terms).await.class(), AttemptClass::Permanent);
    assert_eq!(client.find_any(ScimKind::User, &[]).await.class(), AttemptClass::Permanent);
    assert_eq!(client.find(ScimKind::User, "a b", "x").await.class(), AttemptClass::Permanent);
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn a_target_that_counts_only_what_is_on_the_page_is_read_to_its_end() {
    for total in [true, false] {
        let pages = move |seen: &Seen| {
            let start: u64 = seen.query("startIndex").map_or(1, |s| s.parse().unwrap());
            let page: Vec<Value> =
                (start..=120).take(40).map(|id| user(id, &format!("person{id}"))).collect();
            let mut body = json!({ "Resources": page });
            if total {
                body["totalResults"] = page.len().into();
            }
            answer(200, body)
        };
        let (client, log) = serve(TargetProfile { page_size: 100, ..profile() }, pages).await;
        let (mut start, mut before, mut ids) = (None, 0, Vec::new());
        loop {
            let page = client.list(ScimKind::User, start.as_ref(), before).await.outcome.unwrap();
            ids.extend(page.resources.iter().map(|found| found.id.clone()));
            let next = page.next.clone().or_else(|| page.further(ListPaging::Index, before));
            before += page.entries;
            match next {
                Some(next) => start = Some(next),
                None => break,
            }
        }
        assert_eq!((ids.len(), log.all().len()), (120, 4), "{total}: three pages and an empty one");
    }
}

#[tokio::test]
async fn where_no_filter_is_taken_everything_is_read_one_request_at_a_time() {
    let mut profile = profile();
    profile.lookups.user.filterable.clear();
    profile.page_size = 50;
    let refuses = |seen: &Seen| match seen.query("filter") {
        Some(_) => answer(400, json!({ "scimType": "invalidFilter" })),
        None => ignores_filters(120, 50)(seen),
    };
    let (client, log) = serve(profile, refuses).await;
    let mut search = ResourceSearch::new(ScimKind::User, "userName", "person119");
    for more in 1..=3 {
        let found = client.find_next(&mut search).await.outcome.unwrap();
        assert_eq!((log.all().len(), found.is_some()), (more, more == 3));
    }
    assert_eq!(client.find(ScimKind::User, "userName", "nobody").await.outcome.unwrap(), []);
}
