//! Accepted and refused contents of headers.

use serde_json::json;
use verify::{NoticeRefusal, SIGNATURE_BYTES_MAX, SIGNATURES_MAX, TEXT_BYTES_MAX};

use crate::request::{Request, base64, base64_url, hex, tag, vector, vectors};

const BODY: &[u8] = b"body";

fn right() -> String {
    hex(&tag(b"key", BODY))
}

fn wrong() -> String {
    hex(&tag(b"other key", BODY))
}

fn plain(signatures: &str) -> Result<verify::VerifiedNotice, NoticeRefusal> {
    Request::custom(json!({}), BODY).signed(signatures).verify()
}

#[test]
fn any_of_several_signatures_in_one_header_may_match() {
    let (right, wrong) = (right(), wrong());
    for header in [
        format!("{right} {wrong}"),
        format!("{wrong} {right}"),
        format!("{wrong},{right}"),
        format!("{wrong}, {right}"),
        format!(" ,{wrong} ,\t{right}, ,"),
        format!("nonsense {right}"),
        format!("{right} nonsense"),
    ] {
        assert!(plain(&header).is_ok(), "{header:?}");
    }
    assert!(matches!(
        plain(&format!("{wrong} {wrong}")),
        Err(NoticeRefusal::WrongSignature { candidates: 2, .. })
    ));
}

#[test]
fn prefixes_with_a_comma_are_kept_whole_and_other_versions_passed_over() {
    let request = vector("standard webhooks, as published");
    let right = request.signature().to_owned();
    let (wrong, other) = (format!("v1,{}", base64(&tag(b"other", BODY))), right.replacen("v1,", "v2,", 1));
    for header in [
        format!("{right} {wrong}"),
        format!("{wrong} {right}"),
        format!("{wrong}, {right}"),
        format!("{other} v1a,AAAA {right}"),
    ] {
        assert!(request.clone().signed(header.clone()).verify().is_ok(), "{header}");
    }
    for header in [other.as_str(), &right["v1,".len()..], "v1,", "v1", ",", &right.replacen("v1", "V1", 1)] {
        let refusal = request.clone().signed(header).verify();
        assert!(matches!(refusal, Err(NoticeRefusal::MalformedSignature { .. })), "{header}: {refusal:?}");
    }
}

#[test]
fn a_signature_without_its_prefix_is_not_one() {
    let request =
        |header: String| Request::custom(json!({ "prefix": "sha256=" }), BODY).signed(header).verify();
    assert!(request(format!("sha256={}", right())).is_ok());
    assert!(request(format!("sha256={},sha256={}", wrong(), right())).is_ok());
    for header in [right(), format!("sha1={}", right()), format!("sha256 {}", right())] {
        assert!(matches!(request(header), Err(NoticeRefusal::MalformedSignature { .. })));
    }
}

#[test]
fn hex_may_be_of_either_case() {
    assert!(plain(&right().to_uppercase()).is_ok());
    let mixed: String =
        right().char_indices().map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    assert!(plain(&mixed).is_ok());
    assert!(matches!(plain(&format!("0x{}", right())), Err(NoticeRefusal::MalformedSignature { .. })));
}

#[test]
fn base64_may_have_all_some_or_no_padding() {
    for (encoding, algorithm, padding) in
        [("base64", "sha256", "="), ("base64url", "sha256", "="), ("base64", "sha512", "==")]
    {
        let algorithm_of_ring =
            if algorithm == "sha256" { ring::hmac::HMAC_SHA256 } else { ring::hmac::HMAC_SHA512 };
        // A body for which the two alphabets differ.
        let signed = |n: u32| {
            let body = n.to_string().into_bytes();
            let tag = ring::hmac::sign(&ring::hmac::Key::new(algorithm_of_ring, b"key"), &body);
            (body, tag.as_ref().to_vec())
        };
        let (body, tag) = (0..).map(signed).find(|(_, tag)| base64(tag) != base64_url(tag)).unwrap();
        let (ours, other) = match encoding {
            "base64" => (base64(&tag), base64_url(&tag)),
            _ => (base64_url(&tag), base64(&tag)),
        };
        let request = Request::custom(json!({ "encoding": encoding, "algorithm": algorithm }), &body);
        assert!(ours.ends_with(padding) && !ours.trim_end_matches('=').is_empty());
        let mut text = ours.clone();
        loop {
            assert!(request.clone().signed(text.clone()).verify().is_ok(), "{text}");
            if !text.ends_with('=') {
                break;
            }
            text.pop();
        }
        for text in [other, format!("{ours}="), format!("={ours}")] {
            assert!(request.clone().signed(text.clone()).verify().is_err(), "{text}");
        }
    }
}

