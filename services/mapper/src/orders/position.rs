//! Judges which part of JOURNAL the database contains. These functions are pure.

use bus::JournalExtent;
use recovery::{RecoveryFinding, RecoveryResult};
use serde::{Deserialize, Serialize};

/// The maximum difference between the creation of two streams of one installation; microseconds.
const MADE_TOGETHER: i64 = 600 * 1_000_000;

/// The position in JOURNAL up to which the database contains the orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JournalPosition {
    pub(super) made_at: i64,
    pub(super) sequence: u64,
}

/// Returns the sequence in JOURNAL up to which nothing needs to be read.
pub(super) fn first_unknown(
    found: &RecoveryResult,
    kept: Option<JournalPosition>,
    extent: JournalExtent,
) -> u64 {
    match kept.filter(|kept| kept.made_at == extent.made_at) {
        Some(kept) => kept.sequence.min(extent.last_sequence),
        None if is_older(found) => 0,
        // The database is the one that the service left, so it contains every order.
        None => extent.last_sequence,
    }
}

/// Returns whether the database may lack orders.
pub(super) fn is_older(found: &RecoveryResult) -> bool {
    matches!(found.finding, RecoveryFinding::Restored | RecoveryFinding::Empty | RecoveryFinding::Foreign)
}

/// Returns the reason why JOURNAL does not hold everything that the database lacks. After `usher restore`, each target waits
/// for an operator anyway.
pub(super) fn journal_gap(
    found: &RecoveryResult,
    kept: Option<JournalPosition>,
    extent: JournalExtent,
    events_made_at: Option<i64>,
) -> Option<String> {
    if !is_older(found) || found.restored_from.is_some() {
        return None;
    }
    let first = extent.first_sequence;
    match kept {
        Some(kept) if kept.made_at != extent.made_at => {
            Some("JOURNAL is another stream than the one that the database knew".to_owned())
        }
        Some(kept) if first > kept.sequence + 1 => Some(format!(
            "JOURNAL holds nothing between {} and {first}, and the database contains it up to there only",
            kept.sequence
        )),
        Some(_) => None,
        None if first > 1 => Some(format!("JOURNAL begins at {first}")),
        None => events_made_at
            .is_some_and(|events| extent.made_at > events + MADE_TOGETHER)
            .then(|| "JOURNAL was lost and created again".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(finding: RecoveryFinding) -> RecoveryResult {
        RecoveryResult {
            finding,
            lost: 0,
            has_other_stream: false,
            news: Vec::new(),
            restored_from: None,
            stale: None,
        }
    }

    fn extent(made_at: i64, first_sequence: u64) -> JournalExtent {
        JournalExtent { made_at, first_sequence, last_sequence: 90 }
    }

    const KEPT: Option<JournalPosition> = Some(JournalPosition { made_at: 7, sequence: 40 });

    #[test]
    fn what_follows_the_databases_position_is_read_and_all_of_it_if_the_database_knows_none() {
        let after = |finding, kept, made_at| first_unknown(&found(finding), kept, extent(made_at, 1));
        assert_eq!(after(RecoveryFinding::Same, KEPT, 7), 40);
        assert_eq!(after(RecoveryFinding::Restored, KEPT, 7), 40);
        assert_eq!(after(RecoveryFinding::Restored, KEPT, 8), 0, "another stream");
        assert_eq!(after(RecoveryFinding::Empty, None, 7), 0);
        assert_eq!(after(RecoveryFinding::Same, None, 7), 90, "a version before kept none");
        assert_eq!(after(RecoveryFinding::BrokerRestored, KEPT, 8), 90);
    }

    #[test]
    fn a_journal_that_lacks_what_the_database_lacks_is_a_gap() {
        let gap = |finding, kept, made_at, first| {
            journal_gap(&found(finding), kept, extent(made_at, first), Some(7)).is_some()
        };
        assert!(!gap(RecoveryFinding::Restored, KEPT, 7, 41));
        assert!(gap(RecoveryFinding::Restored, KEPT, 7, 42));
        assert!(gap(RecoveryFinding::Restored, KEPT, 8, 1), "another stream");
        assert!(!gap(RecoveryFinding::Empty, None, 7, 1));
        assert!(gap(RecoveryFinding::Empty, None, 7, 2), "it has forgotten its beginning");
        assert!(gap(RecoveryFinding::Empty, None, 7 + 2 * MADE_TOGETHER, 1), "it was lost too");
        assert!(!gap(RecoveryFinding::Same, KEPT, 8, 1), "the database lacks nothing");
        assert!(!gap(RecoveryFinding::BrokerRestored, KEPT, 8, 1));
        let restored = RecoveryResult { restored_from: Some(1), ..found(RecoveryFinding::Restored) };
        assert!(journal_gap(&restored, KEPT, extent(8, 1), Some(7)).is_none(), "its targets wait anyway");
    }
}
