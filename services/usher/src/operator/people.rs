//! `usher people ...`.

use console::api::{JoinPeople, ResolveRecord};
use lifecycle::{JoinPeopleReply, RECORDS_MAX, RecordsReply, SourceRecord};

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::{JoinPeopleArgs, OperatorArgs, PeopleCommand, PeopleConflictsCommand, ResolveRecordArgs};
use crate::render;

/// `usher people ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn people(command: &PeopleCommand) -> anyhow::Result<Ended> {
    match command {
        PeopleCommand::Ls(args) => {
            list(&args.operator, &args.status, args.source.as_deref(), args.limit).await
        }
        PeopleCommand::Conflicts(PeopleConflictsCommand::Ls(args)) => {
            list(&args.operator, "conflict", args.source.as_deref(), args.limit).await
        }
        PeopleCommand::Conflicts(PeopleConflictsCommand::Resolve(args)) => resolve(args).await,
        PeopleCommand::Join(args) => join(args).await,
    }
}

async fn list(
    operator: &OperatorArgs,
    status: &str,
    source: Option<&str>,
    limit: u64,
) -> anyhow::Result<Ended> {
    let console = Console::new(operator)?;
    let mut whole = RecordsReply::default();
    let mut left = limit.max(1);
    loop {
        let mut query = vec![("limit", left.min(RECORDS_MAX).to_string()), ("status", status.to_owned())];
        query.extend(source.map(|source| ("source", source.to_owned())));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: RecordsReply = understood(&console.get(&["people", "records"], &query).await?)?;
        whole.records.extend(page.records);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(RECORDS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("records have only string keys");
    show(operator, &whole, |reply: &RecordsReply| render::people::list(reply, status))
}

async fn resolve(args: &ResolveRecordArgs) -> anyhow::Result<Ended> {
    let person = args.same.as_ref().or(args.different.as_ref()).cloned().unwrap_or_default();
    let body = ResolveRecord {
        source: args.source.clone(),
        key: args.key.clone(),
        person,
        same: args.same.is_some(),
        why: args.why.clone(),
    };
    let answer = Console::new(&args.operator)?.post(&["people", "records", "resolve"], &body).await?;
    show(&args.operator, &answer, |record: &SourceRecord| render::people::one(record))
}

async fn join(args: &JoinPeopleArgs) -> anyhow::Result<Ended> {
    let body = JoinPeople {
        person: args.into.clone(),
        other: args.other.clone(),
        leave_accounts: args.leave_accounts,
        why: args.why.clone(),
    };
    let answer = Console::new(&args.operator)?.post(&["people", "join"], &body).await?;
    show(&args.operator, &answer, |reply: &JoinPeopleReply| render::people::joined(reply))
}