#[test]
fn bits_of_base64_that_belong_to_no_byte_must_be_zero() {
    let request = vector("merge");
    assert!(request.signature().ends_with("M="));
    let other = request.signature().replacen("M=", "N=", 1);
    assert!(matches!(request.signed(other).verify(), Err(NoticeRefusal::MalformedSignature { .. })));
}

#[test]
fn a_signature_that_is_cut_off_or_goes_on_is_malformed() {
    let right = right();
    for header in [&right[..62], &right[..63], &format!("{right}00"), &format!("{right}0"), "00", "0"] {
        assert!(matches!(plain(header), Err(NoticeRefusal::MalformedSignature { .. })), "{header}");
    }
}

#[test]
fn every_header_must_be_there() {
    for request in vectors() {
        for header in request.headers.keys() {
            let refusal = request.clone().without(header).verify();
            assert_eq!(
                refusal,
                Err(NoticeRefusal::MissingHeader { header: header.clone() }),
                "{}",
                request.name
            );
        }
    }
}

#[test]
fn empty_headers_are_refused() {
    for request in vectors() {
        for header in request.headers.keys() {
            for empty in ["", " ", ",", " , "] {
                let refusal = request.clone().with(header, empty).verify().unwrap_err();
                let expected = match header {
                    header if *header == request.signature_header => {
                        matches!(refusal, NoticeRefusal::MalformedSignature { .. })
                    }
                    header if header.contains("time") => {
                        matches!(refusal, NoticeRefusal::MalformedTimestamp { .. })
                    }
                    _ if empty.is_empty() => matches!(refusal, NoticeRefusal::MalformedId { .. }),
                    _ => matches!(refusal, NoticeRefusal::WrongSignature { .. }),
                };
                assert!(expected, "{} {header}: {refusal}", request.name);
            }
        }
    }
}

#[test]
fn huge_headers_are_refused_without_being_read() {
    for request in vectors() {
        for header in request.headers.keys() {
            let is_signature = *header == request.signature_header;
            let limit_bytes = if is_signature { SIGNATURE_BYTES_MAX } else { TEXT_BYTES_MAX };
            let huge = request.headers[header].clone() + &" ".repeat(10 << 20);
            let refusal = request.clone().with(header, huge).verify();
            assert_eq!(refusal, Err(NoticeRefusal::LongHeader { header: header.clone(), limit_bytes }));
        }
    }
}

#[test]
fn as_many_signatures_as_are_allowed_are_read_and_no_more() {
    let others = |count: usize| "00 ".repeat(count);
    assert!(plain(&format!("{}{}", others(SIGNATURES_MAX - 1), right())).is_ok());
    let refusal = plain(&format!("{}{}", others(SIGNATURES_MAX), right()));
    assert!(
        matches!(refusal, Err(NoticeRefusal::MalformedSignature { what, .. }) if what.contains("too many"))
    );
}

#[test]
fn headers_are_asked_for_in_lower_case_however_they_are_configured() {
    let verifier =
        crate::request::verifier(&Request::custom(json!({ "signature_header": "X-SIG" }), BODY).verifier);
    let right = right();
    let headers = |name: &str| {
        assert_eq!(name, "x-sig");
        Some(right.as_str())
    };
    assert!(verifier.verify(headers, BODY, crate::request::at(0)).is_ok());
}

#[test]
fn bodies_are_bytes() {
    for body in [b"".as_slice(), b"\xff\xfe\x00\x80", b"\r\n", "\u{feff}{}".as_bytes(), &[0; 4096]] {
        let request = Request::custom(json!({}), body).signed(hex(&tag(b"key", body)));
        assert!(request.verify().is_ok(), "{body:?}");
        let mut longer = request.clone();
        longer.body.push(0);
        assert!(matches!(longer.verify(), Err(NoticeRefusal::WrongSignature { .. })));
    }
}
