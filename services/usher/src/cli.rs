//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Where `usher up` keeps everything unless it is told otherwise.
pub const DATA_FOLDER: &str = "./.usher";

/// Shows people in, moves them, and shows them out: HR events in, the right SCIM calls out.
#[derive(Debug, Parser)]
#[command(name = "usher", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `usher` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process, with its own nats-server and SQLite files in one folder.
    Up(UpArgs),
    /// Run the gateway: takes events over HTTP.
    Gateway(ServiceArgs),
    /// Run the mapper: merges events, decides by policy.
    Mapper(ServiceArgs),
    /// Run the writer: makes the targets agree over SCIM.
    Writer(ServiceArgs),
    /// Run the console: keeps the timeline, serves the operator API.
    Console(ServiceArgs),
    /// Show targets, queues and lag.
    Status(OperatorArgs),
    /// Show what happened to a person or group, oldest first.
    Trace(TraceArgs),
    /// Look at what could not be done, and do it again or close it.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Check configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a running service whether it is ready: exit code 0 or 1, for container health checks.
    Healthcheck(HealthcheckArgs),
    /// Make a random token and the line for the configuration that accepts it.
    Token(TokenArgs),
}

/// `usher up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Folder for databases, streams, tokens and policies.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Configuration; without it DIR/usher.yaml is used, and written first when it is not there.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `usher healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address of the service's admin listener.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    pub admin: String,
}

/// One service.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// Configuration.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: PathBuf,
}

/// How operator commands reach the console, and how they print. The token is read from USHER_TOKEN or from
/// DIR/tokens/operator: an argument would be visible to every process of the machine.
#[derive(Debug, Args)]
pub struct OperatorArgs {
    /// Address of the console; without it the one of a running `usher up` is used.
    #[arg(long, value_name = "URL", env = "USHER_CONSOLE_URL")]
    pub console: Option<String>,
    /// Data folder of a running `usher up`.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Print the API's JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `usher trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Key or login name of a person, or key of a group.
    pub person: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead`.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List dead letters, newest first.
    Ls(DeadListArgs),
    /// Show one: person, decision, error, request and answer, and what to do.
    Show(DeadShowArgs),
    /// Try again.
    Replay(DeadReplayArgs),
    /// Close without trying again.
    Discard(DeadDiscardArgs),
}

/// `usher dead ls`.
#[derive(Debug, Args)]
pub struct DeadListArgs {
    /// Only those of one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Which ones.
    #[arg(long, value_enum, default_value_t = DeadState::Open)]
    pub state: DeadState,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: u16,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeadState {
    /// Nobody has looked after it yet.
    Open,
    /// It was tried again.
    Replayed,
    /// It was closed.
    Discarded,
    /// Every one.
    All,
}

impl DeadState {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::All => "all",
        }
    }
}

/// `usher dead show`.
#[derive(Debug, Args)]
pub struct DeadShowArgs {
    /// Its id (ded_...).
    pub id: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead replay`.
#[derive(Debug, Args)]
pub struct DeadReplayArgs {
    /// Ids (ded_...).
    #[arg(value_name = "ID", required_unless_present = "target", conflicts_with = "target")]
    pub ids: Vec<String>,
    /// Every open one of a target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead discard`.
#[derive(Debug, Args)]
pub struct DeadDiscardArgs {
    /// Ids (ded_...).
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration file and say what is wrong with it.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// `usher token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Name of the source or operator that will use it.
    #[arg(long, default_value = "alice")]
    pub name: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("usher").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_replay_needs_ids_or_a_target_and_a_reason() {
        assert!(parse("dead replay ded_1 ded_2 --why fixed").is_ok());
        assert!(parse("dead replay --target zia --why fixed").is_ok());
        for line in ["dead replay --why x", "dead replay ded_1", "dead replay ded_1 --target t --why x"] {
            let error = parse(line).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict),
                "{line}: {error}"
            );
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn every_operator_command_prints_json_on_request() {
        let lines = ["status", "trace E-1", "dead ls", "dead show ded_1", "dead replay ded_1 --why x"];
        for line in lines.into_iter().chain(["dead discard ded_1 --why x"]) {
            assert!(parse(&format!("{line} --json")).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_service_needs_its_configuration() {
        assert!(parse("writer --config usher.yaml").is_ok());
        if std::env::var_os("USHER_CONFIG").is_none() {
            assert_eq!(parse("writer").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        }
    }
}
