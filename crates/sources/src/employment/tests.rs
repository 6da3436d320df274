use super::*;
use EmploymentStatus::{Active, Ended, OnLeave, PreHire};
use EventKind::{WorkerChanged, WorkerJoined, WorkerLeft, WorkerRehired};
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-06-15 12:00 UTC);
const PAST: OffsetDateTime = datetime!(2020-02-01 0:00 UTC);
const OLD: OffsetDateTime = datetime!(2019-01-01 0:00 UTC);
const AHEAD: OffsetDateTime = datetime!(2026-07-01 0:00 UTC);
const LATER: OffsetDateTime = datetime!(2026-12-01 0:00 UTC);

const HERE: EmploymentClaim =
    EmploymentClaim { kind: WorkerJoined, effective_at: None, dated: StatementDating::Observed };
const STAYS: EmploymentClaim =
    EmploymentClaim { kind: WorkerRehired, effective_at: None, dated: StatementDating::Observed };
const INACTIVE: EmploymentClaim =
    EmploymentClaim { kind: WorkerLeft, effective_at: None, dated: StatementDating::Observed };
const ARRIVED: EmploymentClaim =
    EmploymentClaim { kind: WorkerJoined, effective_at: None, dated: StatementDating::Implied };
const BACK: EmploymentClaim =
    EmploymentClaim { kind: WorkerRehired, effective_at: None, dated: StatementDating::Implied };

fn joins(at: OffsetDateTime) -> EmploymentClaim {
    EmploymentClaim::explicit(WorkerJoined, at)
}

fn leaves(at: OffsetDateTime) -> EmploymentClaim {
    EmploymentClaim::explicit(WorkerLeft, at)
}

#[test]
fn a_record_makes_every_statement_that_it_contains() {
    use RecordDay::{At, NoDate, NotSaid, Unreadable};
    let (active, ended) = (StatusReading::Status(Active), StatusReading::Status(Ended));
    let (leave, pre_hire) = (StatusReading::Status(OnLeave), StatusReading::Status(PreHire));
    let (silent, strange) = (StatusReading::NotSaid, StatusReading::Unreadable);
    type Row = (StatusReading, RecordDay, RecordDay, Option<EventKind>, Vec<EmploymentClaim>);
    let table: Vec<Row> = vec![
        // A fixed-term contract, current and future.
        (active, At(PAST), At(AHEAD), None, vec![joins(PAST), leaves(AHEAD), HERE]),
        (silent, At(AHEAD), At(LATER), None, vec![joins(AHEAD), leaves(LATER)]),
        (active, At(AHEAD), At(LATER), None, vec![joins(AHEAD), leaves(LATER)]),
        (silent, At(PAST), At(AHEAD), None, vec![joins(PAST), leaves(AHEAD)]),
        // The status alone, or with absent days.
        (active, NotSaid, NotSaid, None, vec![HERE]),
        (active, At(PAST), NotSaid, None, vec![joins(PAST), HERE]),
        (active, At(PAST), NoDate, None, vec![joins(PAST), STAYS]),
        (leave, At(PAST), NoDate, None, vec![joins(PAST), STAYS]),
        (silent, At(PAST), NoDate, None, vec![joins(PAST), STAYS]),
        (silent, At(PAST), NotSaid, Some(WorkerChanged), vec![joins(PAST)]),
        (silent, NotSaid, NoDate, None, vec![]),
        // No longer employed, regardless of the days.
        (ended, At(PAST), At(AHEAD), None, vec![leaves(AHEAD), INACTIVE]),
        (ended, At(OLD), At(PAST), None, vec![leaves(PAST), INACTIVE]),
        (ended, At(PAST), NoDate, None, vec![INACTIVE]),
        (ended, NotSaid, NotSaid, None, vec![INACTIVE]),
        (silent, At(OLD), At(PAST), None, vec![leaves(PAST)]),
        // A future hire is kept beside an inactive status.
        (ended, At(AHEAD), NoDate, None, vec![joins(AHEAD), INACTIVE]),
        // Not yet employed.
        (pre_hire, At(AHEAD), NoDate, None, vec![joins(AHEAD)]),
        (pre_hire, At(PAST), NoDate, None, vec![]),
        // A record that contradicts itself makes both statements.
        (active, At(OLD), At(PAST), None, vec![leaves(PAST), HERE]),
        // The last day of an earlier employment does not end this one.
        (active, At(PAST), At(OLD), None, vec![joins(PAST), STAYS]),
        (silent, At(OLD), At(PAST), Some(WorkerRehired), vec![joins(OLD), BACK]),
        (active, At(OLD), At(PAST), Some(WorkerRehired), vec![joins(OLD), BACK]),
        (silent, At(AHEAD), At(PAST), Some(WorkerRehired), vec![joins(AHEAD)]),
        (ended, At(OLD), At(PAST), Some(WorkerRehired), vec![leaves(PAST), INACTIVE]),
        // An unreadable value does not suppress the others.
        (active, At(PAST), Unreadable, None, vec![joins(PAST), HERE]),
        (active, Unreadable, At(AHEAD), None, vec![leaves(AHEAD), HERE]),
        (ended, At(PAST), Unreadable, None, vec![INACTIVE]),
        (ended, Unreadable, At(PAST), None, vec![leaves(PAST), INACTIVE]),
        (strange, At(PAST), NoDate, None, vec![joins(PAST)]),
        (strange, At(OLD), At(PAST), None, vec![leaves(PAST)]),
        (strange, NotSaid, NotSaid, None, vec![]),
        // The hint of the notice counts if the record makes no statement.
        (silent, NotSaid, NotSaid, Some(WorkerJoined), vec![ARRIVED]),
        (silent, NotSaid, NotSaid, Some(WorkerRehired), vec![BACK]),
        (silent, NotSaid, NotSaid, Some(WorkerLeft), vec![]),
        (active, NotSaid, NotSaid, Some(WorkerJoined), vec![HERE]),
    ];
    for (index, (status, starts, ends, hint, expected)) in table.into_iter().enumerate() {
        assert_eq!(RecordEmployment { status, starts, ends }.statements(hint, NOW), expected, "row {index}");
    }
}

#[test]
fn a_row_that_cannot_be_read_does_not_pass_for_one_of_an_employee() {
    use RecordDay::{At, NoDate, NotSaid, Unreadable};
    let (active, silent) = (StatusReading::Status(Active), StatusReading::NotSaid);
    for (status, starts, ends, expected) in [
        (active, NotSaid, Unreadable, RowPresence::Said),
        (silent, NotSaid, NotSaid, RowPresence::Listed),
        (silent, At(PAST), NoDate, RowPresence::Listed),
        (silent, At(PAST), At(AHEAD), RowPresence::Listed),
        (silent, At(OLD), At(PAST), RowPresence::Said),
        (silent, At(AHEAD), NoDate, RowPresence::Said),
        (silent, At(PAST), Unreadable, RowPresence::Unreadable),
        (StatusReading::Unreadable, At(PAST), NoDate, RowPresence::Unreadable),
    ] {
        assert_eq!(
            RecordEmployment { status, starts, ends }.shown_presence(NOW),
            expected,
            "{status:?} {ends:?}"
        );
    }
}
