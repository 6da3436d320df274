//! Data folders that earlier versions wrote are taken over: nothing that was known is lost, no person gets access by it, and
//! what is said next is done. `fixtures/README.md` says what is in them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use harness::http_client;
use harness::world::{UsherProcess, wait_for_level};
use sandbox::{Sandbox, SandboxBehaviour, SandboxOptions};
use serde::Deserialize;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(90);
/// Runs of feeds are kept for 400 days, also those that are held.
const RUNS_ARE_KEPT: Duration = Duration::from_secs(400 * 86_400);

/// What `tools/make-fixture` wrote down of what the earlier version showed. People go by their keys.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    /// Seconds since the Unix epoch.
    written_at: u64,
    target: String,
    target_token: String,
    /// `active`, `off` or `absent` at the target.
    people: BTreeMap<String, String>,
    logins: BTreeMap<String, String>,
    /// Members by the group's name.
    groups: BTreeMap<String, BTreeSet<String>>,
    /// What holds each.
    held: BTreeMap<String, String>,
    dead: BTreeSet<String>,
    /// What open obligations wait for.
    leavers: BTreeMap<String, String>,
    proven: BTreeSet<String>,
    /// What departures that are not decided yet wait for.
    undecided: BTreeMap<String, String>,
    /// When something takes effect.
    scheduled: BTreeMap<String, String>,
    /// The people that the orders are about, by kind of order.
    orders: BTreeMap<String, BTreeSet<String>>,
    /// States of the feeds' runs, sorted.
    feeds: Option<Vec<String>>,
    /// Whose each record is, by status and the record's key.
    records: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// An event that was said already.
    seen: Value,
    /// An event that was not said yet: a person leaves.
    next: Value,
}

impl Expected {
    /// Leaves out what has been forgotten in the meantime.
    fn grow_old(&mut self) {
        let written_at = SystemTime::UNIX_EPOCH + Duration::from_secs(self.written_at);
        if written_at.elapsed().is_ok_and(|age| age > RUNS_ARE_KEPT) {
            self.feeds = None;
            self.undecided.retain(|_, reason| reason != "feed");
        }
    }
}

/// A running `usher up` on a copy of such a folder, and its target.
struct Taken {
    usher: UsherProcess,
    sandbox: Sandbox,
    expected: Expected,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Taken {
    async fn start(archive: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        unpack(archive, folder.path()).await;
        let mut expected: Expected = read(&folder.path().join("expected.json"));
        expected.grow_old();
        let resources: Vec<Value> = read(&folder.path().join("target.json"));
        let sandbox = target(&resources, &expected.target_token).await;
        let data = folder.path().join("data");
        let config = data.join("up.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("@TARGET_URL@", &sandbox.base_url());
        std::fs::write(&config, text.replace("@DATA@", data.to_str().unwrap())).unwrap();
        let usher = env!("CARGO_BIN_EXE_usher");
        let usher = UsherProcess::start(Path::new(usher), &data, Some(&config)).await.unwrap();
        Self { usher, sandbox, expected, http: http_client(), _folder: folder }
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.usher.addresses().console());
        let answer = self.http.get(url).bearer_auth(self.usher.token("operator")?).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.is_success(), "{path}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits until the console's answer holds.
    async fn shows(&self, what: &str, path: &str, holds: impl Fn(&Value) -> anyhow::Result<()>) {
        let look = async || holds(&self.ask(path).await?);
        wait_for_level(what, SOON, look).await.unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()));
    }

    fn log(&self) -> String {
        self.usher.end_of_log()
    }

