//! Measures the gateway alone: the number of events per second that it
//! stores durably, and the latency of a request at half of that rate.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::{BenchSettings, joined_event, print_row, to_float};
use crate::world::{EventPoster, ServiceAddresses, level_reached, wait_for_level};

/// The number of events in each request.
const EVENTS: usize = 100;
/// The number of concurrent requests.
const CALLERS: usize = 4;
/// The duration of each part.
const LASTS: Duration = Duration::from_secs(20);
const START_MAX: Duration = Duration::from_secs(30);

/// `usher gateway` and a separate broker, which syncs each message before it answers.
struct BenchGateway {
    _processes: [Child; 2],
    _folder: tempfile::TempDir,
    feed: EventPoster,
}

/// Runs the measurement and prints all figures.
///
/// # Errors
/// Fails if a part does not start, or if a request is refused.
pub(super) async fn run_intake(settings: &BenchSettings) -> anyhow::Result<()> {
    let door = start_gateway(settings).await?;
    let rate = full_rate(&door).await?;
    print_row(
        &format!("gateway and broker alone, {EVENTS} events a request, {CALLERS} callers: events/s"),
        format!("{rate:.0}"),
    );
    let mut waits = at_rate(&door, rate / 2.0).await?;
    waits.sort_unstable();
    let at = |share: f64| {
        waits[((to_float(waits.len()) * share) as usize).min(waits.len() - 1)].as_secs_f64() * 1e3
    };
    print_row(
        &format!("requests at half of that ({:.0} events/s), p50 / p99 / most", rate / 2.0),
        format!("{:.1} ms / {:.1} ms / {:.1} ms", at(0.5), at(0.99), at(1.0)),
    );
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the broker and the gateway, and returns when the gateway is ready.
async fn start_gateway(settings: &BenchSettings) -> anyhow::Result<BenchGateway> {
    let folder = tempfile::tempdir()?;
    let [nats, gateway] = [free_port()?, free_port()?];
    let nats_config = folder.path().join("nats.conf");
    std::fs::write(
        &nats_config,
        format!(
            "host: 127.0.0.1\nport: {nats}\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
            folder.path().join("store")
        ),
    )?;
    let broker = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/nats-server"))
        .arg("--config")
        .arg(&nats_config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start nats-server: run tools/fetch-nats-server")?;
    let (token, hash) = make_token(settings).await?;
    let config = folder.path().join("usher.yaml");
    std::fs::write(
        &config,
        json!({
            "nats": { "url": format!("nats://127.0.0.1:{nats}") },
            "gateway": { "listen": format!("127.0.0.1:{gateway}"), "sources": [{ "name": "bench", "token": hash }] },
        })
        .to_string(),
    )?;
    let made =
        Command::new(&settings.usher).args(["admin", "streams", "--config"]).arg(&config).status().await?;
    anyhow::ensure!(made.success(), "usher admin streams failed");
    let service = Command::new(&settings.usher)
        .args(["gateway", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start the gateway")?;
    let url = format!("http://127.0.0.1:{gateway}");
    let http = crate::http_client();
    wait_for_level("the gateway", START_MAX, async || {
        let answer = http.get(format!("{url}/v1/openapi.json")).send().await;
        level_reached(answer.is_ok_and(|answer| answer.status().is_success()), "it does not answer")
    })
    .await?;
    let feed = EventPoster::new(http, ServiceAddresses::fixed(&url, ""), token);
    Ok(BenchGateway { _processes: [broker, service], _folder: folder, feed })
}

/// Returns a token and its hash, as `usher token` makes them.
async fn make_token(settings: &BenchSettings) -> anyhow::Result<(String, String)> {
    let output = Command::new(&settings.usher).arg("token").output().await?;
    let text = String::from_utf8(output.stdout)?;
    let words = || text.split(|c: char| c.is_whitespace() || "\"',{}".contains(c));
    let hash = words().find(|word| word.starts_with("sha256:")).context("usher token gave no hash")?;
    let token =
        words().find(|word| word.len() >= 32 && !word.contains(':')).context("usher token gave no token")?;
    Ok((token.to_owned(), hash.to_owned()))
}

fn event_batch(number: usize) -> Vec<Value> {
    (number * EVENTS..(number + 1) * EVENTS).map(joined_event).collect()
}

/// Returns the events per second while every caller sends as fast as it is answered.
async fn full_rate(door: &BenchGateway) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let feed = door.feed.clone();
        callers.spawn(async move {
            let mut sent = 0;
            while begin.elapsed() < LASTS {
                feed.values(&event_batch(sent * CALLERS + caller)).await?;
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    let mut requests = 0;
    while let Some(sent) = callers.join_next().await {
        requests += sent??;
    }
    Ok(to_float(requests * EVENTS) / begin.elapsed().as_secs_f64())
}

/// Returns the time of each request, from when it was due, at a steady rate of events per second.
async fn at_rate(door: &BenchGateway, rate: f64) -> anyhow::Result<Vec<Duration>> {
    let every = Duration::from_secs_f64(to_float(EVENTS) / rate.max(1.0));
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let begin = Instant::now();
    let mut posts = JoinSet::new();
    // The numbers start beyond those of the first part.
    for number in 1_000_000.. {
        let due = tick.tick().await;
        if begin.elapsed() > LASTS {
            break;
        }
        let (feed, events) = (door.feed.clone(), event_batch(number));
        posts.spawn(async move {
            let receipt = feed.values(&events).await?;
            ensure!(receipt.posts == 1, "a request was refused");
            anyhow::Ok(due.elapsed())
        });
    }
    let mut waits = Vec::new();
    while let Some(wait) = posts.join_next().await {
        waits.push(wait??);
    }
    ensure!(!waits.is_empty(), "nothing was sent");
    Ok(waits)
}
