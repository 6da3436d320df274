//! Uploads of files.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge::{Problem, RequestId};
use lifecycle::{FeedRun, FeedRunId, SourceProblemKind, UNKNOWN_SENDER};
use tracing::Instrument;
use tracing::field::Empty;

use super::{AppState, IDEMPOTENCY_KEY, acceptance_time};
use crate::cloudevents::refuse_compressed;
use crate::csv_feeds::run::{TakenFeedFile, take_file};
use crate::csv_feeds::{CsvFeed, FeedReport};
use crate::streamed::ToBroker;
use crate::streamed::pipe::body_pipe;

/// What a caller is told to wait while another file of the feed is taken.
const PAUSE_FOR_TURN: Duration = Duration::from_secs(5);
/// The checksum of the file as hexadecimal digits.
const CHECKSUM: &str = "x-checksum-sha256";
/// Longest `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 512;
/// What a file may call itself; whoever leaves it out is believed.
const MEDIA_TYPES: [&str; 6] = [
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/csv",
    "application/vnd.ms-excel",
    "application/octet-stream",
];

/// Take a CSV file
///
/// As the feed of this name is configured. The file is read while it comes, and answered once every good row is durably
/// stored; wrong rows are listed and stop nobody else. Sending a file again with the same `Idempotency-Key` header is safe
/// whatever became of it the first time; without that header every upload says something new. Of a full feed, who was
/// listed before and is not any more has left, as soon as everything is merged and only if the file can be believed.
#[utoipa::path(
    post, path = "/v1/feeds/csv/{name}", operation_id = "postCsv", tag = "ingest", security(("bearer" = [])),
    params(
        ("name" = String, Path, description = "The feed's name in the configuration."),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the upload."),
        ("X-Checksum-SHA256" = Option<String>, Header, description = "The hash of the file as hexadecimal digits; `Digest` and `Content-Digest` are understood as well."),
    ),
    request_body(content((String = "text/csv"))),
    responses(
        (status = 202, body = FeedReport, description = "Every good row is durably stored."),
        (status = 400, body = edge::Problem, content_type = "application/problem+json", description = "The body broke off, or is no CSV that this feed can read; what was stored is recognised when it is sent again with the same key."),
        (status = 401, body = edge::Problem, content_type = "application/problem+json", description = "The token is missing, or opens no feed of this name."),
        (status = 408, body = edge::Problem, content_type = "application/problem+json", description = "The body stopped coming."),
        (status = 413, body = edge::Problem, content_type = "application/problem+json", description = "The file is too long."),
        (status = 415, body = edge::Problem, content_type = "application/problem+json", description = "Not a media type of CSV, or compressed."),
        (status = 422, body = edge::Problem, content_type = "application/problem+json", description = "A header is wrong."),
        (status = 429, body = edge::Problem, content_type = "application/problem+json", description = "Another file of this feed is being taken."),
        (status = 503, body = edge::Problem, content_type = "application/problem+json", description = "Not everything is known to be stored: send it again with the same `Idempotency-Key` after `Retry-After`."),
    )
)]
pub(super) async fn post_csv(
    State(gate): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let token = edge::bearer_token(&parts.headers).inspect_err(|_| {
        super::unknown_token();
        gate.note_unproven(UNKNOWN_SENDER, "a file without a token");
    })?;
    // Only whoever knows its token learns that there is a feed of this name.
    let feed = gate.feeds.get(&name).filter(|feed| feed.tokens.find(token).is_some());
    let Some(feed) = feed else {
        super::unknown_token();
        let named = gate.feeds.get(&name).map_or(UNKNOWN_SENDER, |feed| feed.source.as_str());
        gate.note_unproven(named, "a file with a token that is not that of the feed");
        return Err(Problem::unauthorised(edge::UNKNOWN_TOKEN));
    };
    gate.admit_to(&feed.access, &feed.source, &parts).inspect_err(|_| gate.note_stranger(&feed.source))?;
    gate.problems.end_known(&feed.source, SourceProblemKind::RefusedCredentials);
    let span =
        tracing::info_span!("ingest", door = "csv", request_id = %id, source = feed.source, trace_id = Empty);
    let trace = telemetry::in_trace(&span, super::read_traceparent(&parts.headers));
    let feed = Arc::clone(feed);
    let upload = async move {
        let taken = upload_csv(&gate, &feed, &parts.headers, body, trace).await;
        note_upload(&gate, &feed, &taken);
        taken
    };
    // Apart from the request, so that a caller who goes away does not leave a file half taken.
    let taken = tokio::spawn(upload.instrument(span)).await.map_err(|_| Problem::internal())?;
    taken.map(|report| (StatusCode::ACCEPTED, Json(report)).into_response())
}

async fn upload_csv(
    gate: &Arc<AppState>,
    feed: &Arc<CsvFeed>,
    headers: &HeaderMap,
    body: Body,
    trace: lifecycle::TraceContext,
) -> Result<FeedReport, Problem> {
    check_upload(feed, headers)?;
    let sha256 = expected_checksum(headers)?;
    let run = feed_run(feed, headers)?;
    let _room = gate.room_for_all()?;
    let _turn = Arc::clone(&feed.turn).try_lock_owned().map_err(|_| {
        let detail = "another file of this feed is being taken";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "feed_busy", detail).retry_after(PAUSE_FOR_TURN)
    })?;
    let (inlet, outlet) = body_pipe();
    let accepted_at = run.begun_at;
    let bytes = Box::new(outlet) as Box<dyn Read + Send>;
    let file = TakenFeedFile { feed: Arc::clone(feed), run, bytes, sha256, named_by: None };
    let mut sink = ToBroker { gate: Arc::clone(gate), trace };
    let too_large = || file_too_large(feed.file_bytes_max);
    let pour = inlet.pour(body, feed.file_bytes_max, gate.body_time_max, too_large);
    let taking = take_file(file, gate.limits, accepted_at, &mut sink);
    tokio::pin!(pour, taking);
    tokio::select! {
        taken = &mut taking => taken,
        poured = &mut pour => match (poured, taking.await) {
            (Ok(()), taken) => taken,
            // Why the bytes stopped, not that they did; unless something worse came first.
            (Err(why), Err(problem)) if problem.code() == "body_broken" => Err(why),
            (Err(_), taken) => taken,
        },
    }
}

