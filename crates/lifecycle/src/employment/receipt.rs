//! The order of receipt of statements without a sender's time.
//!
//! The time of such a statement is that of its receipt, by the clock of Usher's machine. If that clock is wrong for a while,
//! the times contradict the order in which the stream received the statements. Times that senders name are never later
//! than the receipt, so a statement that was received before and has a later time shows that the clock was wrong.

use super::EmploymentKind;
use super::statement::{EmploymentStatement, EmploymentWord};

/// Moves the arrivals that the stream received before the departure `said` to before it, if their times are later. The time
/// of `said` is that of its receipt. Only statements of the same sender are compared, because others come by other ways.
pub(crate) fn keep_order_of_receipt(statements: &mut [EmploymentStatement], said: &EmploymentStatement) {
    if !matches!(said.word, EmploymentWord::Leaves | EmploymentWord::Erased) {
        return;
    }
    let before = said.version.said_at - 1;
    let outweighs = |known: &&mut EmploymentStatement| {
        known.sender == said.sender
            && known.word.kind() == EmploymentKind::Active
            && known.version.sequence < said.version.sequence
            && known.version.said_at > said.version.said_at
    };
    for known in statements.iter_mut().filter(outweighs) {
        // A day that the source named stays.
        if known.dated != crate::StatementDating::Explicit {
            known.version.effective_at = known.version.effective_at.min(before);
        }
        known.version.said_at = before;
    }
    statements.sort();
}

#[cfg(test)]
mod tests {
    use super::super::{Employment, EmploymentAuthority, decide_employment};
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn said(word: EmploymentWord, at: i64, sequence: u64) -> EmploymentStatement {
        EmploymentStatement::new("hr", word, at, None, sequence)
    }

    /// Returns the employment at `now` after the statements were received in order.
    fn after(mut statements: Vec<EmploymentStatement>, last: EmploymentStatement, now: i64) -> Employment {
        keep_order_of_receipt(&mut statements, &last);
        statements.push(last);
        decide_employment(&statements, &[], &EmploymentAuthority::Shared, now).employment
    }

    #[test]
    fn a_departure_is_not_outweighed_by_an_arrival_that_was_received_before_it_whatever_the_clock_said() {
        use EmploymentWord::{Joins, Leaves, Rejoins};
        for arrival in [Joins, Rejoins] {
            // The clock was two hours ahead at the arrival.
            let (ahead, left) = (said(arrival, 12 * HOUR, 5), said(Leaves, 10 * HOUR, 6));
            for now in [10 * HOUR, 12 * HOUR, 1_000 * HOUR] {
                let employment = after(vec![ahead.clone()], left.clone(), now);
                assert!(
                    matches!(employment, Employment::Left { .. }),
                    "{arrival:?} at {now}: {employment:?}"
                );
            }
            // The clock was a month behind at the departure.
            let (right, behind) = (said(arrival, 1_000 * HOUR, 5), said(Leaves, 280 * HOUR, 6));
            let employment = after(vec![right], behind, 1_001 * HOUR);
            assert!(matches!(employment, Employment::Left { .. }), "{arrival:?}: {employment:?}");
        }
    }

    #[test]
    fn an_arrival_that_was_received_later_or_came_from_another_sender_keeps_its_time() {
        use EmploymentWord::{Joins, Leaves};
        let left = said(Leaves, 10 * HOUR, 6);
        let later = said(Joins, 12 * HOUR, 7);
        let other = EmploymentStatement::new("directory", Joins, 12 * HOUR, None, 5);
        for arrival in [later, other] {
            let mut statements = vec![arrival.clone()];
            keep_order_of_receipt(&mut statements, &left);
            assert_eq!(statements, [arrival]);
        }
    }

    #[test]
    fn a_day_that_the_source_named_stays() {
        let day = 500 * HOUR;
        let named = EmploymentStatement::new("hr", EmploymentWord::Joins, 12 * HOUR, Some(day), 5);
        let mut statements = vec![named];
        keep_order_of_receipt(&mut statements, &said(EmploymentWord::Leaves, 10 * HOUR, 6));
        assert_eq!(statements[0].version.effective_at, day);
        assert!(statements[0].version.said_at < 10 * HOUR);
    }
}
