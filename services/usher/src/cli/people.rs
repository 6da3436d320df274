//! Arguments of `usher people`.

use clap::{ArgGroup, Args, Subcommand};

use super::OperatorArgs;

/// Subcommands of `usher people`.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// List source records that are matched to people: by default those that wait for a match, or those of another status.
    Ls(PeopleListArgs),
    /// Review records that may belong to another person, and resolve them.
    #[command(subcommand)]
    Conflicts(PeopleConflictsCommand),
    /// List people with contradictory statements from sources; most of them stay disabled until a source corrects them.
    Contradictions(FindingListArgs),
    /// List values of people that could not be read or used. An entry ends when the source sends a readable value.
    Unread(FindingListArgs),
    /// List people who have no account at a target, or one without some values, because it cannot be built.
    Unbuilt(UnbuiltListArgs),
    /// List statements that their senders have no right to make (`may` in the configuration), one line per sender and right.
    Refused(RefusedListArgs),
    /// Confirm that a person who returned under another name is the same person: their accounts are enabled again.
    Same(SamePersonArgs),
    /// Record that a person who arrived with another person's login is a different person. Without --why, print the next steps,
    /// also for a person who was given another person's key.
    Different(DifferentPersonArgs),
    /// Join two keys that belong to one person, such as a rehire or a duplicate in HR. This cannot be undone.
    Join(JoinPeopleArgs),
}

/// Subcommands of `usher people conflicts`.
#[derive(Debug, Subcommand)]
pub enum PeopleConflictsCommand {
    /// List conflicting records, with the people they may belong to.
    Ls(PeopleConflictListArgs),
    /// Record which person the record belongs to, or does not. The decision is kept and overrides later statements of sources.
    Resolve(ResolveRecordArgs),
}

/// Arguments of `usher people ls`.
#[derive(Debug, Args)]
pub struct PeopleListArgs {
    /// Status to list: waiting, linked, conflict or gone.
    #[arg(long, value_name = "STATUS", default_value = "waiting", value_parser = ["waiting", "linked", "conflict", "gone"])]
    pub status: String,
    /// Limit the list to one source, by its name in `mapper.people`.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher people contradictions` and `usher people unread`.
#[derive(Debug, Args)]
pub struct FindingListArgs {
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// `nextCursor` of the previous page (with --json).
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher people refused`.
#[derive(Debug, Args)]
pub struct RefusedListArgs {
    /// List refused departures instead, one line per person: they keep their access.
    #[arg(long)]
    pub departures: bool,
    /// Page of the list, console address and output format.
    #[command(flatten)]
    pub list: FindingListArgs,
}

/// Arguments of `usher people unbuilt`.
#[derive(Debug, Args)]
pub struct UnbuiltListArgs {
    /// Limit the list to one target.
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Page of the list, console address and output format.
    #[command(flatten)]
    pub list: FindingListArgs,
}

/// Arguments of `usher people same`.
#[derive(Debug, Args)]
pub struct SamePersonArgs {
    /// Person: key, or login name at the source.
    pub person: String,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher people different`.
#[derive(Debug, Args)]
pub struct DifferentPersonArgs {
    /// Key of the person who was given another person's key, or who arrived with another person's login.
    pub person: String,
    /// Reason, for a login; recorded in the timeline. From then on, accounts are created for the person.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher people join`.
#[derive(Debug, Args)]
pub struct JoinPeopleArgs {
    /// Key to merge into the other person; nothing needs to be known of it yet.
    #[arg(value_name = "KEY")]
    pub other: String,
    /// Key of the person who remains, with their accounts.
    #[arg(long, value_name = "PERSON")]
    pub into: String,
    /// Leave the accounts of KEY as they are until the person leaves, where both people have accounts.
    #[arg(long)]
    pub leave_accounts: bool,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher people conflicts ls`.
#[derive(Debug, Args)]
pub struct PeopleConflictListArgs {
    /// Limit the list to one source, by its name in `mapper.people`.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher people conflicts resolve`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("verdict").required(true).args(["same", "different"]))]
pub struct ResolveRecordArgs {
    /// Source, by its name in `mapper.people`.
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Key of the record at the source.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The record belongs to the person with this key.
    #[arg(long, value_name = "PERSON")]
    pub same: Option<String>,
    /// The record does not belong to the person with this key.
    #[arg(long, value_name = "PERSON")]
    pub different: Option<String>,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}
