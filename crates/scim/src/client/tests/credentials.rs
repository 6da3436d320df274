//! Authentication at a target, and the handling of a secret that changes.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::HiddenSecret;

async fn with(
    credential: SourceCredential,
    answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static,
) -> (ScimClient, Log, String) {
    let (client, log) = serve(profile(), answer).await;
    let connection = TargetConnection { credential, ..(*client.connection).clone() };
    let url = connection.base_url.to_string();
    (ScimClient::new(connection).unwrap(), log, url)
}

fn authorization(seen: &Seen) -> String {
    seen.headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned()
}

#[tokio::test]
async fn each_kind_of_credential_is_sent_as_its_standard_says() {
    let table = [
        (
            SourceCredential::Basic { username: "ann".to_owned(), password: "p\u{e4}ss".into() },
            "authorization",
            "Basic YW5uOnDDpHNz",
        ),
        (SourceCredential::Header { name: "X-Api-Key".to_owned(), value: "k-1".into() }, "x-api-key", "k-1"),
        (SourceCredential::Bearer("tok-77".into()), "authorization", "Bearer tok-77"),
    ];
    for (credential, header, expected) in table {
        assert!(!format!("{credential:?}").contains(expected.rsplit(' ').next().unwrap()), "{credential:?}");
        let (client, log, _) = with(credential, |_| answer(404, json!({}))).await;
        let _ = client.get(ScimKind::User, "1").await;
        assert_eq!(log.only().headers.get(header).unwrap().to_str().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_again_so_that_a_rotated_one_heals_by_itself() {
    let folder = std::env::temp_dir().join(format!("usher-secret-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("token");
    let credential = SourceCredential::Bearer(HiddenSecret::File(file.clone()));
    let (client, log, _) = with(credential, |seen| match authorization(seen).as_str() {
        "Bearer new" => answer(200, json!({ "id": "1" })),
        _ => answer(401, json!({})),
    })
    .await;
    let class = async || client.get(ScimKind::User, "1").await.class();
    assert_eq!(class().await, AttemptClass::Unauthorised, "the file is not there yet");
    assert!(log.all().is_empty(), "and nothing is sent without it");
    std::fs::write(&file, "old\n").unwrap();
    assert_eq!(class().await, AttemptClass::Unauthorised);
    std::fs::write(&file, "new\n").unwrap();
    assert_eq!(class().await, AttemptClass::Success);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn tokens_of_client_credentials_are_kept_and_fetched_anew_when_one_is_refused() {
    let given = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&given);
    let (_, log, url) = with(SourceCredential::Bearer("x".into()), move |seen| {
        if seen.uri.path().ends_with("/token") {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            return answer(
                200,
                json!({ "access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": 3600 }),
            );
        }
        match authorization(seen).as_str() {
            "Bearer token-2" => answer(200, json!({ "id": "1" })),
            _ => answer(401, json!({ "detail": "token-1 is no good" })),
        }
    })
    .await;
    let base: Url = url.parse().unwrap();
    let credential = SourceCredential::OAuth {
        token_url: base.join("token").unwrap(),
        client_id: "usher+1".to_owned(),
        client_secret: "s3cret/".into(),
        scope: Some("scim read".to_owned()),
    };
    let client = ScimClient::new(TargetConnection {
        base_url: base,
        credential,
        profile: profile(),
        timeout: PATIENT,
    })
    .unwrap();
    let refused = client.get(ScimKind::User, "1").await;
    assert_eq!(refused.class(), AttemptClass::Unauthorised);
    assert!(!format!("{refused:?}").contains("token-1"), "{refused:?}");
    for _ in 0..3 {
        assert_eq!(client.get(ScimKind::User, "1").await.class(), AttemptClass::Success);
    }
    assert_eq!(given.load(Ordering::SeqCst), 2, "one at first, one when that was refused");
    let asked = log.all().into_iter().find(|seen| seen.method == "POST").unwrap();
    assert_eq!(asked.body, "grant_type=client_credentials&scope=scim%20read");
    assert_eq!(authorization(&asked), "Basic dXNoZXIlMkIxOnMzY3JldCUyRg==");
}
