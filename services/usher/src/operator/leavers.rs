//! Runs `usher leavers` and its subcommands.

use anyhow::Context as _;
use console::api::RotateEvidenceKey;
use lifecycle::export::{ChainAnchor, ChainReport, EXPORT_EDGE, EvidenceKeys, ExportPage};
use lifecycle::{LEAVERS_MAX, LeaversReply};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, print_json, print_text, show_answer};
use crate::cli::{
    EvidenceFormat, EvidenceKeysArgs, ExportEvidenceArgs, LeaversArgs, LeaversCommand, VerifyEvidenceArgs,
};
use crate::evidence::EvidenceFile;
use crate::render;

/// Runs `usher leavers`: lists accounts that must be disabled and are not proven to be, and undecided departures. The command
/// fails if one of them is overdue.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses a request about evidence. A list that cannot be read ends with
/// "not known".
pub async fn run_leavers(args: &LeaversArgs) -> anyhow::Result<CommandEnd> {
    match &args.command {
        Some(LeaversCommand::Export(args)) => export_evidence(args).await,
        Some(LeaversCommand::Verify(args)) => verify_evidence(args).await,
        Some(LeaversCommand::Keys(args)) => list_keys(args).await,
        None => Ok(CommandEnd::or_not_known(show_list(args).await)),
    }
}

async fn show_list(args: &LeaversArgs) -> anyhow::Result<CommandEnd> {
    let reply = read_leavers(args).await?;
    if args.operator.json {
        print_json(&reply)?;
    } else if args.csv {
        print_text(&render::leavers::render_csv(&reply))?;
    } else {
        print_text(&render::leavers::render_leavers(&reply, OffsetDateTime::now_utc()))?;
    }
    Ok(CommandEnd::of_leavers(&reply.counts))
}

/// Reads all pages of the list.
async fn read_leavers(args: &LeaversArgs) -> anyhow::Result<LeaversReply> {
    let console = OperatorClient::new(&args.operator)?;
    let mut whole = LeaversReply::default();
    let mut left = args.limit;
    loop {
        let mut query = vec![("limit", left.clamp(1, LEAVERS_MAX).to_string())];
        query.extend(args.target.clone().map(|target| ("target", target)));
        query.extend(args.person.clone().map(|person| ("person", person)));
        query.extend(args.overdue.then(|| ("overdue", "true".to_owned())));
        query.extend(args.others.then(|| ("others", "true".to_owned())));
        query.extend(args.all.then(|| ("state", "open,proven,kept_by_policy,ended".to_owned())));
        let since = args.since.and_then(|since| since.format(&Rfc3339).ok());
        query.extend(since.map(|since| ("since", since)));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: LeaversReply = read_answer(&console.get(&["leavers"], &query).await?)?;
        whole.leavers.extend(page.leavers);
        whole.undecided.extend(page.undecided);
        (whole.counts, whole.not_decided, whole.next_cursor) =
            (page.counts, page.not_decided, page.next_cursor);
        left = left.saturating_sub(LEAVERS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            return Ok(whole);
        }
    }
}

async fn export_evidence(args: &ExportEvidenceArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let text = |moment: OffsetDateTime| moment.format(&Rfc3339).context("this moment cannot be written");
    let mut query = vec![("from", text(args.from)?), ("to", text(args.to)?)];
    query.push(("pseudonyms", args.pseudonyms.to_string()));
    let mut pages: Vec<ExportPage> = Vec::new();
    loop {
        let after = pages.last().map_or(EXPORT_EDGE, |page| &page.seal.upto).to_owned();
        let mut query = query.clone();
        query.push(("after", after));
        let page: ExportPage = read_answer(&console.get(&["leavers", "export"], &query).await?)?;
        let is_last = page.seal.upto == EXPORT_EDGE;
        pages.push(page);
        if is_last {
            break;
        }
    }
    let file = EvidenceFile::new(pages);
    match args.format {
        EvidenceFormat::Json => print_text(&file.to_json()),
        EvidenceFormat::Csv => print_text(&file.to_csv()),
    }
}

/// Verifies evidence. The command fails if the file does not match its signature, or the chain was changed.
async fn verify_evidence(args: &VerifyEvidenceArgs) -> anyhow::Result<CommandEnd> {
    let Some(file) = &args.file else { return check_chain(args, None).await };
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let file = EvidenceFile::parse(&text).with_context(|| format!("{name} is NOT as it was signed"))?;
    let verified = file.verify(&args.key).with_context(|| format!("{name} is NOT as it was signed"))?;
    let anchor = file.anchor();
    print_text(&render::leavers::render_verified(&verified))?;
    if args.chain { check_chain(args, Some(anchor)).await } else { Ok(CommandEnd::Done) }
}

async fn check_chain(args: &VerifyEvidenceArgs, anchor: Option<ChainAnchor>) -> anyhow::Result<CommandEnd> {
    let mut query = Vec::new();
    if let Some(ChainAnchor { sequence, hash }) = anchor.filter(|anchor| anchor.sequence > 0) {
        query.extend([("sequence", sequence.to_string()), ("hash", hash)]);
    }
    let answer = OperatorClient::new(&args.operator)?.get(&["leavers", "chain"], &query).await?;
    show_answer(&args.operator, &answer, |report: &ChainReport| render::leavers::render_chain(report))?;
    let report: ChainReport = read_answer(&answer)?;
    Ok(if report.broken.is_some() { CommandEnd::Failed } else { CommandEnd::Done })
}

async fn list_keys(args: &EvidenceKeysArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let answer = if args.rotate {
        let body = RotateEvidenceKey { why: args.why.clone().unwrap_or_default() };
        console.post(&["leavers", "keys", "rotate"], &body).await?
    } else {
        console.get(&["leavers", "keys"], &[]).await?
    };
    show_answer(&args.operator, &answer, |keys: &EvidenceKeys| render::leavers::render_keys(keys))
}
