//! The demo: real input, real services, and a check of the result.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use harness::demo::{self, DemoOutcome, DemoStage};
use harness::world::{
    ConsoleClient, EventPoster, SANDBOX_TOKEN, ServiceAddresses, UsherWorld, WorldOptions, wait_for_level,
};
use harness::{PopulationShape, http_client};

/// The maximum time until a deployment that another process starts answers.
const DEPLOYMENT_MAX: Duration = Duration::from_secs(120);

/// Feed a generated company through Usher and compare the target with the expected result.
#[derive(Debug, Parser)]
#[command(name = "usher-demo", version, about)]
struct DemoCli {
    #[command(subcommand)]
    command: DemoCommand,
}

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Start `usher up` and a sandbox target, feed them, check the result, and stop them.
    Run(RunArgs),
    /// Feed a running deployment.
    Feed(FeedArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Path of the `usher` binary.
    #[arg(long)]
    usher: PathBuf,
    /// Data folder; a temporary folder by default, which is removed at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Number of people.
    #[arg(long, default_value_t = PopulationShape::DEMO.people)]
    people: usize,
    /// Keep everything running after the feed, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Args)]
struct FeedArgs {
    /// Base URL of the gateway.
    #[arg(long, env = "USHER_GATEWAY_URL")]
    gateway: String,
    /// Bearer token of a source.
    #[arg(long, env = "USHER_SOURCE_TOKEN", hide_env_values = true)]
    token: String,
    /// Base URL of the console.
    #[arg(long, env = "USHER_CONSOLE_URL")]
    console: String,
    /// Bearer token of an operator.
    #[arg(long, env = "USHER_TOKEN", hide_env_values = true)]
    operator_token: String,
    /// Base URL of the target's SCIM API. The target must be empty.
    #[arg(long, env = "USHER_SANDBOX_URL")]
    sandbox: String,
    /// Bearer token of the target.
    #[arg(long, env = "USHER_SANDBOX_TOKEN", default_value = SANDBOX_TOKEN, hide_env_values = true)]
    sandbox_token: String,
    /// Admin listener whose metrics are included in the table; repeat it for each process.
    #[arg(long)]
    metrics: Vec<String>,
    /// Number of people.
    #[arg(long, default_value_t = PopulationShape::DEMO.people)]
    people: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = DemoCli::parse();
    let play = async {
        match cli.command {
            DemoCommand::Run(args) => run_demo(args).await,
            DemoCommand::Feed(args) => feed_deployment(args).await,
        }
    };
    tokio::select! {
        ended = play => ended,
        () = asked_to_stop() => {
            eprintln!("\nstopped");
            Ok(ExitCode::from(130))
        }
    }
}

/// Starts all services, plays the demo, and stops them.
async fn run_demo(args: RunArgs) -> anyhow::Result<ExitCode> {
    let mut options = WorldOptions::new(args.usher);
    options.data = args.data;
    options.behaviour = sandbox::SandboxBehaviour::zscaler();
    options.usual_ports = args.keep;
    let world = UsherWorld::start(options).await?;
    eprintln!("usher runs in {} (log: {})", world.usher.data().display(), world.usher.log().display());
    let stage = DemoStage {
        feed: world.feed.clone(),
        console: world.console.clone(),
        admins: vec![world.usher.addresses().admin()],
        target: world.target.base_url.clone(),
        target_token: world.target.token.clone(),
        http: world.http().clone(),
    };
    let ended = match demo::play_demo(&stage, population_shape(args.people)).await {
        Ok(outcome) => show_outcome(&outcome),
        Err(error) => return Err(error).with_context(|| world.usher.end_of_log()),
    };
    if args.keep {
        keep_running(world).await?;
    } else {
        stop_world(world).await?;
    }
    Ok(ended)
}

async fn stop_world(mut world: UsherWorld) -> anyhow::Result<()> {
    world.usher.terminate().await
}

/// Prints the addresses and example commands, and waits for a signal.
async fn keep_running(mut world: UsherWorld) -> anyhow::Result<()> {
    let (data, addresses) = (world.usher.data().display().to_string(), world.usher.addresses());
    let usher = world.usher.binary().display().to_string();
    println!("Everything keeps running. Ctrl-C ends it.\n");
    println!("  gateway   {}   (token: {data}/tokens/source)", addresses.gateway());
    println!("  console   {}   (token: {data}/tokens/operator)", addresses.console());
    println!("  admin     {}/metrics", addresses.admin());
    println!("  target    {}   (token: {})", world.target.base_url, world.target.token);
    println!("  log       {}\n\nTry, in another terminal:\n", world.usher.log().display());
    println!("  {usher} status --data {data}");
    println!("  {usher} trace E-00002 --data {data}");
    println!("{}\n", departure_command(&addresses.gateway(), &data));
    asked_to_stop().await;
    eprintln!("\nending");
    world.usher.terminate().await
}

/// Returns an example command that reports a departure. The JSON is on one line, so that it can be pasted.
fn departure_command(gateway: &str, data: &str) -> String {
    let event = serde_json::json!({
        "specversion": "1.0", "id": "my-1", "source": "/me", "type": "worker.left",
        "subject": "worker/E-00002",
    });
    format!(
        "  curl -si {gateway}/v1/events -H \"authorization: Bearer $(cat {data}/tokens/source)\" \\\n    \
         -H 'content-type: application/cloudevents+json' -d '{event}'"
    )
}

/// Plays the demo against a running deployment.
async fn feed_deployment(args: FeedArgs) -> anyhow::Result<ExitCode> {
    let http = http_client();
    let addresses = ServiceAddresses::fixed(&args.gateway, &args.console);
    let stage = DemoStage {
        feed: EventPoster::new(http.clone(), addresses.clone(), args.token),
        console: ConsoleClient::new(http.clone(), addresses, args.operator_token),
        admins: args.metrics,
        target: args.sandbox,
        target_token: args.sandbox_token,
        http,
    };
    wait_for_level("the console answers", DEPLOYMENT_MAX, async || stage.console.status().await).await?;
    let outcome = demo::play_demo(&stage, population_shape(args.people)).await?;
    Ok(show_outcome(&outcome))
}

fn population_shape(people: usize) -> PopulationShape {
    if people == PopulationShape::DEMO.people { PopulationShape::DEMO } else { PopulationShape::of(people) }
}

/// Prints the outcome, and returns the exit code.
fn show_outcome(outcome: &DemoOutcome) -> ExitCode {
    println!("\n{}", outcome.report);
    if outcome.is_good() {
        println!("The target is exactly as expected: nothing is pending, and there are no dead letters.");
        return ExitCode::SUCCESS;
    }
    if !outcome.differences.is_empty() {
        println!("The target differs in {} places:\n{}", outcome.differences.len(), outcome.differences);
    }
    let (queued, stuck) = (outcome.status.queued(), outcome.status.stuck());
    if queued + stuck > 0 || outcome.dead > 0 {
        println!(
            "{queued} resources are pending, {stuck} need an operator, {} dead letters are open.",
            outcome.dead
        );
    }
    ExitCode::FAILURE
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a runtime with signals drives this");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_of_the_printed_command_is_json_on_one_line() {
        let command = departure_command("http://127.0.0.1:8080", "/tmp/usher");
        let (_, rest) = command.split_once("-d '").unwrap();
        let event = rest.strip_suffix('\'').unwrap();
        assert!(!event.contains(['\n', '\'', '\\']), "{event}");
        let parsed: serde_json::Value = serde_json::from_str(event).unwrap();
        assert_eq!(parsed["type"], "worker.left");
        assert_eq!(parsed["subject"], "worker/E-00002");
    }
}
