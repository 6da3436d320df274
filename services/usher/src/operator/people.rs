//! Runs the subcommands of `usher people`.

use console::api::{JoinPeople, ResolveRecord};
use lifecycle::{
    FINDINGS_MAX, FindingKind, FindingsReply, JoinPeopleReply, RECORDS_MAX, RecordsReply, SourceRecord,
};

use super::client::{OperatorClient, read_answer};
use super::orders::{different_person, same_person};
use super::{CommandEnd, print_text, show_answer};
use crate::cli::{
    FindingListArgs, JoinPeopleArgs, OperatorArgs, PeopleCommand, PeopleConflictsCommand, ResolveRecordArgs,
};
use crate::render;

/// Runs a subcommand of `usher people`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_people(command: &PeopleCommand) -> anyhow::Result<CommandEnd> {
    match command {
        PeopleCommand::Ls(args) => {
            list_records(&args.operator, &args.status, args.source.as_deref(), args.limit).await
        }
        PeopleCommand::Conflicts(PeopleConflictsCommand::Ls(args)) => {
            list_records(&args.operator, "conflict", args.source.as_deref(), args.limit).await
        }
        PeopleCommand::Conflicts(PeopleConflictsCommand::Resolve(args)) => resolve_record(args).await,
        PeopleCommand::Contradictions(args) => list_findings(FindingKind::Contradiction, None, args).await,
        PeopleCommand::Unread(args) => list_findings(FindingKind::Unread, None, args).await,
        PeopleCommand::Unbuilt(args) => {
            list_findings(FindingKind::Unbuilt, args.target.as_deref(), &args.list).await
        }
        PeopleCommand::Refused(args) => {
            let kind = if args.departures { FindingKind::RefusedDeparture } else { FindingKind::Refused };
            list_findings(kind, None, &args.list).await
        }
        PeopleCommand::Same(args) => same_person(&args.operator, &args.person, &args.why).await,
        PeopleCommand::Different(args) => match &args.why {
            Some(why) => different_person(&args.operator, &args.person, why).await,
            None => print_text(&render::people::render_different(&args.person)),
        },
        PeopleCommand::Join(args) => join_people(args).await,
    }
}

async fn list_records(
    operator: &OperatorArgs,
    status: &str,
    source: Option<&str>,
    limit: u64,
) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(operator)?;
    let mut whole = RecordsReply::default();
    let mut left = limit.max(1);
    loop {
        let mut query = vec![("limit", left.min(RECORDS_MAX).to_string()), ("status", status.to_owned())];
        query.extend(source.map(|source| ("source", source.to_owned())));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: RecordsReply = read_answer(&console.get(&["people", "records"], &query).await?)?;
        whole.records.extend(page.records);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(RECORDS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("records have only string keys");
    show_answer(operator, &whole, |reply: &RecordsReply| render::people::render_records(reply, status))
}

async fn list_findings(
    kind: FindingKind,
    target: Option<&str>,
    args: &FindingListArgs,
) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let mut whole = FindingsReply { next_cursor: args.cursor.clone(), ..FindingsReply::default() };
    let mut left = args.limit.max(1);
    loop {
        let limit = left.min(FINDINGS_MAX).to_string();
        let mut query = vec![("kind", kind.as_str().to_owned()), ("limit", limit)];
        query.extend(target.map(|target| ("target", target.to_owned())));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: FindingsReply = read_answer(&console.get(&["people", "findings"], &query).await?)?;
        whole.findings.extend(page.findings);
        (whole.total, whole.next_cursor) = (page.total, page.next_cursor);
        left = left.saturating_sub(FINDINGS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("findings have only string keys");
    show_answer(&args.operator, &whole, |reply: &FindingsReply| render::people::render_findings(kind, reply))
}

async fn resolve_record(args: &ResolveRecordArgs) -> anyhow::Result<CommandEnd> {
    let person = args.same.as_ref().or(args.different.as_ref()).cloned().unwrap_or_default();
    let body = ResolveRecord {
        source: args.source.clone(),
        key: args.key.clone(),
        person,
        same: args.same.is_some(),
        why: args.why.clone(),
    };
    let answer = OperatorClient::new(&args.operator)?.post(&["people", "records", "resolve"], &body).await?;
    show_answer(&args.operator, &answer, |record: &SourceRecord| render::people::render_record(record))
}

async fn join_people(args: &JoinPeopleArgs) -> anyhow::Result<CommandEnd> {
    let body = JoinPeople {
        person: args.into.clone(),
        other: args.other.clone(),
        leave_accounts: args.leave_accounts,
        why: args.why.clone(),
    };
    let answer = OperatorClient::new(&args.operator)?.post(&["people", "join"], &body).await?;
    show_answer(&args.operator, &answer, |reply: &JoinPeopleReply| render::people::render_joined(reply))
}
