//! `usher people ...`.

use clap::{ArgGroup, Args, Subcommand};

use super::OperatorArgs;

/// `usher people`.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// List records of sources that are matched with people: those that wait for a person, or of another status.
    Ls(PeopleListArgs),
    /// Look at records that may be somebody else's, and say whose they are.
    #[command(subcommand)]
    Conflicts(PeopleConflictsCommand),
    /// List people of whom sources say what cannot all be true: off until a source settles it, in most cases.
    Contradictions(FindingListArgs),
    /// List values of people that could not be read or used, until their source says them readably.
    Unread(FindingListArgs),
    /// List people who have no account at a target, or one without some values, because it cannot be built.
    Unbuilt(UnbuiltListArgs),
    /// Say that a person who came back with another name is the same one: their accounts are switched on again.
    Same(SamePersonArgs),
    /// Say that a person who came with the login of another one is not that person; without --why, tell what to do for them, and
    /// for a person who was given the key of another one.
    Different(DifferentPersonArgs),
    /// Say that two keys are one person: somebody came back under another, or HR had them twice. It cannot be taken back.
    Join(JoinPeopleArgs),
}

/// `usher people conflicts`.
#[derive(Debug, Subcommand)]
pub enum PeopleConflictsCommand {
    /// List them, with the people they may be.
    Ls(PeopleConflictListArgs),
    /// Say whose record it is, or is not. It is kept, and counts whatever the sources say later.
    Resolve(ResolveRecordArgs),
}

/// `usher people ls`.
#[derive(Debug, Args)]
pub struct PeopleListArgs {
    /// Which: waiting, linked, conflict or gone.
    #[arg(long, value_name = "STATUS", default_value = "waiting", value_parser = ["waiting", "linked", "conflict", "gone"])]
    pub status: String,
    /// Only of one source, by its name in `mapper.people`.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher people contradictions` and `usher people unread`.
#[derive(Debug, Args)]
pub struct FindingListArgs {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// `nextCursor` of the answer before (with --json).
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher people unbuilt`.
#[derive(Debug, Args)]
pub struct UnbuiltListArgs {
    /// Only of one target.
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Which part of the list, and how to reach the console.
    #[command(flatten)]
    pub list: FindingListArgs,
}

/// `usher people same`.
#[derive(Debug, Args)]
pub struct SamePersonArgs {
    /// Key, or login name at the source.
    pub person: String,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher people different`.
#[derive(Debug, Args)]
pub struct DifferentPersonArgs {
    /// Key of the person who was given the key of another one, or came with another one's login.
    pub person: String,
    /// For a login: why, in your words; it is kept in the timeline. Accounts are created for the person from then on.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher people join`.
#[derive(Debug, Args)]
pub struct JoinPeopleArgs {
    /// The key that is another person's from now on; nothing need be known of it yet.
    #[arg(value_name = "KEY")]
    pub other: String,
    /// Key of the person who stays, with their accounts.
    #[arg(long, value_name = "PERSON")]
    pub into: String,
    /// Where both have accounts: those of KEY are left as they are until the person leaves.
    #[arg(long)]
    pub leave_accounts: bool,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher people conflicts ls`.
#[derive(Debug, Args)]
pub struct PeopleConflictListArgs {
    /// Only of one source, by its name in `mapper.people`.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher people conflicts resolve`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("verdict").required(true).args(["same", "different"]))]
pub struct ResolveRecordArgs {
    /// The source, by its name in `mapper.people`.
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// What the source calls the person.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// It is this person's, by their key.
    #[arg(long, value_name = "PERSON")]
    pub same: Option<String>,
    /// It is not this person's, by their key.
    #[arg(long, value_name = "PERSON")]
    pub different: Option<String>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}
