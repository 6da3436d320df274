//! Runs the table of docs/employment.md, and checks properties that every history has.

use proptest::prelude::*;

use super::*;

const PAGE: &str = include_str!("../../../../docs/employment.md");
/// One day of the table, which is one second here.
const DAY: i64 = 1_000_000;

/// A row of the table.
struct Row {
    number: usize,
    statements: Vec<EmploymentStatement>,
    cancellations: Vec<EmploymentCancellation>,
    authority: EmploymentAuthority,
    now: i64,
    state: String,
    listed: String,
}

fn rows() -> Vec<Row> {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| # | statements"));
    table.skip(2).take_while(|line| line.starts_with('|')).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [number, statements, authority, now, state, listed] = cells[..] else { panic!("{line}") };
    let said = statements.split(';').map(str::trim).filter(|said| !said.is_empty());
    let (cancelled, said): (Vec<&str>, Vec<&str>) = said.partition(|said| said.starts_with("operator"));
    Row {
        number: number.parse().unwrap(),
        statements: (1..).zip(said).map(|(sequence, said)| statement(said, sequence)).collect(),
        cancellations: cancelled.into_iter().map(cancellation).collect(),
        authority: match authority {
            "-" => EmploymentAuthority::Shared,
            names => EmploymentAuthority::Named(names.split(", ").map(str::to_owned).collect()),
        },
        now: now.parse::<i64>().unwrap() * DAY,
        state: state.to_owned(),
        listed: listed.to_owned(),
    }
}

fn days(text: &str) -> i64 {
    text.parse::<i64>().unwrap() * DAY
}

fn statement(text: &str, sequence: u64) -> EmploymentStatement {
    use EmploymentWord::{
        Absent, Erased, Here, Inactive, Joins, Leaves, Listed, Record, Rejoins, Stays, Unhires,
    };
    let words: Vec<&str> = text.split(' ').collect();
    let (sender, list) = words[0].split_once('/').unwrap_or((words[0], words[0]));
    let all = [Joins, Rejoins, Leaves, Erased, Unhires, Here, Listed, Stays, Inactive, Absent, Record];
    let word = all.into_iter().find(|word| word.as_str() == words[2]).unwrap_or_else(|| panic!("{text}"));
    let day = words.get(3).map(|day| days(day));
    let said = EmploymentStatement::new(sender, word, days(words[1]), day, sequence);
    if matches!(word, Listed | Inactive | Absent) { said.in_list(list) } else { said }
}

fn cancellation(text: &str) -> EmploymentCancellation {
    let words: Vec<&str> = text.split(' ').collect();
    let kind = match words[2] {
        "cancels-arrival" => EmploymentKind::Active,
        "cancels-departure" => EmploymentKind::Left,
        other => panic!("{other}"),
    };
    EmploymentCancellation { said_at: days(words[1]), day: days(words[3]), kind }
}

fn in_words(decision: &EmploymentDecision) -> (String, String) {
    let state = match decision.employment {
        Employment::Unknown => "unknown".to_owned(),
        Employment::Active => "active".to_owned(),
        Employment::Left { since } => format!("left {}", since / DAY),
        Employment::Deleted { since } => format!("deleted {}", since / DAY),
    };
    let mut codes: Vec<&str> = decision.contradictions.iter().map(|known| known.code.as_str()).collect();
    codes.dedup();
    (state, codes.join(", "))
}

#[test]
fn every_row_of_the_page_is_decided_as_it_says() {
    let rows = rows();
    assert!(rows.len() > 100, "the table of docs/employment.md was not found");
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let decision = decide_employment(&row.statements, &row.cancellations, &row.authority, row.now);
            let expected = (row.state.clone(), row.listed.clone());
            let is = in_words(&decision);
            (is != expected).then(|| format!("row {}: {is:?}, not {expected:?}", row.number))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=rows.len()).collect::<Vec<_>>());
}