    /// Whether the gateway says that it has stored the event before.
    async fn say(&self, event: &Value) -> bool {
        let url = format!("{}/v1/events", self.usher.addresses().gateway());
        let request = self.http.post(url).bearer_auth(self.usher.token("source").unwrap());
        let request = request.header("content-type", "application/cloudevents-batch+json");
        let answer = request.body(json!([event]).to_string()).send().await.unwrap();
        let status = answer.status();
        let answer = answer.text().await.unwrap();
        assert_eq!(status, 202, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["accepted"][0]["duplicate"] == true
    }

    /// What an operator is told.
    async fn operate(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(self.usher.binary());
        let command = command.args(arguments).arg("--data").arg(self.usher.data()).kill_on_drop(true);
        let output = tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{errors}\n{}", self.log());
        said
    }

    /// The mapper, the writer and the target agree, when each account is looked at.
    async fn all_agree(&self) {
        let verified = self.operate(&["verify"]).await;
        assert!(verified.contains("compared") && !verified.contains(';'), "{verified}");
        let compared = self.operate(&["reconcile", &self.expected.target]).await;
        assert!(compared.contains("finished"), "{compared}");
        self.settles().await;
    }

    /// Waits until exactly these accounts are there, and are on or off as expected.
    async fn accounts_are(&self, expected: &BTreeMap<String, String>) {
        wait_for_level("the accounts are as expected", SOON, async || {
            let users = self.sandbox.state().users;
            let found: BTreeMap<&str, &str> = users
                .iter()
                .map(|(login, user)| (login.as_str(), if user.active { "active" } else { "off" }))
                .collect();
            let expected: BTreeMap<&str, &str> = expected
                .iter()
                .filter(|(_, state)| *state != "absent")
                .map(|(key, state)| (self.expected.logins[key].as_str(), state.as_str()))
                .collect();
            same(&found, &expected)
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()));
    }

    fn groups_are_as_expected(&self) {
        let found = self.sandbox.state().groups.into_iter().map(|(name, group)| (name, group.members));
        let login = |key: &String| self.expected.logins[key].clone();
        let expected = self.expected.groups.iter();
        let expected = expected.map(|(name, keys)| (name.clone(), keys.iter().map(login).collect()));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected.collect::<BTreeMap<_, BTreeSet<_>>>());
    }

    /// Nothing is under way, and no pause keeps anything back.
    async fn settles(&self) {
        self.shows("everything is settled", "/v1/status", |status| {
            let targets = status["targets"].as_array().unwrap();
            let queued: i64 = targets.iter().flat_map(|target| numbers(&target["queue"])).sum();
            let lag: i64 = numbers(&status["lag"]).sum();
            anyhow::ensure!(queued == 0 && lag == 0 && !targets.is_empty(), "{status}");
            anyhow::ensure!(targets.iter().all(|target| target["paused"].is_null()), "{status}");
            Ok(())
        })
        .await;
    }

