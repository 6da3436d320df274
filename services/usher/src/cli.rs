//! The command line.

mod admin;
mod backup;
mod dead;
mod feed;
mod held;
mod leavers;
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

pub use admin::{AdminCommand, RestoredArgs, StreamsArgs};
pub use backup::{BackupArgs, RestoreArgs};
pub use dead::{
    DeadCommand, DeadDiscardArgs, DeadGroupsArgs, DeadListArgs, DeadReplayArgs, DeadReplayCancelArgs,
    DeadReplaysArgs, DeadShowArgs, DeadState,
};
pub use feed::{DecideFeedArgs, FeedCommand, FeedListArgs, FeedShowArgs};
pub use held::{
    ConflictListArgs, ConflictsCommand, DecideHeldArgs, HeldCommand, HeldListArgs, HeldReason, PauseArgs,
    ProbeArgs, ReconcileArgs, ResolveConflictArgs, TargetCommand, TestArgs, VerifyArgs,
};
pub use leavers::{
    EvidenceFormat, EvidenceKeysArgs, ExportEvidenceArgs, LeaversArgs, LeaversCommand, VerifyEvidenceArgs,
};
pub use orders::{LiftOrderArgs, OrderArgs, OrderCommand, OrderListArgs};
pub use outbox::{OutboxCommand, OutboxRetryArgs};
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

/// Where `usher up` keeps everything unless it is told otherwise.
pub const DATA_FOLDER: &str = "./.usher";

/// Shows people in, moves them, and shows them out: HR events in, the right SCIM calls out.
#[derive(Debug, Parser)]
#[command(name = "usher", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct UsherCli {
    /// What to do.
    #[command(subcommand)]
    pub command: UsherCommand,
}

/// What `usher` can do.
#[derive(Debug, Subcommand)]
pub enum UsherCommand {
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
    /// Show leavers with access, targets, policies, queues and lag.
    Status(StatusArgs),
    /// List accounts of leavers that are not proven to be off, with what they wait for and who can help.
    ///
    /// Exit code 1 when one of them is overdue: its policy's objective has passed.
    Leavers(LeaversArgs),
    /// Switch a person's accounts off at every target now, before any source says so; list such orders, or lift one.
    Off(OrderArgs),
    /// Never delete a person's accounts (legal hold); list such orders, or lift one.
    Keep(OrderArgs),
    /// Show what happened to a person or group, oldest first.
    Trace(TraceArgs),
    /// Look at what could not be done, and do it again or close it.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Look at what waits for a human before it is sent, and let it be done or not.
    #[command(subcommand)]
    Held(HeldCommand),
    /// Look at files that list everybody, and decide about those that are not believed.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Inspect or retry what a service could not read or store.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Look at records of sources that are matched with people, and say whose they are where Usher cannot know.
    #[command(subcommand)]
    People(PeopleCommand),
    /// Look at what is known already and takes effect later, and take it back before it does.
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Inspect what waits to be published, and retry messages that the broker refused.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Look at accounts that are somebody else's as far as can be told, and say whose they are.
    #[command(subcommand)]
    Conflicts(ConflictsCommand),
    /// Pause a target or let requests flow again, test it, probe a server.
    #[command(subcommand)]
    Target(TargetCommand),
    /// Compare everything that a target has with what it should have. Exit code 0: nothing differs, 2: something does, 3: the
    /// target is paused, and the comparison waits.
    ///
    /// Drift of what the policy owns is made right through the queue; what is not ours is reported and left alone.
    Reconcile(ReconcileArgs),
    /// Compare what was decided with what the writer knows, and send again what differs. Exit code 0: nothing differed,
    /// 2: something did.
    ///
    /// It is also done at each start and every hour. What the writer has and nothing is known of is listed and left alone.
    Verify(VerifyArgs),
    /// Check, try, import and export policy files; nothing is asked of a running Usher.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Show what policies would do to everybody. Exit code 0: nothing changes, 2: something does, 1: failed.
    ///
    /// Nothing is changed by it. (A command line that is not understood ends with 2 as well, and says so on stderr.)
    Plan(PlanArgs),
    /// Show what a policy would do, ask, and put it in force.
    Apply(ApplyArgs),
    /// Print the policy of a target, exactly as it was applied.
    Export(ExportArgs),
    /// List the versions of a target's policy: who put them in force, when and why.
    Versions(VersionsArgs),
    /// Put an earlier version of a target's policy in force, after showing what that does.
    Rollback(RollbackArgs),
    /// Provision one person or group now, step by step: import, scope, match, action.
    Provision(ProvisionArgs),
    /// Check configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Back up the data folder of `usher up`, while it runs or stopped: databases, streams, tokens, policies.
    ///
    /// The backup is a folder. It holds tokens, signing keys and data of people: keep it as safe as the data folder.
    Backup(BackupArgs),
    /// Restore the data folder of `usher up` from a backup, while it is stopped.
    ///
    /// Every file is checked before anything is changed. What gives access waits after it until an operator lets each target
    /// go on; accounts are still switched off.
    Restore(RestoreArgs),
    /// Create and keep the streams; mark databases as restored.
    #[command(subcommand)]
    Admin(AdminCommand),
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

/// `usher status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Exit code 1 when a leaver's account is overdue, or when that is not known.
    #[arg(long)]
    pub check: bool,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
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
