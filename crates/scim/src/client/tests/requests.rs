use super::*;
use AttemptClass::{
    AlreadyExists, NotFound, OutcomeUnknown, Permanent, Throttled, Transient, Unauthorised, Unavailable,
};

#[tokio::test]
async fn a_create_sends_the_resource_and_reports_the_id_without_showing_the_person() {
    let (client, log) =
        serve(profile(), |_| answer(201, json!({ "id": 42, "name": { "givenName": "Ada" } }))).await;
    let ada = attributes(json!({ "userName": "ada", "name.givenName": "Ada", "active": true }));
    let reply = client.create(ScimKind::User, &ada).await;
    assert_eq!(reply.outcome, Ok(CreatedResource { id: Some("42".into()) }));
    assert_eq!(reply.requests, 1);
    let seen = log.only();
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/scim/v2/Users"));
    let header = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("authorization"), "Bearer s3cret-token");
    assert_eq!(header("accept"), "application/scim+json");
    assert_eq!(header("content-type"), "application/scim+json");
    assert!(header("user-agent").starts_with("usher/"));
    assert_eq!(seen.json(), diff::to_resource(&profile(), ScimKind::User, &ada));
    let shown = format!("{reply:?} {client:?}");
    assert!(!shown.contains("Ada") && !shown.contains("s3cret"), "{shown}");
    assert_eq!(reply.exchange.path, "/Users");
    assert_eq!(reply.exchange.status, Some(201));
}

#[tokio::test]
async fn a_create_that_is_answered_without_a_usable_body_is_done_all_the_same() {
    for (location, body, id) in [
        (None, "", None),
        (None, "<html>created", None),
        (None, "{\"id\":", None),
        (None, "[]", None),
        (Some("https://x/scim/Users/a%2Bb?x=1"), "", Some("a+b")),
        (Some("/scim/users/7"), "{}", Some("7")),
        (Some("/scim/Users/"), "", None),
        (Some("/login"), "", None),
    ] {
        let (client, _) = serve(profile(), move |_| {
            let mut response = (StatusCode::CREATED, body).into_response();
            if let Some(location) = location {
                response.headers_mut().insert("location", location.parse().unwrap());
            }
            response
        })
        .await;
        let reply = client.create(ScimKind::User, &AttributeMap::new()).await;
        assert_eq!(reply.outcome, Ok(CreatedResource { id: id.map(str::to_owned) }), "{location:?} {body}");
    }
}

#[tokio::test]
async fn every_request_goes_to_its_place_with_the_id_escaped() {
    let (client, log) =
        serve(profile(), |_| answer(200, json!({ "id": "x", "members": [{ "value": 1 }, "2"] }))).await;
    let id = "a/b?c#d+e é%2F";
    let ops = [PatchOp::Replace { path: "active".into(), value: json!(false) }];
    assert!(client.patch(ScimKind::User, id, &ops).await.outcome.is_ok());
    assert!(client.replace(ScimKind::User, id, &json!({ "userName": "a" }), None).await.outcome.is_ok());
    assert!(client.delete(ScimKind::Group, id).await.outcome.is_ok());
    assert_eq!(client.get(ScimKind::User, id).await.outcome.unwrap().id, "x");
    assert_eq!(client.members(id).await.outcome.unwrap().unwrap(), ["1", "2"]);
    let all = log.all();
    let methods: Vec<&str> = all.iter().map(|s| s.method.as_str()).collect();
    assert_eq!(methods, ["PATCH", "PUT", "DELETE", "GET", "GET"]);
    for (seen, endpoint) in all.iter().zip(["Users", "Users", "Groups", "Users", "Groups"]) {
        let escaped = "a%2Fb%3Fc%23d%2Be%20%C3%A9%252F";
        assert_eq!(seen.uri.to_string(), format!("/scim/v2/{endpoint}/{escaped}"));
        assert_eq!(seen.headers.contains_key("content-type"), !seen.body.is_empty());
    }
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    });
    assert_eq!(all[0].json(), patch);
}

