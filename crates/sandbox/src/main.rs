//! `usher-sandbox`: a SCIM server for experiments.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use sandbox::{ProfileRules, Sandbox, SandboxBehaviour, SandboxOptions};
use tokio::signal::unix::{SignalKind, signal};

/// Run a SCIM 2.0 server in memory, with fault injection (POST /_sandbox/faults) and a request ledger.
#[derive(Debug, Parser)]
#[command(name = "usher-sandbox", version, about)]
struct SandboxCli {
    /// Address to listen on; port 0 selects a free port. The control paths require no token: keep it on loopback.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Bearer token that clients must send.
    #[arg(long, env = "USHER_SANDBOX_TOKEN", hide_env_values = true)]
    token: String,
    /// Behaviour: generic, zscaler, or the path of a target profile
    /// (crates/scim/profiles/slack.yaml), whose rules are enforced.
    #[arg(long, default_value = "zscaler", value_parser = read_profile)]
    profile: SandboxBehaviour,
    /// Maximum number of requests per second; further ones are answered with 429.
    #[arg(long, value_parser = parse_rate)]
    rate: Option<f64>,
}

fn read_profile(name: &str) -> Result<SandboxBehaviour, String> {
    if let Some(behaviour) = SandboxBehaviour::named(name) {
        return Ok(behaviour);
    }
    let yaml = std::fs::read_to_string(name).map_err(|error| {
        format!(
            "`{name}` cannot be read as a file ({error}), and is none of the names known here: generic, zscaler. To play one of the \
             targets that come with Usher give its file: crates/scim/profiles/{name}.yaml"
        )
    })?;
    ProfileRules::read(&yaml).map(SandboxBehaviour::of_house)
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "a rate is a number above 0".to_owned())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let SandboxCli { listen, token, profile, rate } = SandboxCli::parse();
    let behaviour = match rate {
        Some(rate) => profile.with_rate(rate),
        None => profile,
    };
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let sandbox =
        Sandbox::start(SandboxOptions { listen, token, behaviour }).await.context("start the sandbox")?;
    println!("listening on {}", sandbox.base_url());
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result.context("watch for Ctrl-C")?,
    }
    sandbox.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_target_is_answered_with_the_file_to_give() {
        let error = read_profile("slack").unwrap_err();
        assert!(error.contains("crates/scim/profiles/slack.yaml"), "{error}");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scim/profiles/slack.yaml");
        assert!(read_profile(file).is_ok(), "that file can be played");
        assert!(read_profile("generic").is_ok());
    }
}
