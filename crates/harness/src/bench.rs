//! The benchmark: throughput compared with a baseline, latency at a share of it, requests per change, memory.

mod bare;
mod intake;
mod latency;
mod writer;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sandbox::SandboxBehaviour;
use serde_json::{Value, json};

use crate::world::{TARGET, UsherWorld, WorldOptions, policy_yaml};

/// The maximum time of one run.
const RUN_MAX: Duration = Duration::from_secs(900);
/// The number of events per request to the gateway.
const BATCH: usize = 500;
/// The number of requests that the baseline keeps in flight: as many as the profile `sandbox` allows the writer.
const CONCURRENCY: usize = 32;

/// The parts to measure, and their sizes.
#[derive(Debug, Clone)]
pub struct BenchSettings {
    /// The `usher` binary, optimised.
    pub usher: PathBuf,
    /// The number of people who join in each throughput run.
    pub people: usize,
    /// The duration of each latency run, in seconds.
    pub latency_seconds: u64,
    /// The number of known people when memory is read; 0 skips this part.
    pub memory_people: usize,
    /// `true` to run only the part about the writer.
    pub only_writer: bool,
    /// `true` to run only the part about the gateway.
    pub only_intake: bool,
}

/// Runs all measurements and prints a table to standard output.
///
/// # Errors
/// Fails if a part does not start, or if the result at the target is wrong.
pub async fn run_benchmarks(settings: &BenchSettings) -> anyhow::Result<()> {
    println!("| what | figure |\n|---|---|");
    if settings.only_writer {
        return writer::run_writer(settings).await;
    }
    intake::run_intake(settings).await?;
    if settings.only_intake {
        return Ok(());
    }
    let bare = bare::run_bare(settings.people, CONCURRENCY).await?;
    print_row("baseline, lookup + create, requests/s", format!("{bare:.0}"));
    let mut rate = 0.0;
    for (how, assume_empty) in [("lookup + create", false), ("create only", true)] {
        let measured = measure_throughput(settings, None, assume_empty).await?;
        measured.print(&format!("SQLite, {how}"), bare);
        if !assume_empty {
            rate = measured.events_per_second;
        }
        match store::testing::postgres_database() {
            Some(database) => {
                let url = Some(database.url.clone());
                measure_throughput(settings, url, assume_empty)
                    .await?
                    .print(&format!("PostgreSQL, {how}"), bare);
            }
            None => print_row(&format!("PostgreSQL, {how}"), "not installed here".to_owned()),
        }
    }
    for share in [0.1, 0.5] {
        let measured = latency::run_latency(settings, rate * share).await?;
        let text = format!("{:.0} ms / {:.0} ms", measured.p50 * 1e3, measured.p99 * 1e3);
        print_row(
            &format!("accept to target at {:.0} % ({:.0} events/s), p50 / p99", share * 100.0, rate * share),
            text,
        );
        print_row(
            &format!("requests per update at {:.0} %", share * 100.0),
            format!("{:.2}", measured.requests_per_change),
        );
    }
    if settings.memory_people > 0 {
        measure_memory(settings).await?;
    }
    writer::run_writer(settings).await
}

fn print_row(what: &str, figure: String) {
    println!("| {what} | {figure} |");
}

/// The figures of a throughput run.
struct ThroughputFigures {
    events_per_second: f64,
    requests_per_second: f64,
    requests_per_create: f64,
}

impl ThroughputFigures {
    fn print(&self, what: &str, bare: f64) {
        print_row(&format!("{what}: joiners/s"), format!("{:.0}", self.events_per_second));
        let share = self.requests_per_second / bare;
        print_row(
            &format!("{what}: requests/s, share of the baseline"),
            format!("{:.0}, {share:.2}", self.requests_per_second),
        );
        print_row(&format!("{what}: requests per create"), format!("{:.2}", self.requests_per_create));
    }
}

