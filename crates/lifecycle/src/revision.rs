//! Revisions of desired states. They order decisions, also across a restored database.

/// The maximum time that a revision may lie ahead of a clock, in microseconds: one day. Beyond it, that clock or the
/// one that the revision came from is considered wrong.
const AHEAD_MAX: i64 = 24 * 3_600 * 1_000_000;

/// Returns the revision after `old` at `clock` (microseconds since the Unix epoch): greater than `old`, and not less
/// than the clock. A database that was restored from an older backup is therefore ahead of its earlier decisions, and
/// a clock that was ahead for a while blocks nothing.
pub fn next_revision(old: i64, clock: i64) -> i64 {
    old.saturating_add(1).max(clock)
}

/// Returns the clock that revisions follow: the database's, unless it is more than a day ahead of the process's.
pub fn revision_clock(database: i64, process: i64) -> i64 {
    database.min(process.saturating_add(AHEAD_MAX))
}

/// Returns whether no sound clock has reached the revision: it is more than a day ahead of `clock`.
pub fn is_revision_ahead(revision: i64, clock: i64) -> bool {
    revision > clock.saturating_add(AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600 * 1_000_000;
    const NOW: i64 = 1_800_000_000_000_000;

    #[test]
    fn a_revision_is_greater_than_the_old_one_and_not_less_than_the_clock() {
        assert_eq!(next_revision(0, NOW), NOW);
        assert_eq!(next_revision(7, NOW), NOW);
        assert_eq!(next_revision(NOW, NOW), NOW + 1);
        assert_eq!(
            next_revision(NOW + 400 * DAY, NOW),
            NOW + 400 * DAY + 1,
            "a clock that was wrong stops nothing"
        );
        assert_eq!(next_revision(i64::MAX, NOW), i64::MAX);
    }

    #[test]
    fn one_clock_that_is_years_ahead_does_not_carry_revisions_with_it() {
        assert_eq!(revision_clock(NOW + 400 * DAY, NOW), NOW + DAY);
        assert_eq!(revision_clock(NOW + 5, NOW), NOW + 5);
        assert_eq!(revision_clock(NOW - DAY, NOW), NOW - DAY);
        assert!(is_revision_ahead(NOW + DAY + 1, NOW) && !is_revision_ahead(NOW + DAY, NOW));
    }
}
