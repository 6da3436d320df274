//! A signed text can be split into id, time and body in one way only.

use proptest::prelude::*;
use serde_json::json;
use verify::NoticeRefusal;

use crate::request::{NOW, Request, at, hex, tag};

fn request(template: &str, id: &str, time: &str, body: &[u8], signature: &str) -> Request {
    let mut settings = json!({ "signed": template });
    for (placeholder, field, header) in
        [("{timestamp}", "timestamp_header", "x-time"), ("{id}", "id_header", "x-id")]
    {
        if template.contains(placeholder) {
            settings[field] = json!(header);
        }
    }
    Request::custom(settings, body).signed(signature).with("x-time", time).with("x-id", id)
}

/// Returns all ways to split `content` by the template, as (id, time, body).
fn cuts(template: &str, content: &[u8]) -> Vec<[Vec<u8>; 3]> {
    let Some(start) = template.find('{') else {
        return if content == template.as_bytes() { vec![Default::default()] } else { Vec::new() };
    };
    let (literal, rest) = template.split_at(start);
    let (name, rest) = rest.split_once('}').unwrap();
    let Some(content) = content.strip_prefix(literal.as_bytes()) else { return Vec::new() };
    let place = ["{id", "{timestamp", "{body"].iter().position(|known| *known == name).unwrap();
    let with = |end: usize| {
        cuts(rest, &content[end..]).into_iter().map(move |mut cut| {
            cut[place] = content[..end].to_vec();
            cut
        })
    };
    (0..=content.len()).flat_map(with).collect()
}

const TEMPLATES: [&str; 8] = [
    "{id}.{timestamp}.{body}",
    "{body}{timestamp}",
    "{timestamp}{body}",
    "{timestamp}.{body}",
    "{body}.{id}",
    "{timestamp}.{id}.{body}",
    "v0:{id}::{body}{timestamp}",
    "{body}0{id}0{timestamp}",
];

proptest! {
    #[test]
    fn no_other_cut_of_a_signed_text_is_taken(
        template in prop::sample::select(&TEMPLATES[..]),
        id in "[a1]{1,3}|[a1.:0]{1,4}",
        body in "[0-9.:]{0,24}|0{0,3}17698849[0-9]{2}[.:0]{0,2}|[.]1769884920[.]x",
        drift in -300i64..=300,
    ) {
        let time = (NOW + drift).to_string();
        let content = template.replace("{id}", &id).replace("{timestamp}", &time).replace("{body}", &body);
        let signature = hex(&tag(b"key", content.as_bytes()));
        let mut taken = Vec::new();
        for [id, time, body] in cuts(template, content.as_bytes()) {
            let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
            let answer = request(template, &text(&id), &text(&time), &body, &signature).verify();
            if answer.is_ok() {
                taken.push((id, time, body));
            } else {
                let wrong = matches!(answer, Err(NoticeRefusal::WrongSignature { .. } | NoticeRefusal::Misconfigured));
                prop_assert!(!wrong, "the cut is not of what was signed");
            }
        }
        prop_assert!(taken.len() <= 1, "{template}: {taken:?}");
        // A sender whose ids contain separators breaks the rule, and its notices are refused.
        if let Ok(verified) = request(template, &id, &time, body.as_bytes(), &signature).verify() {
            prop_assert_eq!(verified.at, Some(at(NOW + drift)).filter(|_| template.contains("{timestamp}")));
            let sent = |name: &str, text: &str| if template.contains(name) { text.into() } else { Vec::new() };
            prop_assert_eq!(taken, vec![(sent("{id}", &id), sent("{timestamp}", &time), body.into_bytes())]);
        } else {
            prop_assert!(id.contains(['.', ':', '0']));
        }
    }
}

#[test]
fn a_zero_does_not_move_from_the_body_into_the_time() {
    let time = NOW.to_string();
    let signature = hex(&tag(b"key", format!("a=10{time}").as_bytes()));
    assert!(request("{body}{timestamp}", "", &time, b"a=10", &signature).verify().is_ok());
    let moved = request("{body}{timestamp}", "", &format!("0{time}"), b"a=1", &signature).verify();
    assert!(matches!(moved, Err(NoticeRefusal::MalformedTimestamp { .. })));
}

#[test]
fn an_id_with_a_separator_is_refused_and_one_with_other_signs_is_not() {
    for (template, id, taken) in [
        ("{id}.{timestamp}.{body}", "evt.1", false),
        ("{id}.{timestamp}.{body}", "evt:1/x_y-z", true),
        ("urn:{id}.{timestamp}.{body}", "a:b", true),
        ("{timestamp}:{id}.{body}", "a:b", false),
        ("{body}.{id}:end", "a:b", true),
    ] {
        let time = NOW.to_string();
        let content = template.replace("{id}", id).replace("{timestamp}", &time).replace("{body}", "x");
        let answer = request(template, id, &time, b"x", &hex(&tag(b"key", content.as_bytes()))).verify();
        assert_eq!(answer.is_ok(), taken, "{template} {id}: {answer:?}");
        assert!(taken || matches!(answer, Err(NoticeRefusal::MalformedId { .. })));
    }
}
