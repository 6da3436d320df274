//! Figures for docs/benchmarks.md: every ratio from one run on one machine.

use std::path::PathBuf;

use clap::Parser;
use harness::bench::{self, BenchSettings};

/// Measures Usher end to end beside a bare HTTP client that sends the same SCIM requests to the same sandbox.
#[derive(Debug, Parser)]
#[command(name = "usher-bench", version, about)]
struct BenchCli {
    /// The `usher` binary, optimised.
    #[arg(long)]
    usher: PathBuf,
    /// How many people join in each throughput run.
    #[arg(long, default_value_t = 5_000)]
    people: usize,
    /// How long each latency run lasts, in seconds.
    #[arg(long, default_value_t = 15)]
    latency_seconds: u64,
    /// How many people are known when memory is read; 0 leaves that out.
    #[arg(long, default_value_t = 100_000)]
    memory_people: usize,
    /// Only the part about the writer.
    #[arg(long)]
    only_writer: bool,
    /// Only the part about the gateway.
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
