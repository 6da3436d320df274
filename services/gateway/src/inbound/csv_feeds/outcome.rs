//! Reports the outcome of a file: metrics, the problems of its source, and one log line.

use edge::Problem;
use lifecycle::SourceProblemKind;

use super::{CsvFeed, FeedReport};
use crate::intake::state::IntakeState;

/// Returns the 413 problem for a file that is too long.
pub(crate) fn file_too_large(bytes_max: u64) -> Problem {
    Problem::too_large(format!("a file of this feed may have at most {bytes_max} bytes"))
}

/// Records the metrics and writes the single log line of a file.
pub(crate) fn note_file(intake: &IntakeState, feed: &CsvFeed, taken: &Result<FeedReport, Problem>) {
    match taken {
        Ok(report) => {
            telemetry::metrics::events_accepted(&feed.source, "accepted", report.events - report.duplicates);
            telemetry::metrics::events_accepted(&feed.source, "duplicate", report.duplicates);
            let FeedReport { run, rows, bad_rows, people, complete, .. } = report;
            tracing::info!(%run, rows, bad_rows, people, complete, "file taken");
            intake.problems.end(&feed.source, SourceProblemKind::RefusedFile);
            match fault(report) {
                Some(fault) => {
                    let count = report.bad_rows.max(1);
                    intake.problems.note(&feed.source, SourceProblemKind::BadRows, count, &fault);
                }
                None => intake.problems.end(&feed.source, SourceProblemKind::BadRows),
            }
        }
        Err(problem) => {
            let status = problem.status().as_u16();
            tracing::warn!(code = problem.code(), status, source = feed.source, "file not taken");
            // The sender repeats a request after our own or a temporary failure.
            // Any other status means that none of the file's rows count.
            if (400..500).contains(&status) && status != 429 {
                let detail = format!("{status} {}", problem.code());
                intake.problems.note(&feed.source, SourceProblemKind::RefusedFile, 1, &detail);
            }
        }
    }
}

/// Returns the fault in the rows of a file, without the content of any cell.
fn fault(report: &FeedReport) -> Option<String> {
    match report.errors.first() {
        Some(fault) => {
            let column = fault.column.as_ref().map(|name| format!(", column {name}")).unwrap_or_default();
            Some(format!("{}: line {}{column}: {}", report.run, fault.line, fault.what))
        }
        None if !report.complete => Some(format!("{}: the file is not complete", report.run)),
        None => None,
    }
}
