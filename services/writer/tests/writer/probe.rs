//! A probe finds out the capabilities of an unusual sandbox, and leaves nothing behind.

use std::time::Duration;

use sandbox::{ProfileRules, Sandbox, SandboxBehaviour, SandboxOptions};
use scim::{
    DeleteMethod, ProbeReport, RemoveForm, RequestRateLimit, SourceCredential, TargetConnection,
    TargetProfile, UpdateMethod,
};

/// A check of one expectation about a profile.
type Holds = fn(&TargetProfile) -> bool;

async fn probed(profile: &str, account: Option<&str>) -> (ProbeReport, Sandbox) {
    let house = ProfileRules::read(profile).unwrap();
    let sandbox = Sandbox::start(SandboxOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        token: "t-o-k-e-n".to_owned(),
        behaviour: SandboxBehaviour::of_house(house),
    })
    .await
    .unwrap();
    let connection = TargetConnection {
        base_url: sandbox.base_url().parse().unwrap(),
        credential: SourceCredential::Bearer("t-o-k-e-n".into()),
        profile: TargetProfile {
            rate: RequestRateLimit { requests_per_second: Some(1_000.0), ..RequestRateLimit::default() },
            ..TargetProfile::builtin("generic").unwrap()
        },
        timeout: Duration::from_secs(20),
    };
    (scim::probe_server(connection, account).await.unwrap(), sandbox)
}

#[tokio::test]
async fn what_a_server_really_does_becomes_a_profile_and_nothing_is_left_behind() {
    let account = Some("probe-1@example.com");
    let table: [(&str, Holds); 6] = [
        ("name: a", |p| {
            p.update_method.user == UpdateMethod::Patch && !p.patch.pathless && p.delete == DeleteMethod::Hard
        }),
        ("name: a\npatch: { pathless: true }", |p| p.patch.pathless),
        ("name: a\nlookups: { user: { filterable: [userName] } }", |p| {
            p.lookups.user.filterable == ["userName"]
        }),
        ("name: a\nmembership: { readable: false }", |p| !p.membership.readable),
        ("name: a\nmembership: { remove_form: value_list }", |p| {
            p.membership.remove_form == RemoveForm::ValueList
        }),
        ("name: a\nhides_disabled: true", |p| p.hides_disabled),
    ];
    for (profile, holds) in table {
        let (probed, sandbox) = probed(profile, account).await;
        assert!(holds(&probed.profile), "{profile}: {probed:#?}");
        let state = sandbox.state();
        let usable = state.users.values().filter(|user| user.active).count();
        assert!(usable == 0 && state.groups.is_empty(), "{profile}: {state:#?}");
        let yaml = probed.profile.to_yaml();
        assert_eq!(TargetProfile::parse(&yaml, "probed").unwrap(), probed.profile, "{yaml}");
    }
}

#[tokio::test]
async fn without_consent_nothing_is_changed() {
    let (probed, sandbox) = probed("name: a", None).await;
    assert!(probed.notes.iter().any(|note| note.contains("not tried")), "{probed:#?}");
    assert!(sandbox.ledger().since(0, 100).iter().all(|entry| &*entry.method == "GET"));
}
