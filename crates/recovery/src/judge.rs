//! Judges the state that a start finds. These functions are pure.

use bus::{LeftMark, StreamPosition};

use crate::tables::{ConsumerPosition, DatabaseIdentity};

/// The relation of the database at hand to the one that the service last left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryFinding {
    /// There was no database before, or this version is the first that checks.
    Fresh,
    /// The database is the one that the service left.
    Same,
    /// The database knows less than the service left, or is marked as restored: it comes from an older backup.
    Restored,
    /// The database is empty, and the service had one before.
    Empty,
    /// The broker knows less than the service left, or nothing: its store comes from an older backup, or was lost.
    BrokerRestored,
    /// Database and broker belong to different installations.
    Foreign,
}

/// Compares the records of the database with the mark at the broker.
pub(crate) fn judge_finding(
    identity: Option<&DatabaseIdentity>,
    mark: &LeftMark,
    installation: &str,
    positions: &[(StreamPosition, Option<ConsumerPosition>)],
) -> RecoveryFinding {
    let (identity, mark) = match (identity, mark) {
        (None, LeftMark::Nothing) => return RecoveryFinding::Fresh,
        (None, _) => return RecoveryFinding::Empty,
        (Some(identity), _) if identity.installation != installation => return RecoveryFinding::Foreign,
        // Nothing proves that the database was not restored.
        (Some(_), LeftMark::Unreadable { .. }) => return RecoveryFinding::Restored,
        (Some(identity), LeftMark::Nothing) if identity.restored_from.is_some() => {
            return RecoveryFinding::Restored;
        }
        // Another replica starts for the first time, and has not left its mark yet.
        (Some(identity), LeftMark::Nothing) if identity.beat <= 1 => return RecoveryFinding::Same,
        (Some(_), LeftMark::Nothing) => return RecoveryFinding::BrokerRestored,
        (Some(identity), LeftMark::Mark(mark)) => (identity, mark),
    };
    let acknowledged_more = positions.iter().any(|(found, kept)| {
        let kept = kept.as_ref().filter(|kept| kept.made_at == found.made_at);
        // The server moves the floor past purged messages, which no consumer acknowledged.
        let acknowledged = found.ack_floor > before_first(found);
        acknowledged
            && kept.is_some_and(|kept| signed_sequence(found.ack_floor) > kept.floor)
            && found.readers == 0
    });
    match () {
        () if identity.restored_from.is_some() => RecoveryFinding::Restored,
        () if identity.beat < mark.beat => RecoveryFinding::Restored,
        () if identity.clean && acknowledged_more => RecoveryFinding::Restored,
        // One beat may have been kept in the database before a crash without being left at the broker.
        () if identity.beat > mark.beat + 1 => RecoveryFinding::BrokerRestored,
        () => RecoveryFinding::Same,
    }
}

/// The actions that one consumer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerStep {
    /// The sequence at which the consumer begins again.
    pub(crate) rewind_to: Option<u64>,
    /// The range of messages that were stored and are gone before the database contained them.
    pub(crate) lost: Option<(u64, u64)>,
}

/// Returns the actions that the consumer at `found` needs.
pub(crate) fn consumer_step(
    finding: RecoveryFinding,
    found: &StreamPosition,
    kept: Option<&ConsumerPosition>,
) -> ConsumerStep {
    let same_stream = kept.filter(|kept| kept.made_at == found.made_at);
    let floor = match (finding, same_stream) {
        (RecoveryFinding::Fresh, None) => found.ack_floor,
        (RecoveryFinding::Empty | RecoveryFinding::Foreign, _) => 0,
        (_, Some(kept)) => u64::try_from(kept.floor).unwrap_or(0),
        // This is another stream, or positions were never kept: a database of an older version, or of the first
        // seconds of an installation. The database is not known to contain any of the stream.
        (_, None) => 0,
    };
    let is_old =
        matches!(finding, RecoveryFinding::Restored | RecoveryFinding::Empty | RecoveryFinding::Foreign);
    let contained = if is_old || found.readers == 0 { floor } else { floor.max(found.ack_floor) };
    let rewind_to = (found.ack_floor > contained.max(before_first(found))).then_some(contained + 1);
    // Every consumer has taken the messages that the keeper dropped, unless the database is an older one. The
    // consumer's floor proves nothing, because the server moves it past purged messages; it counts only where no
    // other position is known.
    let known = if same_stream.is_some() { floor } else { found.ack_floor };
    let surely = if is_old { contained } else { known.max(found.dropped_through) };
    let lost = (before_first(found) > surely).then(|| (surely + 1, before_first(found)));
    ConsumerStep { rewind_to, lost }
}

