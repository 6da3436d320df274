//! Several secrets at once.

use base64::Engine;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use verify::{NoticeRefusal, VendorSecret};

use crate::request::{Request, base64, hex, tag, vector, vectors, verifier};

#[test]
fn any_of_several_secrets_may_have_signed() {
    for request in vectors() {
        let right = request.verifier["secrets"][0].as_str().unwrap().to_owned();
        // A valid secret in every encoding, and the wrong one for every vector.
        let wrong = "d3Jvbmc=";
        for secrets in [[right.as_str(), wrong, wrong], [wrong, &right, wrong], [wrong, wrong, &right]] {
            assert!(request.clone().secrets(&secrets).verify().is_ok(), "{}", request.name);
        }
        assert!(request.clone().secrets(&[wrong]).verify().is_err(), "{}", request.name);
    }
}

#[test]
fn a_sender_that_changes_from_a_shared_secret_to_a_key_pair_is_taken_all_along() {
    let shared = vector("standard webhooks, as published");
    let public = vector("standard webhooks, ed25519");
    let secret = |request: &Request| request.verifier["secrets"][0].as_str().unwrap().to_owned();
    let both = [secret(&shared), secret(&public)];
    let both = both.each_ref().map(String::as_str);
    assert!(shared.clone().secrets(&both).verify().is_ok());
    assert!(public.clone().secrets(&both).verify().is_ok());
    let signatures = format!("{} {}", shared.signature(), public.signature());
    for request in [shared, public] {
        assert!(request.signed(signatures.clone()).verify().is_ok());
    }
}

#[test]
fn any_of_several_key_pairs_may_have_signed_and_any_of_several_signatures_may_match() {
    let request = vector("standard webhooks, ed25519");
    let content =
        [format!("{}.{}.", request.headers["webhook-id"], request.now).as_bytes(), &request.body].concat();
    let pairs = [1, 2, 3].map(|seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap());
    let keys = pairs.each_ref().map(|pair| format!("whpk_{}", base64(pair.public_key().as_ref())));
    let signatures = pairs.each_ref().map(|pair| format!("v1a,{}", base64(pair.sign(&content).as_ref())));
    let [a, b, c] = keys.each_ref().map(String::as_str);
    for secrets in [[a, b], [b, a]] {
        let request = request.clone().secrets(&secrets);
        for header in [[0, 2], [2, 0], [1, 2], [2, 1]] {
            let header = header.map(|at| signatures[at].as_str()).join(" ");
            assert!(request.clone().signed(header).verify().is_ok());
        }
        assert!(matches!(request.signed(&signatures[2]).verify(), Err(NoticeRefusal::WrongSignature { .. })));
    }
    assert!(request.secrets(&[c]).signed(signatures.join(" ")).verify().is_ok());
}

#[test]
fn a_public_key_is_never_a_shared_secret() {
    let request = vector("standard webhooks, ed25519");
    let public = request.verifier["secrets"][0].as_str().unwrap().to_owned();
    let content =
        [format!("{}.{}.", request.headers["webhook-id"], request.now).into_bytes(), request.body.clone()]
            .concat();
    let bytes = base64::engine::general_purpose::STANDARD.decode(&public["whpk_".len()..]).unwrap();
    for key in [bytes.as_slice(), public.as_bytes()] {
        let forged = base64(&tag(key, &content));
        for prefix in ["v1,", "v1a,"] {
            assert!(request.clone().signed(format!("{prefix}{forged}")).verify().is_err());
        }
    }
    let as_text = Request::custom(json!({ "secrets": [public] }), b"x");
    let forged = hex(&tag(public.as_bytes(), b"x"));
    assert_eq!(as_text.signed(forged).verify(), Err(NoticeRefusal::Misconfigured));
}

#[test]
fn what_a_refusal_counts_is_what_was_tried() {
    let wrong = hex(&tag(b"other", b"x"));
    let request =
        Request::custom(json!({ "secrets": ["a", "b", "c"] }), b"x").signed(format!("{wrong},{wrong}"));
    let header = "x-sig".to_owned();
    assert_eq!(request.verify(), Err(NoticeRefusal::WrongSignature { header, candidates: 2, secrets: 3 }));
}

#[test]
fn secrets_can_be_added_after_the_configuration_was_read() {
    let request = vector("gusto");
    let mut verifier = verifier(&json!({ "scheme": "gusto" }));
    let headers = |name: &str| request.headers.get(name).map(String::as_str);
    let now = crate::request::at(request.now);
    assert_eq!(verifier.verify(headers, &request.body, now), Err(NoticeRefusal::Misconfigured));
    verifier.secrets_mut().unwrap().push(VendorSecret::new("tok"));
    assert!(verifier.verify(headers, &request.body, now).is_ok());
    assert!(
        serde_json::from_value::<verify::NoticeVerifier>(json!({ "scheme": "none" }))
            .unwrap()
            .secrets_mut()
            .is_none()
    );
}
