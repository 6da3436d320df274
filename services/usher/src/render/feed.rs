//! Rendering of full-feed runs.

use lifecycle::{FeedRunState, FeedRunStatus, FeedsReply};
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{clean_text, instant_text};

/// Renders a list of runs, one line each.
pub fn render_runs(reply: &FeedsReply) -> String {
    if reply.items.is_empty() {
        return "no full feed was received yet\n".to_owned();
    }
    let mut table = TextTable::new([
        "BEGUN",
        "FEED",
        "STATE",
        "ROWS",
        "BAD",
        "UNCHANGED",
        "PEOPLE",
        "MISSING",
        "INACTIVE",
        "LEFT",
        "RUN",
    ]);
    for run in &reply.items {
        let (rows, bad, people) = match &run.file {
            Some(file) => (file.rows.to_string(), file.bad_rows.to_string(), file.people.to_string()),
            None => ("?".to_owned(), "?".to_owned(), format!("{}...", run.merged)),
        };
        let (missing, leaving) = (run.missing.to_string(), run.leaving.to_string());
        let (left, same) = (run.left.to_string(), run.unchanged.to_string());
        let (begun, state) = (run_begin(run), run.state.as_str());
        table.row([
            &*begun,
            &run.feed,
            state,
            &rows,
            &bad,
            &same,
            &people,
            &missing,
            &leaving,
            &left,
            run.run.as_str(),
        ]);
    }
    let mut text = table.render();
    for run in reply.items.iter().filter(|run| run.state == FeedRunState::Superseded) {
        for reason in &run.reasons {
            text.push_str(&format!("\n{} of {}: {}\n", run.run, clean_text(&run.feed), clean_text(reason)));
        }
    }
    if let Some(held) = reply.items.iter().find(|run| run.state == FeedRunState::Held) {
        text.push_str(&format!("\nto see why one is held, and what to do: usher feed show {}\n", held.run));
    }
    text
}

/// Renders the details of a run and the next commands.
pub fn render_run(run: &FeedRunStatus) -> String {
    let mut text = format!("{} of {}: {}\n", run.run, clean_text(&run.feed), run.state.as_str());
    text.push_str(&format!("begun   {}\n", run_begin(run)));
    match &run.file {
        Some(file) => {
            let whole = if file.complete { "" } else { ", INCOMPLETE" };
            text.push_str(&format!(
                "file    {} rows, {} of them bad, {} people{whole}\n",
                file.rows, file.bad_rows, file.people
            ));
        }
        None => text.push_str("file    incomplete: its end was never sent\n"),
    }
    text.push_str(&format!("merged  {} people\nmissing {} people\n", run.merged, run.missing));
    if run.leaving > 0 {
        text.push_str(&format!("leaving {} people turn inactive in it\n", run.leaving));
    }
    if run.unchanged > 0 {
        text.push_str(&format!("same    {} rows are unchanged\n", run.unchanged));
    }
    if run.unresolved > 0 {
        text.push_str(&format!(
            "lost    {} rows refer to rows that are no longer known: the next file contains them in full\n",
            run.unresolved
        ));
    }
    if run.unread > 0 {
        text.push_str(&format!("unread  {} messages, which are in quarantine\n", run.unread));
    }
    if run.left > 0 {
        text.push_str(&format!("left    {} people\n", run.left));
    }
    if let Some(who) = &run.who {
        let why = run.why.as_deref().map(|why| format!(": {}", clean_text(why))).unwrap_or_default();
        text.push_str(&format!("decided by {}{why}\n", clean_text(who)));
    }
    for reason in &run.reasons {
        text.push_str(&format!("reason  {}\n", clean_text(reason)));
    }
    let named = [("missing", run.missing, &run.missing_keys), ("inactive", run.leaving, &run.leaving_keys)];
    for (which, count, keys) in named.into_iter().filter(|(.., keys)| !keys.is_empty()) {
        let more = if count > keys.len() as u64 { ", ..." } else { "" };
        let keys: Vec<_> = keys.iter().map(|key| clean_text(key)).collect();
        text.push_str(&format!("{which} people: {}{more}\n", keys.join(", ")));
    }
    if run.state == FeedRunState::Held && run.unread > 0 {
        text.push_str(&format!(
            "\nonce their cause is fixed: usher quarantine ls, then usher quarantine retry ID --why \"...\"\n\
             or:                       send the file again\n\
             or discard the run:       usher feed reject {} --why \"...\"\n",
            run.run
        ));
    } else if run.state == FeedRunState::Held {
        text.push_str(&format!(
            "\nif they left:     usher feed accept {0} --people {1} --why \"...\"\n\
             if it is wrong:   usher feed reject {0} --why \"...\", then send the right file\n",
            run.run,
            run.people_leaving()
        ));
    }
    text
}

fn run_begin(run: &FeedRunStatus) -> String {
    instant_text(&run.begun_at.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> FeedRunStatus {
        serde_json::from_value(serde_json::json!({
            "feed": "hr", "run": "run_0123456789abcdef0123456789abcdef", "begunAt": "2026-01-02T03:04:05Z",
            "state": "held", "file": { "rows": 500, "badRows": 1, "people": 499, "complete": true },
            "merged": 499, "missing": 501, "missingKeys": ["E-1"], "left": 0,
            "leaving": 2, "leavingKeys": ["E-7", "E-8"], "reasons": ["501 fewer"],
        }))
        .unwrap()
    }

    #[test]
    fn a_run_that_is_held_says_why_who_is_missing_and_what_to_do() {
        let text = render_run(&held());
        for part in [
            "held",
            "500 rows, 1 of them bad",
            "501 people",
            "501 fewer",
            "missing people: E-1, ...",
            "inactive people: E-7, E-8\n",
            "feed accept run_0",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let text = render_runs(&FeedsReply { items: vec![held()], next_cursor: None });
        assert!(text.contains("501") && text.contains("usher feed show run_0"), "{text}");
        assert_eq!(render_runs(&FeedsReply::default()), "no full feed was received yet\n");
    }
}
