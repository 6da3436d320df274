//! Values that only one account can have, handed from one to another; and refusals of one attribute among others.

use lifecycle::{
    AccountState, DesiredAccount, DesiredState, GroupResource, HeldBy, HeldReply, HeldRequest, PolicyActions,
    ResourceKind, verbs,
};
use sandbox::{FaultRule, InjectedFault, SandboxBehaviour};
use serde_json::{Value, json};

use crate::world::{World, account, active, group, name_of, person};

const WORK: &str = "emails[type eq \"work\"].value";

fn named(key: &str, name: &str, more: Value) -> DesiredState {
    let mut all = json!({ "userName": format!("{name}@example.com") });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    DesiredState::User(active(key, all))
}

impl World {
    /// Returns the login name and the title of the account with this key.
    fn of(&self, key: &str) -> (String, Value) {
        let users = self.sandbox.state().users;
        let user = users.values().find(|user| user.external_id.as_deref() == Some(key));
        user.map_or_else(Default::default, |user| {
            let text = |name: &str| user.attributes.get(name).cloned().unwrap_or_default();
            (text("userName").as_str().unwrap_or_default().to_owned(), text("title"))
        })
    }

    async fn dead(&self) -> usize {
        self.query("SELECT id FROM writer_dead").await.len()
    }

    async fn status_of(&self, key: &str) -> Option<String> {
        self.row(ResourceKind::User, key).await.status
    }

    async fn waiting(&self) -> Vec<(String, HeldBy, String)> {
        let request = HeldRequest { target: None, limit: 100, cursor: None };
        let reply: HeldReply = self.ask::<verbs::HeldVerb>(&request).await.unwrap();
        reply.items.into_iter().map(|held| (held.subject, held.by, held.reason)).collect()
    }

    /// Waits until each person has the given name and is in sync, and checks that there are no dead letters.
    async fn come_to_have(&self, names: &[(&str, &str)]) {
        self.until("everybody has their name", async || {
            names.iter().all(|(key, name)| self.of(key).0 == format!("{name}@example.com"))
        })
        .await;
        for (key, _) in names {
            self.until("it is in sync", async || self.status_of(key).await.as_deref() == Some("in_sync"))
                .await;
        }
        assert_eq!(self.dead().await, 0, "nothing dies for a name that is handed on");
    }
}

/// People and their names.
type Names = &'static [(&'static str, &'static str)];