#[test]
fn every_code_is_in_the_page_and_in_a_row() {
    for code in ContradictionCode::ALL {
        assert!(PAGE.contains(&format!("| `{}` |", code.as_str())), "{}", code.as_str());
        // These codes depend on the person, not only on the statements. Separate tests cover them.
        let of_person = [
            ContradictionCode::RecycledKey,
            ContradictionCode::RecycledLogin,
            ContradictionCode::DepartureOutweighed,
            ContradictionCode::DepartureUnmatched,
            ContradictionCode::DepartureWithoutAuthority,
        ];
        let has_row = rows().iter().any(|row| row.listed.contains(code.as_str()));
        assert!(has_row || of_person.contains(&code), "{}", code.as_str());
    }
}

/// Sender, word, time of the statement, and the distance to the day if the statement names one.
type Said = (usize, usize, i64, Option<i64>);

fn statements(history: &[Said]) -> Vec<EmploymentStatement> {
    use EmploymentWord::{
        Absent, Erased, Here, Inactive, Joins, Leaves, Listed, Record, Rejoins, Stays, Unhires,
    };
    let words = [Joins, Rejoins, Leaves, Erased, Unhires, Here, Listed, Stays, Inactive, Absent, Record];
    let said = |(sequence, &(sender, word, said, later)): (u64, &Said)| {
        let sender = ["hr", "b"][sender];
        let day = later.map(|later| (said + later) * DAY);
        EmploymentStatement::new(sender, words[word], said * DAY, day, sequence).in_list(sender)
    };
    (1..).zip(history).map(said).collect()
}

fn histories() -> impl Strategy<Value = Vec<Said>> {
    let said = (0..2_usize, 0..10_usize, 0..40_i64, prop::option::of(-20..20_i64));
    prop::collection::vec(said, 1..14)
}

fn authorities() -> [EmploymentAuthority; 2] {
    [EmploymentAuthority::Shared, EmploymentAuthority::Named(vec!["hr".to_owned(), "b".to_owned()])]
}

proptest! {
    #[test]
    fn the_order_and_number_of_statements_do_not_matter(history in histories(), seed in any::<u64>()) {
        let statements = statements(&history);
        let mut shuffled: Vec<EmploymentStatement> = statements.iter().chain(&statements).cloned().collect();
        shuffled.sort_by_key(|said| said.version.sequence.wrapping_mul(seed | 1).rotate_left(17));
        for authority in authorities() {
            for now in 0..60 {
                let decide = |said: &[EmploymentStatement]| decide_employment(said, &[], &authority, now * DAY);
                prop_assert_eq!(decide(&statements), decide(&shuffled));
            }
        }
    }

    #[test]
    fn a_said_departure_that_is_said_last_and_has_come_takes_access_away(history in histories(), day in -20..1_i64) {
        let mut statements = statements(&history);
        let last = 40;
        let before = decide_employment(&statements, &[], &EmploymentAuthority::Shared, (last + 20) * DAY);
        // A known first day after the departure stays in force.
        let has_known_later = statements.iter().any(|said| {
            said.dated == crate::StatementDating::Explicit && said.word.kind() == EmploymentKind::Active
                && said.version.effective_at > (last + day) * DAY
        });
        // This includes an observed departure: one without a day may have turned it into a stated one.
        let is_repeated = statements.iter().any(|said| {
            said.word.kind() != EmploymentKind::Active && said.at() == (last + day) * DAY
        });
        if has_known_later || is_repeated {
            return Ok(());
        }
        let leaves = EmploymentStatement::new("hr", EmploymentWord::Leaves, last * DAY, Some((last + day) * DAY), 99);
        statements.push(leaves);
        let after = decide_employment(&statements, &[], &EmploymentAuthority::Shared, (last + 20) * DAY);
        prop_assert_ne!(after.employment, Employment::Active, "{:?} before", before);
    }

    #[test]
    fn what_decides_nothing_any_more_is_forgotten_without_a_change(history in histories()) {
        let mut statements = statements(&history);
        statements.retain(|said| said.word != EmploymentWord::Record);
        let whole = statements.clone();
        compact::forget_superseded(&mut statements, &[], 40 * DAY);
        for now in 40..80 {
            let decide = |said: &[EmploymentStatement]| {
                decide_employment(said, &[], &EmploymentAuthority::Shared, now * DAY)
            };
            prop_assert_eq!(decide(&statements), decide(&whole));
        }
        let again: Vec<EmploymentStatement> =
            serde_json::from_str(&serde_json::to_string(&statements).unwrap()).unwrap();
        prop_assert_eq!(again, statements);
    }
}