    /// Everything that was known before is listed.
    async fn knows_what_was_known(&self) {
        let expected = &self.expected;
        for (key, account) in &expected.people {
            let path = format!("/v1/people/{key}/trace");
            self.shows("a person's trace", &path, |it| {
                anyhow::ensure!(!list(&it["items"]).is_empty(), "{it}");
                Ok(())
            })
            .await;
            let path = format!("/v1/targets/{}/user/{key}", expected.target);
            self.shows("a person's account", &path, |it| {
                anyhow::ensure!(it["remoteId"].is_string() == (account != "absent"), "{key}: {it}");
                Ok(())
            })
            .await;
        }
        self.shows("what is held", "/v1/held", |it| {
            let held = list(&it["items"]).iter().map(|it| (text(&it["subject"]), text(&it["by"])));
            same(&held.collect(), &expected.held)
        })
        .await;
        self.shows("dead letters", "/v1/dead?state=open", |it| {
            same(&values(&it["items"], "subject"), &expected.dead)
        })
        .await;
        self.shows("leavers", "/v1/leavers?state=open", |it| {
            let reason = |it: &Value| text(&it["waiting"]["reason"]);
            let open = list(&it["items"]).iter().map(|it| (text(&it["person"]), reason(it)));
            same(&open.collect(), &expected.leavers)?;
            let people = |it: &Value| list(&it["people"]).iter().map(text).collect::<Vec<_>>();
            let undecided = list(&it["undecided"]).iter();
            let undecided =
                undecided.flat_map(|it| people(it).into_iter().map(move |person| (person, reason(it))));
            same(&undecided.collect(), &expected.undecided)
        })
        .await;
        self.shows("proven departures", "/v1/leavers?state=proven", |it| {
            same(&values(&it["items"], "person"), &expected.proven)
        })
        .await;
        self.shows("the schedule", "/v1/schedule", |it| {
            let changes = list(&it["items"]).iter();
            same(&changes.map(|it| (text(&it["person"]), text(&it["at"]))).collect(), &expected.scheduled)
        })
        .await;
        if let Some(feeds) = &expected.feeds {
            self.shows("feeds", "/v1/feeds", |it| {
                let mut states: Vec<String> =
                    list(&it["items"]).iter().map(|run| text(&run["state"])).collect();
                states.sort();
                same(&states, feeds)
            })
            .await;
        }
        for (order, people) in &expected.orders {
            self.shows("orders", &format!("/v1/access-orders?order={order}"), |it| {
                same(&values(&it["items"], "person"), people)
            })
            .await;
        }
        for (status, records) in &expected.records {
            self.shows("records", &format!("/v1/people/records?status={status}"), |it| {
                let owner = |it: &Value| (text(&it["key"]), it["person"].as_str().map(str::to_owned));
                same(&list(&it["items"]).iter().map(owner).collect(), records)
            })
            .await;
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> T {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

async fn unpack(archive: &Path, folder: &Path) {
    let mut tar = tokio::process::Command::new("tar");
    let tar = tar.arg("-xzf").arg(archive).arg("-C").arg(folder).kill_on_drop(true);
    let done = tokio::time::timeout(SOON, tar.status()).await.unwrap().unwrap();
    assert!(done.success(), "tar -xzf {}: {done}", archive.display());
}

/// A target that holds what the earlier version left there, under the ids that it knows.
async fn target(resources: &[Value], token: &str) -> Sandbox {
    let listen = "127.0.0.1:0".parse().unwrap();
    let behaviour = SandboxBehaviour { keep_bodies: true, ..SandboxBehaviour::default() };
    let sandbox =
        Sandbox::start(SandboxOptions { listen, token: token.to_owned(), behaviour }).await.unwrap();
    for resource in resources {
        let body = resource["resource"].clone();
        let id = match resource["kind"].as_str().unwrap() {
            "user" => sandbox.seed_user(body).unwrap(),
            _ => sandbox.seed_group(body).unwrap(),
        };
        assert_eq!(
            id, resource["id"],
            "the sandbox counts its ids in another way than when the file was made"
        );
    }
    sandbox
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn values(value: &Value, name: &str) -> BTreeSet<String> {
    list(value).iter().map(|it| text(&it[name])).collect()
}

fn numbers(value: &Value) -> impl Iterator<Item = i64> {
    value.as_object().into_iter().flat_map(|map| map.values()).filter_map(Value::as_i64)
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> anyhow::Result<()> {
    anyhow::ensure!(found == expected, "{found:?} instead of {expected:?}");
    Ok(())
}

fn archives() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<PathBuf> =
        files.filter(|file| name(file).starts_with("data-") && name(file).ends_with(".tar.gz")).collect();
    files.sort();
    assert!(!files.is_empty(), "there is a file for each version that was released");
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_of_an_earlier_version_is_taken_over_and_gives_no_person_access() {
    for archive in archives() {
        println!("{}", archive.display());
        taken_over(&archive).await;
    }
}

async fn taken_over(archive: &Path) {
    let taken = Taken::start(archive).await;
    let expected = &taken.expected;
    taken.settles().await;
    taken.knows_what_was_known().await;
    taken.accounts_are(&expected.people).await;
    taken.all_agree().await;
    taken.accounts_are(&expected.people).await;
    taken.groups_are_as_expected();

    // What was said before is known under its id: to the broker for a day, to the mapper for longer.
    if !taken.say(&expected.seen).await {
        let path = format!("/v1/people/{}/trace?limit=500", text(&expected.seen["subject"]));
        taken
            .shows("it is a duplicate", &path, |it| {
                anyhow::ensure!(values(&it["items"], "outcome").contains("duplicate"), "{it}");
                Ok(())
            })
            .await;
    }

    // What is new takes effect.
    assert!(!taken.say(&expected.next).await);
    let next = text(&expected.next["subject"]);
    let mut people = expected.people.clone();
    people.insert(next.clone(), "off".to_owned()).filter(|before| before == "active").unwrap();
    taken.accounts_are(&people).await;
    taken
        .shows("the departure is proven", "/v1/leavers?state=proven", |it| {
            anyhow::ensure!(values(&it["items"], "person").contains(&next), "{it}");
            Ok(())
        })
        .await;
    taken.settles().await;
    taken.all_agree().await;
    taken.accounts_are(&people).await;

    // Nothing was given for a moment either.
    let requests = taken.sandbox.ledger().entries();
    let creates = requests.iter().filter(|entry| &*entry.method == "POST").count();
    let enables = requests.iter().filter_map(|entry| entry.body.as_deref()).filter(|body| switches_on(body));
    assert_eq!((creates, enables.count()), (0, 0), "{requests:?}");
}

/// Whether a PUT or a PATCH with this body says that an account is on.
fn switches_on(body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap();
    let on = |value: &Value| !value.is_null() && *value != false;
    let operation = |it: &Value| on(&it["value"]["active"]) || (it["path"] == "active" && on(&it["value"]));
    on(&body["active"]) || list(&body["Operations"]).iter().any(operation)
}