/// Returns the newest sequence that the stream does not hold any more.
pub(crate) fn before_first(found: &StreamPosition) -> u64 {
    found.first_sequence.saturating_sub(1)
}

/// Returns whether the stream at `found` is another one than the positions were kept of: it was lost, and created
/// again under its name.
pub(crate) fn is_another_stream(found: &StreamPosition, kept: Option<&ConsumerPosition>) -> bool {
    kept.is_some_and(|kept| kept.made_at != found.made_at)
}

/// Returns a position that says that the database contains everything up to `floor`.
pub(crate) fn consumer_position(at: &StreamPosition, floor: u64) -> ConsumerPosition {
    ConsumerPosition {
        stream: at.stream.clone(),
        durable: at.durable.clone(),
        made_at: at.made_at,
        floor: i64::try_from(floor).unwrap_or(i64::MAX),
    }
}

/// Converts a sequence to its stored form; saturates.
fn signed_sequence(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use bus::ServiceMark;

    use super::*;

    fn found(first: u64, ack_floor: u64, readers: usize) -> StreamPosition {
        StreamPosition {
            stream: "EVENTS".to_owned(),
            durable: "mapper".to_owned(),
            first_sequence: first,
            last_sequence: 100,
            ack_floor,
            lag: 100 - ack_floor,
            readers,
            made_at: 7,
            dropped_through: 0,
            exists: true,
        }
    }

    fn kept(floor: i64) -> ConsumerPosition {
        ConsumerPosition { stream: "EVENTS".to_owned(), durable: "mapper".to_owned(), made_at: 7, floor }
    }

    fn identity(beat: i64, clean: bool) -> DatabaseIdentity {
        DatabaseIdentity { installation: "i".to_owned(), beat, clean, ..DatabaseIdentity::default() }
    }

    fn mark(beat: i64) -> LeftMark {
        LeftMark::Mark(ServiceMark { installation: "i".to_owned(), beat, at: None, notices: Vec::new() })
    }

    #[test]
    fn a_database_that_knows_less_than_was_left_is_restored() {
        let at = [(found(1, 90, 0), Some(kept(90)))];
        let of = |identity: &DatabaseIdentity, beat| judge_finding(Some(identity), &mark(beat), "i", &at);
        assert_eq!(of(&identity(5, false), 5), RecoveryFinding::Same);
        assert_eq!(of(&identity(6, false), 5), RecoveryFinding::Same, "kept, and not left before the crash");
        assert_eq!(of(&identity(4, false), 5), RecoveryFinding::Restored);
        assert_eq!(of(&identity(9, true), 5), RecoveryFinding::BrokerRestored);
        assert_eq!(judge_finding(None, &mark(5), "i", &at), RecoveryFinding::Empty);
        assert_eq!(judge_finding(None, &LeftMark::Nothing, "i", &at), RecoveryFinding::Fresh);
        assert_eq!(
            judge_finding(Some(&identity(5, true)), &LeftMark::Nothing, "i", &at),
            RecoveryFinding::BrokerRestored
        );
        assert_eq!(
            judge_finding(Some(&identity(1, false)), &LeftMark::Nothing, "i", &at),
            RecoveryFinding::Same,
            "another one starts"
        );
        assert_eq!(judge_finding(Some(&identity(5, true)), &mark(5), "j", &at), RecoveryFinding::Foreign);
    }

    #[test]
    fn a_database_whose_mark_cannot_be_read_counts_as_restored() {
        let unreadable = LeftMark::Unreadable { why: "of another version".to_owned() };
        let of = |identity: Option<&DatabaseIdentity>, installation| {
            judge_finding(identity, &unreadable, installation, &[])
        };
        assert_eq!(of(Some(&identity(5, true)), "i"), RecoveryFinding::Restored);
        assert_eq!(of(Some(&identity(1, false)), "i"), RecoveryFinding::Restored);
        assert_eq!(of(Some(&identity(5, true)), "j"), RecoveryFinding::Foreign);
        assert_eq!(of(None, "i"), RecoveryFinding::Empty, "a service was there before");
    }

    #[test]
    fn a_database_of_the_first_seconds_contains_nothing_of_a_stream_for_certain() {
        let first = |finding, readers| consumer_step(finding, &found(1, 2, readers), None).rewind_to;
        assert_eq!(
            first(RecoveryFinding::Same, 0),
            Some(1),
            "a copy of it may lack what was acknowledged after it"
        );
        assert_eq!(first(RecoveryFinding::BrokerRestored, 0), Some(1));
        assert_eq!(first(RecoveryFinding::Restored, 1), Some(1));
        assert_eq!(
            first(RecoveryFinding::Same, 1),
            None,
            "another replica, which keeps its positions, reads"
        );
        assert_eq!(first(RecoveryFinding::Fresh, 0), None, "the first version that looks");
        let lost = consumer_step(RecoveryFinding::Same, &found(3, 2, 0), None).lost;
        assert_eq!(lost, None, "what was acknowledged is not said to be lost");
    }

    #[test]
    fn a_stream_that_was_made_again_is_another_one() {
        assert!(!is_another_stream(&found(1, 0, 1), Some(&kept(90))));
        assert!(!is_another_stream(&found(1, 0, 1), None), "none was known");
        assert!(is_another_stream(&found(1, 0, 1), Some(&ConsumerPosition { made_at: 6, ..kept(90) })));
    }

    #[test]
    fn a_database_that_says_that_it_was_restored_is_restored_although_nothing_contradicts_it() {
        let marked = DatabaseIdentity { restored_from: Some(1), ..identity(5, true) };
        let at = [(found(1, 90, 0), Some(kept(90)))];
        assert_eq!(judge_finding(Some(&marked), &mark(5), "i", &at), RecoveryFinding::Restored);
        assert_eq!(judge_finding(Some(&marked), &LeftMark::Nothing, "i", &at), RecoveryFinding::Restored);
        assert_eq!(judge_finding(Some(&marked), &mark(5), "j", &at), RecoveryFinding::Foreign);
    }

    #[test]
    fn after_an_orderly_end_one_acknowledgement_too_many_shows_it() {
        let at = |readers| [(found(1, 91, readers), Some(kept(90)))];
        let of = |clean, readers| judge_finding(Some(&identity(5, clean)), &mark(5), "i", &at(readers));
        assert_eq!(of(true, 0), RecoveryFinding::Restored);
        assert_eq!(
            of(false, 0),
            RecoveryFinding::Same,
            "a crash: acknowledged after the last time it was kept"
        );
        assert_eq!(of(true, 1), RecoveryFinding::Same, "another replica reads");
        let purged = [(found(92, 91, 0), Some(kept(90)))];
        let finding = judge_finding(Some(&identity(5, true)), &mark(5), "i", &purged);
        assert_eq!(finding, RecoveryFinding::Same, "the server moved the floor past what was purged");
    }

    #[test]
    fn a_consumer_goes_back_to_what_the_database_contains() {
        let step = |finding, found: StreamPosition, kept: Option<ConsumerPosition>| {
            let step = consumer_step(finding, &found, kept.as_ref());
            (step.rewind_to, step.lost)
        };
        assert_eq!(step(RecoveryFinding::Same, found(1, 90, 0), Some(kept(90))), (None, None));
        assert_eq!(step(RecoveryFinding::Same, found(1, 90, 0), Some(kept(80))), (Some(81), None));
        assert_eq!(step(RecoveryFinding::Same, found(1, 90, 2), Some(kept(80))), (None, None), "others read");
        assert_eq!(step(RecoveryFinding::Restored, found(1, 90, 2), Some(kept(80))), (Some(81), None));
        assert_eq!(
            step(RecoveryFinding::Restored, found(86, 90, 0), Some(kept(80))),
            (Some(81), Some((81, 85)))
        );
        let dropped = StreamPosition { dropped_through: 85, ..found(86, 90, 0) };
        assert_eq!(
            step(RecoveryFinding::Same, dropped.clone(), Some(kept(80))),
            (Some(81), None),
            "taken by all"
        );
        assert_eq!(
            step(RecoveryFinding::Restored, dropped, Some(kept(80))),
            (Some(81), Some((81, 85))),
            "before"
        );
        assert_eq!(
            step(RecoveryFinding::Same, found(96, 95, 0), Some(kept(90))),
            (None, Some((91, 95))),
            "purged"
        );
        assert_eq!(
            step(RecoveryFinding::Same, found(96, 99, 2), Some(kept(90))),
            (None, Some((91, 95))),
            "read on"
        );
        assert_eq!(
            step(RecoveryFinding::Same, found(96, 90, 0), Some(kept(90))),
            (None, Some((91, 95))),
            "aged out"
        );
        assert_eq!(step(RecoveryFinding::Empty, found(1, 90, 0), None), (Some(1), None));
        assert_eq!(step(RecoveryFinding::Fresh, found(1, 90, 0), None), (None, None), "the first that looks");
        let other = ConsumerPosition { made_at: 6, ..kept(80) };
        assert_eq!(step(RecoveryFinding::BrokerRestored, found(1, 0, 0), Some(other)), (None, None));
    }
}