fn check_upload(feed: &CsvFeed, headers: &HeaderMap) -> Result<(), Problem> {
    const FIX: &str = "send the file as it is with the header Content-Type: text/csv";
    refuse_compressed(headers)?;
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    let known = |text: &str| MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(text));
    if media_type.is_some_and(|text| !known(text)) {
        return Err(Problem::unsupported_media_type(FIX));
    }
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(bytes) if bytes > feed.file_bytes_max => Err(file_too_large(feed.file_bytes_max)),
        _ => Ok(()),
    }
}

/// 413.
pub(crate) fn file_too_large(bytes_max: u64) -> Problem {
    Problem::too_large(format!("a file of this feed may have at most {bytes_max} bytes"))
}

fn feed_run(feed: &CsvFeed, headers: &HeaderMap) -> Result<FeedRun, Problem> {
    let run = match headers.get(IDEMPOTENCY_KEY) {
        None => FeedRunId::fresh(),
        Some(key) => match key.to_str() {
            Ok(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => {
                FeedRunId::of(&feed.source, &format!("key:{key}"))
            }
            _ => {
                return Err(wrong_header(
                    IDEMPOTENCY_KEY,
                    format!("must be 1 to {KEY_BYTES_MAX} ASCII characters"),
                ));
            }
        },
    };
    Ok(FeedRun { feed: feed.name.clone(), run, begun_at: acceptance_time(), absent: false })
}

/// The hash that the file should have, in hexadecimal digits.
fn expected_checksum(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if let Some(value) = headers.get(CHECKSUM) {
        let text = value.to_str().unwrap_or_default().trim();
        let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let wrong = || wrong_header(CHECKSUM, "must be the 64 hexadecimal digits of a SHA-256");
        return is_hash.then(|| text.to_ascii_lowercase()).map(Some).ok_or_else(wrong);
    }
    for name in ["content-digest", "digest"] {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let hashes = values.flat_map(|value| value.split(',')).filter_map(|one| one.trim().split_once('='));
        for (algorithm, hash) in hashes {
            if !algorithm.eq_ignore_ascii_case("sha-256") {
                continue;
            }
            let bytes = STANDARD.decode(hash.trim_matches(':')).ok().filter(|bytes| bytes.len() == 32);
            let wrong = || wrong_header(name, "must have a SHA-256 in base64 after `sha-256=`");
            return Ok(Some(bytes.ok_or_else(wrong)?.iter().map(|byte| format!("{byte:02x}")).collect()));
        }
    }
    Ok(None)
}

fn wrong_header(name: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "a header is wrong")
        .with_error(format!("header:{name}"), detail)
}

/// Metrics and the one log line of a file.
pub(crate) fn note_upload(gate: &AppState, feed: &CsvFeed, taken: &Result<FeedReport, Problem>) {
    match taken {
        Ok(report) => {
            telemetry::metrics::events_accepted(&feed.source, "accepted", report.events - report.duplicates);
            telemetry::metrics::events_accepted(&feed.source, "duplicate", report.duplicates);
            let FeedReport { run, rows, bad_rows, people, complete, .. } = report;
            tracing::info!(%run, rows, bad_rows, people, complete, "file taken");
            gate.problems.end(&feed.source, SourceProblemKind::RefusedFile);
            match fault(report) {
                Some(fault) => {
                    let count = report.bad_rows.max(1);
                    gate.problems.note(&feed.source, SourceProblemKind::BadRows, count, &fault);
                }
                None => gate.problems.end(&feed.source, SourceProblemKind::BadRows),
            }
        }
        Err(problem) => {
            let status = problem.status().as_u16();
            tracing::warn!(code = problem.code(), status, source = feed.source, "file not taken");
            // What is ours or passes by itself is sent again; anything else is a file whose rows count for nothing.
            if (400..500).contains(&status) && status != 429 {
                let detail = format!("{status} {}", problem.code());
                gate.problems.note(&feed.source, SourceProblemKind::RefusedFile, 1, &detail);
            }
        }
    }
}

/// What is wrong with the rows of a file, without anything that stood in them.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &str) -> Result<Option<String>, u16> {
        let name = header::HeaderName::from_static(name);
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        expected_checksum(&headers).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_checksum_is_read_in_each_of_the_usual_ways() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let expected = Ok(Some(hex.to_owned()));
        assert_eq!(of("x-checksum-sha256", &hex.to_uppercase()), expected);
        assert_eq!(of("digest", &format!("md5=abc, SHA-256={base64}")), expected);
        assert_eq!(of("content-digest", &format!("sha-256=:{base64}:")), expected);
        assert_eq!(of("x-checksum-sha256", "abc"), Err(422));
        assert_eq!(of("digest", "sha-256=abc"), Err(422));
        assert_eq!(of("digest", "md5=abc"), Ok(None));
    }
}
