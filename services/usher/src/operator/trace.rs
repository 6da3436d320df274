//! Runs `usher trace`.

use console::api::PersonTrace;

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::TraceArgs;
use crate::render;

/// Maximum number of timeline pages that one command reads: 50,000 facts.
const TRACE_PAGES_MAX: usize = 100;

/// Runs `usher trace`.
///
/// # Errors
/// Returns an error if the console cannot be reached, or knows no such person or group.
pub async fn run_trace(args: &TraceArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let mut whole: Option<PersonTrace> = None;
    let mut cursor: Option<String> = None;
    for _ in 0..TRACE_PAGES_MAX {
        let mut query = vec![("limit", "500".to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = console.get(&["people", &args.person, "trace"], &query).await?;
        let page: PersonTrace = read_answer(&page)?;
        cursor.clone_from(&page.next_cursor);
        match &mut whole {
            Some(trace) => trace.entries.extend(page.entries),
            None => whole = Some(page),
        }
        if cursor.is_none() {
            break;
        }
    }
    let mut whole = whole.expect("at least one page was read");
    if cursor.is_some() {
        eprintln!("usher: there is more; only the oldest {} facts are shown", whole.entries.len());
    }
    whole.next_cursor = cursor;
    let whole = serde_json::to_value(whole).expect("a trace has only string keys");
    show_answer(&args.operator, &whole, render::trace::render_trace)
}
