//! The command line: commands, their arguments and their help texts.

mod admin;
mod backup;
mod dead;
mod feed;
mod held;
mod leavers;
mod login;
mod orders;
mod outbox;
mod people;
mod policy;
mod provision;
mod quarantine;
mod schedule;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use admin::{AdminCommand, NatsUsersArgs, RestoredArgs, StreamsArgs};
pub use backup::{BackupArgs, RestoreArgs};
pub use dead::{
    DeadCommand, DeadDiscardArgs, DeadGroupsArgs, DeadListArgs, DeadReplayArgs, DeadReplayCancelArgs,
    DeadReplaysArgs, DeadShowArgs, DeadState,
};
pub use feed::{AcceptFeedArgs, DecideFeedArgs, FeedCommand, FeedListArgs, FeedShowArgs};
pub use held::{
    ConflictListArgs, ConflictsCommand, DecideHeldArgs, HeldCommand, HeldListArgs, HeldReason, PauseArgs,
    ProbeArgs, ReconcileArgs, ResolveConflictArgs, TargetCommand, TestArgs, VerifyArgs,
};
pub use leavers::{
    EvidenceFormat, EvidenceKeysArgs, ExportEvidenceArgs, LeaversArgs, LeaversCommand, VerifyEvidenceArgs,
};
pub use login::{ContextCommand, LoginArgs};
pub use orders::{LiftOrderArgs, OrderArgs, OrderCommand, OrderListArgs};
pub use outbox::{OutboxCommand, OutboxListArgs, OutboxRetryArgs};
pub use people::{
    FindingListArgs, JoinPeopleArgs, PeopleCommand, PeopleConflictListArgs, PeopleConflictsCommand,
    PeopleListArgs, ResolveRecordArgs,
};
pub use policy::{
    ApplyArgs, ExportArgs, ExportEntraArgs, ImportEntraArgs, PlanArgs, PolicyCheckArgs, PolicyCommand,
    PolicyConsent, RollbackArgs, VersionsArgs,
};
pub use provision::ProvisionArgs;
pub use quarantine::{QuarantineCommand, QuarantineListArgs, QuarantineRetryArgs};
pub use schedule::{ScheduleCancelArgs, ScheduleCommand, ScheduleListArgs};

/// Maximum number of rows that a command lists.
const ROWS_MAX: usize = 100_000;

/// Parses the maximum number of rows of a list.
fn parse_row_limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=ROWS_MAX).contains(number));
    number.ok_or_else(|| format!("must be 1 to {ROWS_MAX}"))
}

/// Default data folder of `usher up`.
pub const DATA_FOLDER: &str = "./.usher";

/// Provisions accounts in SaaS applications over SCIM 2.0 from HR joiner, mover and leaver events.
#[derive(Debug, Parser)]
#[command(name = "usher", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct UsherCli {
    /// The command to run.
    #[command(subcommand)]
    pub command: UsherCommand,
}

