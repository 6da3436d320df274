//! Measures the figures of docs/benchmarks.md: every ratio comes from one run on one machine.

use std::path::PathBuf;

use clap::Parser;
use harness::bench::{self, BenchSettings};

/// Measure Usher end to end, compared with a bare HTTP client that sends the same SCIM requests to the same sandbox.
#[derive(Debug, Parser)]
#[command(name = "usher-bench", version, about)]
struct BenchCli {
    /// Path of the `usher` binary (an optimised build).
    #[arg(long)]
    usher: PathBuf,
    /// Number of people who join in each throughput run.
    #[arg(long, default_value_t = 5_000)]
    people: usize,
    /// Duration of each latency run, in seconds.
    #[arg(long, default_value_t = 15)]
    latency_seconds: u64,
    /// Number of known people when memory is read; 0 skips this part.
    #[arg(long, default_value_t = 100_000)]
    memory_people: usize,
    /// Run only the part about the writer.
    #[arg(long)]
    only_writer: bool,
    /// Run only the part about the gateway.
    #[arg(long)]
    only_intake: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = BenchCli::parse();
    let settings = BenchSettings {
        usher: cli.usher,
        people: cli.people,
        latency_seconds: cli.latency_seconds,
        memory_people: cli.memory_people,
        only_writer: cli.only_writer,
        only_intake: cli.only_intake,
    };
    bench::run_benchmarks(&settings).await
}
