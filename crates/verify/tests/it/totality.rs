//! No input causes a panic, and no unsigned input is accepted.

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;
use verify::NoticeVerifier;

use crate::request::{at, vectors, verifier};

fn moments() -> impl Strategy<Value = OffsetDateTime> {
    let least = time::Date::MIN.midnight().assume_utc().unix_timestamp();
    let greatest = time::Date::MAX.midnight().assume_utc().unix_timestamp();
    prop_oneof![Just(least), Just(greatest), least..=greatest].prop_map(at)
}

fn header() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        ".{0,40}".prop_map(Some),
        "[0-9]{0,25}".prop_map(Some),
        "(v1a?,|sha256=|[a-zA-Z0-9+/=_-]{0,90}|[ ,]){0,12}".prop_map(Some),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})".prop_map(Some),
    ]
}

fn custom() -> impl Strategy<Value = NoticeVerifier> {
    let names =
        || prop_oneof![3 => Just(None), 3 => Just(Some("x-a".to_owned())), 1 => ".{0,12}".prop_map(Some)];
    let signed = prop_oneof![
        "(\\{body\\}|\\{timestamp\\}|\\{id\\}|[.|:{}]|[a-z]){0,6}",
        Just("{id}.{timestamp}.{body}".to_owned()),
        Just("{body}{timestamp}".to_owned()),
        ".{0,20}",
    ];
    let secret = prop_oneof!["(whsec_|whpk_|whsk_)?[A-Za-z0-9+/]{0,48}=?", ".{0,20}"];
    (
        (signed, names(), names(), ".{0,4}", prop::option::of(".{0,4}"), prop::option::of(any::<u64>())),
        prop::collection::vec(secret, 0..4),
        prop::sample::select(vec!["text", "base64", "standard_webhooks"]),
        prop::sample::select(vec!["unix_seconds", "unix_milliseconds", "rfc3339"]),
        prop::sample::select(vec!["hex", "base64", "base64url"]),
    )
        .prop_map(|((signed, time, id, prefix, ed25519, tolerance), secrets, keys, format, encoding)| {
            verifier(&json!({
                "scheme": "hmac", "secrets": secrets, "signature_header": "x-sig", "algorithm": "sha384",
                "encoding": encoding, "signed": signed, "prefix": prefix, "ed25519_prefix": ed25519,
                "timestamp_header": time, "timestamp_format": format, "id_header": id,
                "tolerance_seconds": tolerance, "secret_encoding": keys,
            }))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn arbitrary_headers_never_panic_and_are_never_taken(
        which in any::<prop::sample::Index>(),
        headers in prop::collection::vec(header(), 3),
        body in prop::collection::vec(any::<u8>(), 0..64),
        now in moments(),
    ) {
        let request = which.get(vectors());
        let names: Vec<&String> = request.headers.keys().collect();
        let value = |name: &str| {
            let at = names.iter().position(|known| *known == name)?;
            headers[at].as_deref()
        };
        prop_assert!(verifier(&request.verifier).verify(value, &body, now).is_err());
    }

    #[test]
    fn arbitrary_configurations_never_panic_and_take_nothing_unsigned(
        verifier in custom(),
        value in header(),
        body in prop::collection::vec(any::<u8>(), 0..64),
        now in moments(),
    ) {
        let answer = verifier.verify(|_| value.as_deref(), &body, now);
        prop_assert!(answer.is_err());
        let misconfigured = answer == Err(verify::NoticeRefusal::Misconfigured);
        prop_assert_eq!(misconfigured, verifier.check().is_err());
    }
}