/// The commands of `usher`.
#[derive(Debug, Subcommand)]
pub enum UsherCommand {
    /// Run all services in one process, with its own nats-server and SQLite databases in one data folder.
    Up(UpArgs),
    /// Run the gateway: receive events over HTTP and SCIM.
    Gateway(ServiceArgs),
    /// Run the mapper: merge events into people and decide their access by policy.
    Mapper(ServiceArgs),
    /// Run the writer: bring targets to their desired state over SCIM.
    Writer(ServiceArgs),
    /// Run the console: keep the timeline and serve the operator API.
    Console(ServiceArgs),
    /// Show leavers with access, targets, policies, queues and consumer lag.
    Status(StatusArgs),
    /// List leaver accounts that are not yet proven disabled.
    ///
    /// Each comes with the reason and the party that can act. Exits with code 1 if an account is overdue: the objective of its
    /// policy has passed.
    Leavers(LeaversArgs),
    /// Disable a person's accounts at every target immediately.
    ///
    /// The order takes effect before any source reports the departure. `ls` lists such orders, `lift` lifts one.
    Off(OrderArgs),
    /// Place or lift a legal hold.
    ///
    /// A person's accounts are never deleted while it lasts. `ls` lists legal holds.
    Keep(OrderArgs),
    /// Show the timeline of a person or group, oldest entry first.
    Trace(TraceArgs),
    /// Inspect, replay or discard dead letters.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Review changes that are held for approval.
    #[command(subcommand)]
    Held(HeldCommand),
    /// Review full-feed runs that failed their safety check.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Inspect or retry messages that a service could not read or store.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Inspect and resolve records that are matched to people.
    #[command(subcommand)]
    People(PeopleCommand),
    /// List or cancel scheduled changes.
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Inspect unpublished messages; retry or discard refused ones.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Resolve account conflicts.
    #[command(subcommand)]
    Conflicts(ConflictsCommand),
    /// Pause, resume or test a target, or probe a SCIM server.
    #[command(subcommand)]
    Target(TargetCommand),
    /// Compare a target with its desired state.
    ///
    /// Drift in attributes that the policy owns is corrected through the queue. Resources that Usher does not manage are
    /// reported and not changed. Exit codes: 0: no differences, 2: differences found, 3: the target is paused and the
    /// reconciliation waits.
    Reconcile(ReconcileArgs),
    /// Compare the mapper's decisions with the writer's state and resend differences.
    ///
    /// The verification also runs at each start and once an hour. Resources that only the writer knows are listed and not
    /// changed. Exit codes: 0: no differences, 2: differences found.
    Verify(VerifyArgs),
    /// Check, evaluate, import and export policy files, without a running Usher.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Preview a policy.
    ///
    /// Shows the effect of policies on all people and groups, and changes nothing. Exit codes: 0: no changes, 2: changes,
    /// 1: failed. (A usage error also exits with code 2; its message goes to stderr.)
    Plan(PlanArgs),
    /// Preview, confirm and apply a policy.
    Apply(ApplyArgs),
    /// Print the policy of a target, byte for byte as it was applied.
    Export(ExportArgs),
    /// List the versions of a target's policy, with author, time and reason.
    Versions(VersionsArgs),
    /// Preview, confirm and restore an earlier version of a target's policy.
    Rollback(RollbackArgs),
    /// Provision one person or group on demand, step by step: import, scope, match, action.
    Provision(ProvisionArgs),
    /// Store the token of an operator for the console at one address.
    ///
    /// Reads the token from the terminal, or from standard input, and checks it. It is stored in a file that only you can read, and
    /// sent to no other address.
    Login(LoginArgs),
    /// List, choose or remove the consoles that `usher login` stored.
    #[command(subcommand)]
    Context(ContextCommand),
    /// Check configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Back up the data folder of `usher up`, running or stopped: databases, streams, tokens, policies.
    ///
    /// The backup is a folder. It holds tokens, signing keys and personal data: protect it as you protect the data folder.
    Backup(BackupArgs),
    /// Restore the data folder of a stopped `usher up` from a backup.
    ///
    /// Every file is checked before anything changes. After a restore, Usher still disables accounts, but changes that grant
    /// access wait until an operator resumes each target.
    Restore(RestoreArgs),
    /// Create and maintain the JetStream streams; mark databases as restored.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Check whether a running service is ready. Exit code 0 or 1, for container health checks.
    Healthcheck(HealthcheckArgs),
    /// Generate a random token and the configuration line that accepts it.
    Token(TokenArgs),
}

/// Arguments of `usher up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Folder for databases, streams, tokens and policies.
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER, env = "USHER_DATA")]
    pub data: PathBuf,
    /// Configuration file; defaults to DIR/usher.yaml, which is written if it does not exist.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `usher healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address of the service's admin listener.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    pub admin: String,
}

/// Arguments of a command that runs one service.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: PathBuf,
}

/// The console of a command, its token, and the output format.
///
/// A token is never a command-line argument, which every process on the machine could read. It is the token of a context
/// (`usher login`), or that of the data folder for the address that `usher up` wrote beside it, or USHER_TOKEN for a console that
/// is named as well.
#[derive(Debug, Args)]
pub struct OperatorArgs {
    /// Address of the console; defaults to that of the current context, or of the running `usher up`.
    #[arg(long, value_name = "URL", env = "USHER_CONSOLE_URL")]
    pub console: Option<String>,
    /// Context with the address of the console and the token for it; see `usher context ls`.
    #[arg(long, value_name = "NAME", env = "USHER_CONTEXT")]
    pub context: Option<String>,
    /// Data folder of the running `usher up`; defaults to ./.usher.
    #[arg(long, value_name = "DIR", env = "USHER_DATA")]
    pub data: Option<PathBuf>,
    /// Send the token over plain HTTP to a console on another machine. Everybody on the way can read it.
    #[arg(long)]
    pub insecure_http: bool,
    /// Print the API's JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl OperatorArgs {
    /// Returns the data folder that is named, or the default one.
    pub fn data_folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| DATA_FOLDER.into())
    }
}

/// Arguments of `usher status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Exit with code 1 if a leaver's account is overdue, or if that is not known.
    #[arg(long)]
    pub check: bool,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Key or login name of a person, or key of a group.
    pub person: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Subcommands of `usher config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file and report its errors.
    Check {
        /// Configuration file.
        file: PathBuf,
    },
}

/// Arguments of `usher token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Name of the source or operator that will use the token.
    #[arg(long, default_value = "alice")]
    pub name: String,
}
