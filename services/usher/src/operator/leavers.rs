//! `usher leavers ...`.

use lifecycle::{LEAVERS_MAX, LeaversReply};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{Console, understood};
use super::{Ended, print, print_json};
use crate::cli::LeaversArgs;
use crate::render;

/// `usher leavers`: lists accounts that must be off and are not proven to be. It has failed when one of them is overdue.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn leavers(args: &LeaversArgs) -> anyhow::Result<Ended> {
    let reply = read(args).await?;
    if args.operator.json {
        print_json(&reply)?;
    } else if args.csv {
        print(&render::leavers::csv(&reply))?;
    } else {
        print(&render::leavers::list(&reply, OffsetDateTime::now_utc()))?;
    }
    Ok(if reply.counts.overdue > 0 { Ended::Failed } else { Ended::Done })
}

/// Every page of the answer.
async fn read(args: &LeaversArgs) -> anyhow::Result<LeaversReply> {
    let console = Console::new(&args.operator)?;
    let mut whole = LeaversReply::default();
    let mut left = args.limit;
    loop {
        let mut query = vec![("limit", left.clamp(1, LEAVERS_MAX).to_string())];
        query.extend(args.target.clone().map(|target| ("target", target)));
        query.extend(args.person.clone().map(|person| ("person", person)));
        query.extend(args.overdue.then(|| ("overdue", "true".to_owned())));
        query.extend(args.all.then(|| ("state", "open,proven,kept_by_policy,ended".to_owned())));
        let since = args.since.and_then(|since| since.format(&Rfc3339).ok());
        query.extend(since.map(|since| ("since", since)));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: LeaversReply = understood(&console.get(&["leavers"], &query).await?)?;
        whole.leavers.extend(page.leavers);
        (whole.counts, whole.next_cursor) = (page.counts, page.next_cursor);
        left = left.saturating_sub(LEAVERS_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            return Ok(whole);
        }
    }
}