/// Measures the time until all people have an account.
async fn measure_throughput(
    settings: &BenchSettings,
    postgres: Option<String>,
    assume_empty: bool,
) -> anyhow::Result<ThroughputFigures> {
    let world = start_world(settings, postgres, assume_empty).await?;
    let begin = Instant::now();
    join_people(&world, settings.people).await?;
    let status = world.settled(RUN_MAX).await?;
    let took = begin.elapsed().as_secs_f64();
    let created = world.sandbox().state().users.len();
    anyhow::ensure!(
        created == settings.people && status.stuck() == 0,
        "{created} accounts of {}",
        settings.people
    );
    let requests = to_float(usize::try_from(world.sandbox().ledger().len())?);
    Ok(ThroughputFigures {
        events_per_second: to_float(settings.people) / took,
        requests_per_second: requests / took,
        requests_per_create: requests / to_float(settings.people),
    })
}

/// Starts all services with the policy of the benchmark.
async fn start_world(
    settings: &BenchSettings,
    postgres: Option<String>,
    assume_empty: bool,
) -> anyhow::Result<UsherWorld> {
    let mut policy = policy_yaml(TARGET);
    if assume_empty {
        policy = policy.replace("users:\n", "users:\n  assumeEmpty: true\n");
    }
    let options = WorldOptions {
        behaviour: SandboxBehaviour::zscaler(),
        policy: Some(policy),
        postgres,
        ..WorldOptions::new(&settings.usher)
    };
    UsherWorld::start(options).await
}

/// Posts a joiner event for each person, in batches.
async fn join_people(world: &UsherWorld, people: usize) -> anyhow::Result<()> {
    let keys: Vec<usize> = (0..people).collect();
    for chunk in keys.chunks(BATCH) {
        let events: Vec<Value> = chunk.iter().map(|i| joined_event(*i)).collect();
        world.feed.values(&events).await?;
    }
    Ok(())
}

fn person_attributes(i: usize) -> Value {
    json!({
        "userPrincipalName": format!("person{i}@example.com"), "givenName": "Ada", "surname": format!("Byron {i}"),
        "displayName": format!("Ada Byron {i}"), "mail": format!("person{i}@example.com"),
        "department": format!("Department {}", i % 40), "jobTitle": "Engineer"
    })
}

fn joined_event(i: usize) -> Value {
    cloud_event(&format!("join-{i}"), "worker.joined", i, 0, &person_attributes(i))
}

fn changed_event(i: usize, round: usize) -> Value {
    cloud_event(
        &format!("change-{i}-{round}"),
        "worker.changed",
        i,
        round + 1,
        &json!({ "jobTitle": format!("Engineer {round}") }),
    )
}

fn cloud_event(id: &str, kind: &str, person: usize, minute: usize, attributes: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/bench", "type": kind, "subject": format!("E-{person}"),
        "time": format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + minute / 1_440 % 28, minute / 60 % 24, minute % 60),
        "data": { "attributes": attributes }
    })
}

/// Measures resident memory after all people have joined.
async fn measure_memory(settings: &BenchSettings) -> anyhow::Result<()> {
    let world = start_world(settings, None, true).await?;
    let begin = Instant::now();
    join_people(&world, settings.memory_people).await?;
    world.settled(RUN_MAX).await?;
    let took = begin.elapsed().as_secs_f64();
    let pid = world.usher.pid().ok_or_else(|| anyhow::anyhow!("usher does not run"))?;
    let people = settings.memory_people;
    print_row(
        &format!("{people} people in, all four services: joiners/s"),
        format!("{:.0}", to_float(people) / took),
    );
    print_row(
        &format!("resident memory with {people} people: usher (now / most)"),
        format!("{} MiB / {} MiB", rss_mib(pid, "VmRSS")?, rss_mib(pid, "VmHWM")?),
    );
    let broker = world.usher.nats_pid()?;
    print_row(
        "the same: its nats-server",
        format!("{} MiB / {} MiB", rss_mib(broker, "VmRSS")?, rss_mib(broker, "VmHWM")?),
    );
    Ok(())
}

fn rss_mib(pid: u32, field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    let kib: u64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(kib / 1_024)
}

/// Converts a number for ratios. Numbers here are far below 2^52.
fn to_float(n: usize) -> f64 {
    n as f64
}