#[tokio::test]
async fn an_id_that_would_reach_another_place_is_never_sent() {
    let (client, log) = serve(profile(), |_| answer(204, json!(null))).await;
    for id in ["", ".", ".."] {
        let reply = client.delete(ScimKind::User, id).await;
        assert_eq!((reply.class(), reply.requests), (Permanent, 0));
    }
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn every_status_reaches_the_caller_as_its_class_with_the_words_of_the_target() {
    for (status, patch, create) in [
        (302, Unavailable, Unavailable),
        (400, Permanent, Permanent),
        (401, Unauthorised, Unauthorised),
        (403, Unauthorised, Unauthorised),
        (404, NotFound, Unavailable),
        (405, Permanent, Unavailable),
        (409, AlreadyExists, AlreadyExists),
        (412, Transient, Transient),
        (429, Throttled, Throttled),
        (500, Transient, OutcomeUnknown),
        (501, Permanent, Permanent),
        (503, Unavailable, Unavailable),
        (504, Transient, OutcomeUnknown),
    ] {
        let (client, _) = serve(profile(), move |_| {
            answer(status, json!({ "scimType": "uniqueness", "detail": "no: Adalina" }))
        })
        .await;
        let ops = [PatchOp::Replace { path: "title".into(), value: json!("Adalina") }];
        let patched = client.patch(ScimKind::User, "1", &ops).await;
        let created = client.create(ScimKind::User, &attributes(json!({ "title": "Adalina" }))).await;
        assert_eq!((patched.class(), created.class()), (patch, create), "{status}");
        let failure = created.outcome.unwrap_err();
        assert_eq!((failure.status, failure.scim_type.as_deref()), (Some(status), Some("uniqueness")));
        assert!(failure.message.starts_with(&format!("{status}: ")), "{failure}");
        assert!(failure.message.ends_with("uniqueness: no: <redacted>"), "{failure}");
        assert!(!format!("{:?}", created.exchange).contains("Adalina"));
    }
}

#[tokio::test]
async fn pauses_are_honoured_up_to_the_cap_of_the_profile() {
    for (status, header, value, pause) in [
        (429, "retry-after", "7", Some(7)),
        (429, "retry-after", "86400", Some(900)),
        (429, "x-retry-after", "3", Some(3)),
        (503, "retry-after", "2", Some(2)),
        (429, "x-other", "2", None),
    ] {
        let (client, _) = serve(profile(), move |_| {
            (StatusCode::from_u16(status).unwrap(), [(header, value)], "slow down").into_response()
        })
        .await;
        let failure = client.delete(ScimKind::User, "1").await.outcome.unwrap_err();
        assert_eq!(failure.retry_after, pause.map(Duration::from_secs), "{header}: {value}");
        assert_eq!(failure.message, format!("{status}: slow down"));
    }
}

#[tokio::test]
async fn a_redirect_is_refused_and_the_token_goes_nowhere_else() {
    let (client, log) =
        serve(profile(), |_| (StatusCode::FOUND, [("location", "/elsewhere")]).into_response()).await;
    let failure = client.get(ScimKind::User, "1").await.outcome.unwrap_err();
    assert_eq!(failure.message, "302: redirect refused: check the base URL");
    log.only();
}

#[tokio::test]
async fn a_read_that_cannot_be_understood_is_tried_again_and_one_that_is_too_long_is_not() {
    let (client, _) = serve(profile(), |_| (StatusCode::OK, "<html>sign in").into_response()).await;
    assert_eq!(client.get(ScimKind::User, "1").await.class(), Transient);
    let small = TargetProfile { response_bytes_max: 1024, ..profile() };
    let (client, _) = serve(small, |_| answer(200, json!({ "id": "x".repeat(5000) }))).await;
    assert_eq!(client.get(ScimKind::User, "1").await.class(), Permanent);
    assert_eq!(
        client.create(ScimKind::User, &AttributeMap::new()).await.outcome,
        Ok(CreatedResource { id: None })
    );
}

#[tokio::test]
async fn members_are_not_asked_for_where_the_target_does_not_show_them() {
    let mut profile = profile();
    profile.membership.readable = false;
    let (client, log) = serve(profile, |_| answer(200, json!({ "id": "x" }))).await;
    assert_eq!(client.members("1").await.class(), Permanent);
    assert!(log.all().is_empty());
}

#[test]
fn a_connection_that_cannot_work_is_refused_at_once() {
    let new = |url: &str, token: &str| {
        let credential = SourceCredential::Bearer(token.into());
        ScimClient::new(TargetConnection {
            base_url: url.parse().unwrap(),
            credential,
            profile: profile(),
            timeout: PATIENT,
        })
    };
    for url in ["ftp://x/", "https://user:pw@x/", "https://x/?a=b", "https://x/#a", "data:x"] {
        assert!(matches!(new(url, "t"), Err(ConnectError::BaseUrl(_))), "{url}");
    }
    for token in ["", " ", "a\nb"] {
        assert!(matches!(new("https://x/", token), Err(ConnectError::Credential)));
    }
    assert!(new("https://x/scim", "t").is_ok());
    assert_eq!(format!("{:?}", SourceCredential::Bearer("abc".into())), "Bearer(<redacted>)");
}
