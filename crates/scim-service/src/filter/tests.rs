use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ResourceTree;

fn user() -> ResourceTree {
    let user = json!({
        "id": "2819c223", "externalId": "Ext-1", "userName": "BJensen@example.com", "active": true, "title": "Vice \"P\"",
        "name": {"familyName": "Jensen"}, "meta": {"lastModified": "2026-05-13T04:42:34Z"},
        "emails": [{"type": "work", "value": "b@example.com", "primary": true}, {"type": "home", "value": "b@home.org"}],
        "roles": [{"value": "Admin", "primary": true}], "empty": "", "level": 7,
        crate::ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "26118915"}},
    });
    let Value::Object(user) = user else { unreachable!("an object, see above") };
    user
}

fn matches(filter: &str) -> bool {
    ScimFilter::parse(ResourceType::User, filter)
        .unwrap_or_else(|error| panic!("{filter}: {error}"))
        .matches(ResourceType::User, &user())
}

#[test]
fn every_operator_means_what_the_rfc_says() {
    let yes = [
        "userName eq \"bjensen@EXAMPLE.com\"",
        "USERNAME Eq \"bjensen@example.com\"",
        "userName ne \"x\"",
        "userName co \"JENSEN\"",
        "userName sw \"bj\"",
        "userName ew \".COM\"",
        "title pr",
        "title eq \"vice \\\"p\\\"\"",
        "level gt 6 and level ge 7 and level lt 8 and level le 7.0",
        "userName gt \"a\" and userName lt \"c\"",
        "meta.lastModified gt \"2026-05-13T04:42:33Z\"",
        "meta.lastModified eq \"2026-05-13T05:42:34+01:00\"",
        "active eq true and active eq True and active eq \"True\" and active ne false",
        "not (active eq false)",
        "NOT(title eq \"x\") AND (title pr OR nickName pr)",
        "nickName eq null and title ne null",
        "emails[type eq \"work\" and value ew \"example.com\"]",
        "emails[type eq \"work\"].value eq \"B@example.com\"",
        "emails.value eq \"b@home.org\"",
        "emails eq \"b@home.org\"",
        "emails.type eq \"home\"",
        "roles[primary eq \"True\"].value eq \"admin\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"b\"",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"r&d\"",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"26118915\"",
        "id eq \"2819c223\" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"26118915\"",
        "title pr or x eq 1 and x eq 2",
    ];
    for filter in yes {
        assert!(matches(filter), "{filter}");
    }
    let no = [
        "id eq \"2819C223\"",
        "externalId eq \"ext-1\"",
        "userName eq \"x\"",
        "nickName pr",
        "empty pr",
        "emails[type eq \"work\" and value eq \"b@home.org\"]",
        "emails[type eq \"work\"].value eq \"b@home.org\"",
        "not (title pr)",
        "level eq \"7\"",
        "(title pr or x eq 1) and x eq 2",
        "userName eq null",
    ];
    for filter in no {
        assert!(!matches(filter), "{filter}");
    }
}

#[test]
fn what_is_no_filter_is_refused_without_its_values() {
    let deep = format!("{}title pr{}", "(".repeat(40), ")".repeat(40));
    let many = vec!["title pr"; 1_001].join(" or ");
    let long = format!("title eq \"{}\"", "x".repeat(70_000));
    let wrong = [
        "",
        "title",
        "title eq",
        "title eq secret",
        "title is \"secret\"",
        "(title pr",
        "title pr)",
        "title pr and",
        "emails[type eq \"secret\"",
        "emails[a[b pr]]",
        "title eq \"secret",
        "not title pr",
        "active gt true",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
        "a.b.c eq 1",
        &deep,
        &many,
        &long,
    ];
    for filter in wrong {
        let error = ScimFilter::parse(ResourceType::User, filter).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some("invalidFilter")), "{filter}");
        assert!(!error.detail.contains("secret"), "{}", error.detail);
    }
}