/// The hand-overs: the current names, and the desired names in the order of the commands.
const HAND_OVERS: [(&str, Names, Names); 5] = [
    ("two swap", &[("A", "a"), ("B", "b")], &[("A", "b"), ("B", "a")]),
    (
        "a chain of five that ends with a free name",
        &[("A", "a"), ("B", "b"), ("C", "c"), ("D", "d"), ("E", "e")],
        &[("A", "b"), ("B", "c"), ("C", "d"), ("D", "e"), ("E", "f")],
    ),
    (
        "a chain of five, told backwards",
        &[("A", "a"), ("B", "b"), ("C", "c"), ("D", "d"), ("E", "e")],
        &[("E", "f"), ("D", "e"), ("C", "d"), ("B", "c"), ("A", "b")],
    ),
    ("three in a circle", &[("A", "a"), ("B", "b"), ("C", "c")], &[("A", "b"), ("B", "c"), ("C", "a")]),
    (
        "a circle of four, and one who waits for one of them",
        &[("A", "a"), ("B", "b"), ("C", "c"), ("D", "d"), ("E", "e")],
        &[("E", "a"), ("A", "b"), ("B", "c"), ("C", "d"), ("D", "x")],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_handed_on_arrive_whatever_the_order_and_nothing_dies_for_it() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        for (number, (what, before, after)) in HAND_OVERS.iter().enumerate() {
            let key = |key: &str| format!("{key}{number}");
            let keys: Vec<(String, String)> = after.iter().map(|(k, name)| (key(k), key(name))).collect();
            for (k, name) in *before {
                world.want(&key(k), 1, named(&key(k), &key(name), json!({}))).await;
            }
            for (k, name) in &keys {
                world.send(k, 2, named(k, name, json!({ "title": what }))).await;
            }
            let names: Vec<(&str, &str)> = keys.iter().map(|(k, name)| (&**k, &**name)).collect();
            world.come_to_have(&names).await;
            for (k, _) in &keys {
                assert_eq!(world.of(k).1, *what, "{what}: the title of {k}");
            }
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_gets_a_name_as_soon_as_a_colleague_gives_it_up() {
    for profile in ["", "update_method: put\n"] {
        let world = World::with_profile(profile).await;
        let gives_up: [(&str, DesiredState); 3] = [
            ("renamed", named("renamed", "renamed2", json!({}))),
            ("left", DesiredState::User(account(AccountState::Deleted, person("left", json!({}))))),
            (
                "off",
                DesiredState::User(account(
                    AccountState::Disabled,
                    person("off", json!({ "userName": "off-left@example.com" })),
                )),
            ),
        ];
        for (key, _) in &gives_up {
            world.want(key, 1, named(key, key, json!({}))).await;
            let newcomer = format!("X-{key}");
            world.send(&newcomer, 1, named(&newcomer, key, json!({}))).await;
            world
                .until("it waits", async || world.status_of(&newcomer).await.as_deref() == Some("waiting"))
                .await;
        }
        let waiting = world.waiting().await;
        assert_eq!(waiting.len(), 3);
        for (subject, by, reason) in &waiting {
            let holder = subject.strip_prefix("X-").unwrap();
            assert!(*by == HeldBy::Taken && reason.contains("userName"), "{reason}");
            assert!(reason.contains(&format!("which {holder} has")), "{reason}");
            assert!(!reason.contains("@example.com"), "no values: {reason}");
        }
        for (key, desired) in gives_up {
            world.send(key, 2, desired).await;
            world.come_to_have(&[(&format!("X-{key}"), key)]).await;
        }
        assert!(world.waiting().await.is_empty());
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_else_changes_is_written_while_a_name_waits_and_the_name_as_soon_as_it_is_free() {
    let world = World::start().await;
    world.want("E-4", 1, named("E-4", "d", json!({}))).await;
    world.want("E-5", 1, named("E-5", "e", json!({}))).await;
    let more = json!({ "title": "new", "displayName": "New", "nickName": "N" });
    let (row, sent) = world.want("E-4", 2, named("E-4", "e", more)).await;
    assert_eq!(row.status.as_deref(), Some("waiting"));
    assert_eq!(world.of("E-4"), ("d@example.com".to_owned(), json!("new")));
    assert_eq!(sent.iter().filter(|entry| &*entry.method == "PATCH").count(), 2, "once in vain: {sent:?}");
    world.want("E-5", 2, named("E-5", "e2", json!({}))).await;
    world.come_to_have(&[("E-4", "e"), ("E-5", "e2")]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_addresses_that_are_unique_are_handed_on_like_names() {
    let world = World::start().await;
    world.sandbox.set_behaviour(SandboxBehaviour { unique_mails: true, ..SandboxBehaviour::default() });
    let with_mail = |key: &str, mail: &str| {
        let more = json!({ WORK: format!("{mail}@mail.example"), "title": mail });
        DesiredState::User(active(key, more))
    };
    let mail_of = |key: &str| world.attributes(key)["emails"][0]["value"].clone();
    for (key, mail) in [("A", "a"), ("B", "b"), ("C", "c")] {
        world.want(key, 1, with_mail(key, mail)).await;
    }
    world.send("A", 2, with_mail("A", "b")).await;
    world.send("B", 2, with_mail("B", "a")).await;
    world.send("N", 1, with_mail("N", "c")).await;
    world
        .until("the newcomer waits", async || world.status_of("N").await.as_deref() == Some("waiting"))
        .await;
    world.send("C", 2, with_mail("C", "c2")).await;
    for (key, mail) in [("A", "b"), ("B", "a"), ("C", "c2"), ("N", "c")] {
        world
            .until("each has its address", async || {
                world.user(key).is_some() && mail_of(key) == format!("{mail}@mail.example")
            })
            .await;
        assert_eq!(world.attributes(key)["title"], mail);
    }
    assert_eq!(world.dead().await, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_swap_their_names_too() {
    let world = World::start().await;
    let called = |key: &str, name: &str| {
        let mut wanted: GroupResource = group(key);
        wanted.attributes.insert("displayName".to_owned(), name.into());
        DesiredState::Group(wanted)
    };
    world.want("G-1", 1, called("G-1", "one")).await;
    world.want("G-2", 1, called("G-2", "two")).await;
    world.send("G-1", 2, called("G-1", "two")).await;
    world.send("G-2", 2, called("G-2", "one")).await;
    world
        .until("they swapped", async || {
            let groups = world.sandbox.state().groups;
            let key = |name: &str| groups.get(name).and_then(|group| group.external_id.clone());
            key("two").as_deref() == Some("G-1") && key("one").as_deref() == Some("G-2")
        })
        .await;
    assert_eq!(world.dead().await, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_an_account_of_somebody_else_has_is_for_a_human() {
    let world = World::start().await;
    world.seed(json!({ "userName": name_of("E-1"), "externalId": "old-hr-7" }));
    let (row, _) = world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    assert_eq!(row.status.as_deref(), Some("conflict"));
    world.want("E-2", 1, DesiredState::User(active("E-2", json!({})))).await;
    let (row, _) = world.want("E-2", 2, named("E-2", "e-1", json!({ "title": "T" }))).await;
    assert_eq!(row.status.as_deref(), Some("dead"));
    assert!(row.error.as_deref().is_some_and(|error| error.contains("userName: 409")), "{row:?}");
    assert_eq!(world.attributes("E-2")["title"], "T", "everything else was done");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_whose_name_a_colleague_has_had_no_account_and_waits_for_nothing() {
    let world = World::start().await;
    world.want("E-1", 1, named("E-1", "a", json!({}))).await;
    world.want("X-1", 1, named("X-1", "a", json!({}))).await;
    assert_eq!(world.status_of("X-1").await.as_deref(), Some("waiting"));
    let gone = person("X-1", json!({ "userName": "a@example.com" }));
    let (row, _) = world.want("X-1", 2, DesiredState::User(account(AccountState::Disabled, gone))).await;
    assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), None));
    assert!(world.user("a").is_some_and(|user| user.active), "the colleague's account is left alone");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_temporary_names_a_circle_waits_for_a_human_and_ends_with_one_name_that_is_changed() {
    let world = World::start().await;
    let wanted = |key: &str, name: &str| {
        let actions = PolicyActions { temporary_names: false, ..PolicyActions::default() };
        let person = person(key, json!({ "userName": format!("{name}@example.com"), "title": name }));
        DesiredState::User(DesiredAccount { actions, ..account(AccountState::Active, person) })
    };
    for (key, name) in [("A", "a"), ("B", "b")] {
        world.want(key, 1, wanted(key, name)).await;
    }
    world.send("A", 2, wanted("A", "b")).await;
    world.send("B", 2, wanted("B", "a")).await;
    let both = [("A", "b"), ("B", "a")];
    world
        .until("the remedy stands in the list", async || {
            let waiting = world.waiting().await;
            waiting.len() == 2 && waiting.iter().any(|(_, _, why)| why.contains("temporaryNames"))
        })
        .await;
    assert!(both.iter().all(|(key, name)| world.of(key).1 == *name), "titles are written all the same");
    world.send("A", 3, wanted("A", "c")).await;
    world.come_to_have(&[("A", "c"), ("B", "a")]).await;
    world.stop().await;
}

/// Whether an account is on or off goes out in both directions, even if the target refuses other parts of the same change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_attribute_that_is_refused_keeps_neither_the_others_nor_on_and_off_from_going_out() {
    let refused = |status, word: &str| {
        let fault = InjectedFault::Status { status, retry_after: None, scim_type: None, after_work: false };
        FaultRule::new(fault).method("PATCH").path("/Users").body_contains(word)
    };
    for profile in ["", "read_back: always\n"] {
        let world = World::with_profile(profile).await;
        for (status, others) in [(400, true), (422, true), (413, true), (501, false)] {
            let key = format!("E-{status}");
            let more = |nick: &str, other: &str| json!({ "nickName": nick, "title": other, "displayName": other, "locale": other, "userType": other });
            let wanted = |state, nick: &str, other: &str| {
                DesiredState::User(account(state, person(&key, more(nick, other))))
            };
            world.want(&key, 1, wanted(AccountState::Active, "A", "A")).await;
            let rule = world.sandbox.faults().inject(refused(status, "poison"));
            let mut revision = 1;
            for (state, other) in [(AccountState::Disabled, "B"), (AccountState::Active, "C")] {
                revision += 1;
                let (row, _) = world.want(&key, revision, wanted(state, "poison", other)).await;
                assert_eq!(row.status.as_deref(), Some("dead"), "{status} {row:?}");
                assert!(!others || row.error.as_deref().unwrap().starts_with("nickName: "), "{row:?}");
                let user = world.user(&key).unwrap();
                assert_eq!(user.active, state == AccountState::Active, "{status}");
                for path in ["title", "displayName", "locale", "userType"] {
                    assert_eq!(user.attributes[path] == other, others, "{status} {path}");
                }
                assert_eq!(user.attributes["nickName"], "A");
            }
            world.sandbox.faults().remove(rule);
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_shows_another_account_each_time_is_not_followed_for_ever() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let faults = world.sandbox.faults();
    faults.inject(FaultRule::new(InjectedFault::status(404)).method("PATCH").path("/Users"));
    faults.inject(FaultRule::new(InjectedFault::status(404)).method("GET").path("/Users/"));
    faults.inject(FaultRule::new(InjectedFault::OtherIds).method("GET").path("/Users"));
    let (row, sent) = world.want("E-1", 2, DesiredState::User(active("E-1", json!({ "title": "T" })))).await;
    assert_eq!(row.status.as_deref(), Some("dead"));
    assert!(row.error.as_deref().is_some_and(|error| error.contains("gave up after")), "{row:?}");
    assert!(sent.len() < 60, "{} requests", sent.len());
    world.stop().await;
}
