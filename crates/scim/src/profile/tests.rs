use super::*;

#[test]
fn every_profile_that_ships_is_valid_and_has_the_name_it_is_found_by() {
    for name in TargetProfile::builtin_names() {
        let profile = TargetProfile::builtin(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(profile.name, name);
        assert_eq!(TargetProfile::load(name).unwrap(), profile);
    }
}

#[test]
fn the_generic_profile_says_exactly_the_defaults() {
    let generic = TargetProfile::builtin("generic").unwrap();
    assert_eq!(generic, TargetProfile { name: "generic".into(), ..TargetProfile::default() });
}

#[test]
fn the_sandbox_is_zia_without_its_rate_limit() {
    let zia = TargetProfile::builtin("zscaler-zia").unwrap();
    assert_eq!(zia.rate, RequestRateLimit { requests_per_second: Some(5.0), ..RequestRateLimit::default() });
    let sandbox = TargetProfile::builtin("sandbox").unwrap();
    let unlimited = TargetProfile {
        name: "sandbox".into(),
        rate: RequestRateLimit::default(),
        concurrency_max: 32,
        settle_seconds: 0,
        ..zia
    };
    assert_eq!(sandbox, unlimited);
}

#[test]
fn errors_name_the_field() {
    for (yaml, field) in [
        ("name: x\nratelimit: 5", "ratelimit"),
        ("name: x\nrate: { requests_per_second: fast }", "requests_per_second: fast"),
        ("name: x\nrate: { requests_per_second: 0 }", "rate.requests_per_second"),
        ("name: x\nconcurrency_max: 0", "concurrency_max"),
        ("name: x\nupdate_method: post", "update_method"),
        ("name: x\nheaders: { Authorization: secret }", "headers"),
        ("name: x\nheaders: { \"a b\": c }", "a b"),
        ("name: x\nuser_agent: ''", "user_agent"),
        ("name: x\nlookups: { user: { filterable: ['a b'] }, group: {} }", "lookups.*.filterable"),
        ("name: x\nrequired: { user: [ { path: 'a[' } ], group: [] }", "required.*.path"),
        ("name: x\nendpoints: { user: a/b }", "endpoints"),
        ("name: x\npaging: pages", "paging"),
        ("name: x\nattributes: { user: ['a['] }", "attributes.*"),
        ("name: x\nrate: { buckets: [{ requests: 0, seconds: 1 }] }", "rate.buckets"),
        ("name: x\nrate: { buckets: [{ methods: [patch], requests: 1, seconds: 1 }] }", "`patch`"),
        ("page_size: 5", "name"),
    ] {
        let error = TargetProfile::parse(yaml, "mine.yaml").unwrap_err().to_string();
        assert!(error.contains(field) && error.contains("mine.yaml"), "{field}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn one_kind_may_be_left_out() {
    let yaml = "name: x\nlookups: { user: { filterable: [userName] } }\nrequired: { group: [ { path: displayName } ] }";
    let profile = TargetProfile::parse(yaml, "x").unwrap();
    assert!(
        profile.can_filter(ScimKind::User, "username") && !profile.can_filter(ScimKind::User, "externalId")
    );
    assert!(
        !profile.can_filter(ScimKind::Group, "externalId"),
        "a list that was given is not mixed with the default"
    );
    assert_eq!(profile.required.group[0].path, "displayName");
}

#[test]
fn an_unknown_profile_is_told_apart_from_a_file_that_is_not_there() {
    assert!(matches!(TargetProfile::load("zscaler"), Err(ProfileError::Unknown { .. })));
    assert!(matches!(TargetProfile::load("./nowhere.yaml"), Err(ProfileError::Read { .. })));
    assert!(TargetProfile::load("zscaler").unwrap_err().to_string().contains("zscaler-zia"));
}