#[test]
fn a_database_is_asked_for_the_most_selective_condition() {
    let narrowed = |kind, filter: &str| ScimFilter::parse(kind, filter).unwrap().narrowed(kind);
    assert_eq!(narrowed(ResourceType::User, "userName eq \"A\""), Some(NarrowedFilter::Name("A".into())));
    assert_eq!(
        narrowed(ResourceType::User, "title pr and externalId eq \"x\""),
        Some(NarrowedFilter::ExternalId("x".into()))
    );
    assert_eq!(
        narrowed(ResourceType::User, "userName eq \"a\" and id eq \"1\""),
        Some(NarrowedFilter::Id("1".into()))
    );
    assert_eq!(narrowed(ResourceType::User, "userName eq \"a\" or id eq \"1\""), None);
    assert_eq!(narrowed(ResourceType::User, "not (userName eq \"a\")"), None);
    assert_eq!(narrowed(ResourceType::Group, "displayName eq \"a\""), Some(NarrowedFilter::Name("a".into())));
    assert_eq!(narrowed(ResourceType::User, "displayName eq \"a\""), None);
    for filter in ["members eq \"u\"", "members.value eq \"u\"", "members[value eq \"u\"]"] {
        assert_eq!(
            narrowed(ResourceType::Group, filter),
            Some(NarrowedFilter::Member("u".into())),
            "{filter}"
        );
    }
}

#[test]
fn groups_are_looked_for_by_member_and_by_nothing_else_of_one() {
    let terms = |filter: &str| {
        ScimFilter::parse(ResourceType::Group, filter).unwrap().member_terms(ResourceType::Group)
    };
    let found =
        terms("members.value eq \"a\" or not (members[value eq \"b\" or value eq \"c\"]) or members pr")
            .unwrap();
    assert_eq!((found.values, found.any), (vec!["a".to_owned(), "b".into(), "c".into()], true));
    for filter in ["members.type eq \"User\"", "members[type eq \"User\"]", "members.value co \"a\""] {
        assert_eq!(terms(filter).unwrap_err().scim_type, Some("invalidFilter"), "{filter}");
    }
    assert_eq!(terms("displayName pr").unwrap(), MemberTerms::default());
}

fn literal() -> impl Strategy<Value = FilterLiteral> {
    prop_oneof![
        ".{0,12}".prop_map(FilterLiteral::Text),
        any::<i32>().prop_map(|number| FilterLiteral::Number(number.into())),
        any::<bool>().prop_map(FilterLiteral::Boolean),
        Just(FilterLiteral::Null),
    ]
}

fn operand() -> impl Strategy<Value = FilterOperand> {
    let name = prop_oneof![
        Just("userName"),
        Just("emails"),
        Just("x"),
        Just("$ref"),
        Just("order"),
        Just("nothing")
    ];
    let urn = prop_oneof![Just(None), Just(Some(crate::ENTERPRISE_USER.to_owned()))];
    (urn, name, proptest::option::of(Just("value"))).prop_map(|(extension, name, part)| FilterOperand {
        extension,
        name: name.to_owned(),
        part: part.map(str::to_owned),
    })
}

fn comparison() -> impl Strategy<Value = ScimFilter> {
    let how = (0..FilterComparison::ALL.len()).prop_map(|at| FilterComparison::ALL[at].1);
    prop_oneof![
        operand().prop_map(ScimFilter::Present),
        (operand(), how, literal())
            .prop_map(|(operand, how, literal)| ScimFilter::Compare(operand, how, literal)),
    ]
}

fn combined(leaf: impl Strategy<Value = ScimFilter> + 'static) -> impl Strategy<Value = ScimFilter> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| ScimFilter::Not(Box::new(one))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(ScimFilter::And),
            proptest::collection::vec(inner, 2..4).prop_map(ScimFilter::Or),
        ]
    })
}

fn filter() -> impl Strategy<Value = ScimFilter> {
    let list = (operand(), combined(comparison())).prop_map(|(operand, inner)| {
        ScimFilter::Element(FilterOperand { part: None, ..operand }, Box::new(inner))
    });
    combined(prop_oneof![3 => comparison(), 1 => list])
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![Just("value".to_owned()), Just("type".to_owned()), Just("x".to_owned())];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(name, inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_as_it_was(filter in filter()) {
        let printed = filter.to_string();
        prop_assert_eq!(ScimFilter::parse(ResourceType::User, &printed), Ok(filter), "{}", printed);
    }

    #[test]
    fn any_text_is_a_filter_or_an_error(text in ".{0,200}") {
        let _ = ScimFilter::parse(ResourceType::User, &text);
        let _ = crate::ScimAttributePath::parse(ResourceType::User, &text);
    }

    #[test]
    fn any_filter_is_decided_for_any_resource(
        filter in filter(), user_name in json_value(), emails in json_value(), enterprise in json_value(),
    ) {
        let tree: ResourceTree = [("userName".to_owned(), user_name), ("emails".to_owned(), emails),
            (crate::ENTERPRISE_USER.to_owned(), enterprise)].into_iter().collect();
        let holds = filter.matches(ResourceType::User, &tree);
        prop_assert_eq!(ScimFilter::Not(Box::new(filter)).matches(ResourceType::User, &tree), !holds);
    }
}
