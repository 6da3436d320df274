//! Rendering of statements and requests of sources that Usher could not accept.

use console::api::SourceProblemStatus;
use lifecycle::{FeedRunState, SilentFeed, UndecidedFeed};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::clean_text;

/// Returns the description and the remedy of a kind of problem; docs/sources.md has the same texts.
fn words(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "unreadable_list" => (
            "readings of the list failed, departures in it are not known",
            "correct the address or the credential of the poll",
        ),
        "bad_rows" => {
            ("rows could not be used, also departures", "correct them at the source and send them again")
        }
        "refused_file" => ("files were refused as a whole", "correct the file and send it again"),
        "unreadable_records" => {
            ("requests for records failed, records wait", "correct the address or the credential of `fetch`")
        }
        "parked_records" => (
            "records were put aside because they could not be fetched",
            "look them up at the source, and let it send another notice",
        ),
        "refused_credentials" => (
            "requests did not prove who they come from",
            "compare the token, secret or `access` with that of the sender",
        ),
        "refused_requests" => (
            "requests of a known sender were refused, also departures",
            "correct them at the sender, or the adapter, and send them again",
        ),
        "unknown_types" => (
            "notices had a type that is not known",
            "say under `types` of the adapter what it means, `ignored` if it is nothing",
        ),
        "unknown_resources" => (
            "requests named users or groups that are not known here",
            "restart provisioning at the identity provider",
        ),
        _ => ("times something could not be taken", "update this `usher`"),
    }
}

/// Renders one line for each problem; empty if there are none.
pub(super) fn render(problems: &[SourceProblemStatus], unlisted: u64) -> String {
    let mut text = String::new();
    for problem in problems {
        let (what, todo) = words(&problem.kind);
        let detail = if problem.detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", clean_text(&problem.detail))
        };
        text.push_str(&format!(
            "{}: {} {what} since {}, last {}{detail}: {todo}\n",
            clean_text(&problem.source),
            problem.count,
            clean_text(&problem.first),
            clean_text(&problem.last)
        ));
    }
    if unlisted > 0 {
        text.push_str(&format!(
            "{unlisted} more problems of sources are not listed: see the gateway's log\n"
        ));
    }
    text
}

/// Renders one line for each full feed whose last file is undecided; empty if all are decided.
pub(super) fn undecided(feeds: &[UndecidedFeed]) -> String {
    let moment = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    let mut text = String::new();
    for UndecidedFeed { feed, run, state, begun_at, accepted_at } in feeds {
        let what = match state {
            FeedRunState::Held => "is held",
            FeedRunState::Superseded => "is older than the one accepted before, or as old",
            _ => "never came to its end",
        };
        let known = match accepted_at {
            Some(at) => format!("people missing since {} have not left", moment(*at)),
            None => "people who are missing have not left".to_owned(),
        };
        text.push_str(&format!(
            "the last file of the feed {} ({}) {what}, {known}: see `usher feed show {}`\n",
            clean_text(feed),
            moment(*begun_at),
            clean_text(run)
        ));
    }
    text
}

/// Renders the feeds that are not heard of any more.
pub(super) fn silent(feeds: &[SilentFeed]) -> String {
    let line = |SilentFeed { feed, heard_at, people }: &SilentFeed| {
        format!(
            "the feed {0} was last heard of at {1}; {people} people are listed by no other feed and stay as they are: send \
             its files again, or name it in the feed that took its place, `replaces: [{0}]`\n",
            clean_text(feed),
            heard_at.format(&Rfc3339).unwrap_or_default()
        )
    };
    feeds.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use lifecycle::SourceProblemKind;

    use super::*;

    #[test]
    fn each_kind_of_problem_is_shown_with_what_the_documentation_says_to_do() {
        let docs = include_str!("../../../../../docs/sources.md");
        for kind in SourceProblemKind::ALL {
            let (_, todo) = words(kind.as_str());
            let row = docs.lines().find(|line| line.starts_with(&format!("| `{}` |", kind.as_str())));
            assert!(row.is_some_and(|row| row.contains(todo)), "{}: {todo}: {row:?}", kind.as_str());
        }
        let rows = docs.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 5);
        assert_eq!(rows.count(), SourceProblemKind::ALL.len());
    }

    #[test]
    fn a_problem_says_how_often_since_when_and_what_to_do() {
        let problem = SourceProblemStatus {
            source: "polls/hr".to_owned(),
            kind: "unreadable_list".to_owned(),
            count: 12,
            first: "2026-11-30T10:00:00Z".to_owned(),
            last: "2026-11-30T16:00:00Z".to_owned(),
            detail: "404".to_owned(),
        };
        assert_eq!(
            render(&[problem], 2),
            "polls/hr: 12 readings of the list failed, departures in it are not known since 2026-11-30T10:00:00Z, last \
             2026-11-30T16:00:00Z (404): correct the address or the credential of the poll\n\
             2 more problems of sources are not listed: see the gateway's log\n"
        );
        assert_eq!(render(&[], 0), "");
    }

    #[test]
    fn a_feed_whose_last_file_was_not_decided_about_is_shown_with_the_run_to_look_at() {
        let feed = |state| UndecidedFeed {
            feed: "people".to_owned(),
            run: "run_1".to_owned(),
            state,
            begun_at: OffsetDateTime::UNIX_EPOCH + time::Duration::days(2),
            accepted_at: Some(OffsetDateTime::UNIX_EPOCH),
        };
        assert_eq!(
            undecided(&[feed(FeedRunState::Held)]),
            "the last file of the feed people (1970-01-03T00:00:00Z) is held, people missing since \
             1970-01-01T00:00:00Z have not left: see `usher feed show run_1`\n"
        );
        assert!(undecided(&[feed(FeedRunState::Superseded)]).contains("older than the one accepted before"));
        assert!(undecided(&[feed(FeedRunState::Open)]).contains("never came to its end"));
        assert_eq!(undecided(&[]), "");
    }

    #[test]
    fn a_feed_that_is_not_heard_of_any_more_says_how_many_people_it_leaves_and_what_to_do() {
        let heard_at = OffsetDateTime::UNIX_EPOCH;
        let text = silent(&[SilentFeed { feed: "people".to_owned(), heard_at, people: 2 }]);
        for part in ["feed people was last heard of at 1970-01-01", "2 people", "`replaces: [people]`"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
