//! Compares the code with a second, naive implementation of docs/employment.md on random histories. That
//! implementation is written only from the page, and both must agree.
//!
//! `USHER_HISTORIES` and `USHER_SEED` set the number of histories and the random seed. `make soak` checks new
//! histories until it is stopped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "shared.rs"]
mod shared;

use std::collections::BTreeMap;

use history::{History, Random, plain};
use mutation::Mutation;
use shared::{history, mutation, reference, statements, voice};

/// Every rule of the page that a history can use, and every state and contradiction.
const RULES: &[&str] = &[
    "joins 1",
    "joins 2a",
    "joins 2b",
    "joins 2b, listed",
    "joins 3",
    "rejoins 1",
    "rejoins 2a",
    "rejoins 2b",
    "rejoins 2c, new",
    "rejoins 2c, begins",
    "rejoins 3",
    "arrives undated 1, joins",
    "arrives undated 1, rejoins",
    "arrives undated 2, joins",
    "arrives undated 2, rejoins",
    "arrives undated 3",
    "leaves 1",
    "leaves 3",
    "leaves 3, an open one before",
    "leaves 3, an observed end before",
    "leaves 3, a said end before",
    "leaves 3 and 4, removed",
    "leaves 4a",
    "leaves 4b",
    "leaves 5",
    "leaves 5, all end before",
    "leaves 5, removed",
    "leaves 5, listed",
    "leaves undated 1",
    "leaves undated 2",
    "leaves undated 3",
    "leaves undated 4a",
    "leaves undated 4b",
    "erased 1",
    "erased 2",
    "erased, leaves 3",
    "erased, leaves 4a",
    "erased, leaves 4b",
    "erased, leaves 5",
    "erased, leaves 5, all end before",
    "unhires 1, withdrawn",
    "unhires 1, in force",
    "unhires 1, ended",
    "unhires 2",
    "unhires 3",
    "unhires 3, another day",
    "unhires 3, several",
    "unhires 4",
    "unhires 4, undated",
    "unhires 5",
    "unhires 6",
    "unhires 6, none",
    "unhires, removed",
    "unhires, cancelled",
    "unhires, the plan holds again",
    "here 1",
    "here 2",
    "here 3",
    "here 4",
    "here 5",
    "here 6",
    "here 6, listed",
    "inactive 1",
    "inactive 1, absent",
    "inactive 1, keeps",
    "kept end holds again",
    "kept end holds for the next",
    "kept end withdrawn",
    "here 6, kept end is past, listed",
    "state, kept end has come",
    "inactive 2",
    "inactive 3",
    "record",
    "cancels departure",
    "cancels departure, erasure",
    "cancels departure, of a cancelled one",
    "cancels departure, of an unknown one",
    "cancels arrival",
    "cancels arrival, none",
    "listed, settled",
    "voices, one",
    "voices, named",
    "voices, named and stored before",
    "voices, stored before alone",
    "voices, active",
    "voices, left or deleted",
    "voices, unknown",
    "state, active",
    "state, left",
    "state, deleted",
    "state, left, cancelled",
    "state, deleted, cancelled",
    "state, records",
    "state, unknown",
    "state, listed elsewhere",
    "first_day_moved_ahead",
    "listed_elsewhere",
    "no_show",
    "present_after_departure",
    "rehire_before_departure",
    "senders_disagree",
    "undated_arrival_overruled",
    "withdrawal_unmatched",
];

/// The number of histories of a run, unless `USHER_HISTORIES` sets another one.
const HISTORIES: u64 = 280_000;
/// The minimum number of times that a run of that size or more uses each rule.
const HITS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

fn seed() -> u64 {
    number("USHER_SEED").unwrap_or(11)
}

/// Returns the history with this number in the run with this seed.
fn history(seed: u64, number: u64) -> History {
    History::random(&mut Random(seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03)))
}

/// Describes the difference between the code and the page, with the shortest history that shows it.
fn report(seed: u64, number: u64) -> String {
    let differs = |history: &History| history.differs(History::decided);
    let shortest = history(seed, number).minimised(|history| differs(history).is_some());
    let now = differs(&shortest).unwrap();
    let page = plain(shortest.reference(None).decide(now));
    let code = plain(shortest.decided(now));
    format!(
        "history {number} with USHER_SEED={seed}:\n  {shortest} | now {now}\n  page {page:?}\n  code {code:?}"
    )
}

#[test]
fn the_code_and_a_second_reading_of_the_page_agree_on_random_histories() {
    let histories = number("USHER_HISTORIES").unwrap_or(HISTORIES);
    let seed = seed();
    let mut hits: BTreeMap<&str, u64> = BTreeMap::new();
    let mut differing = Vec::new();
    for number in 0..histories {
        let history = history(seed, number);
        let mut reference = history.reference(None);
        let differs = history
            .moments()
            .into_iter()
            .any(|now| plain(reference.decide(now)) != plain(history.decided(now)));
        if differs {
            differing.push(number);
        }
        for (rule, count) in reference.hits {
            *hits.entry(rule).or_default() += count;
        }
    }
    let reports: Vec<String> = differing.iter().take(10).map(|number| report(seed, *number)).collect();
    assert!(differing.is_empty(), "{} of {histories} differ\n{}", differing.len(), reports.join("\n"));
    let unknown: Vec<_> = hits.keys().filter(|rule| !RULES.contains(rule)).collect();
    assert!(unknown.is_empty(), "rules without a place in RULES: {unknown:?}");
    let wanted = if histories < HISTORIES { 0 } else { HITS };
    let rare: Vec<_> = RULES
        .iter()
        .map(|rule| (rule, hits.get(rule).copied().unwrap_or(0)))
        .filter(|(_, count)| *count < wanted)
        .collect();
    assert!(rare.is_empty(), "rules met less than {wanted} times: {rare:?}");
}

#[test]
fn random_histories_find_each_of_many_deliberate_mistakes() {
    assert!(Mutation::ALL.len() >= 30);
    let seed = seed();
    let is_found = |mutation: Mutation| {
        (0..HISTORIES).any(|number| {
            let mistaken = |history: &History, now| history.reference(Some(mutation)).decide(now);
            history(seed, number).differs(mistaken).is_some()
        })
    };
    let missed: Vec<_> = Mutation::ALL.iter().filter(|mutation| !is_found(**mutation)).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}
