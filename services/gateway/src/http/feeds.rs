//! The upload endpoint of CSV files.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge::{Problem, RequestId, TokenHash};
use lifecycle::{FeedRun, FeedRunId, SourceProblemKind, UNKNOWN_SENDER};
use tracing::Instrument;
use tracing::field::Empty;

use super::{AppState, IDEMPOTENCY_KEY, acceptance_time};
use crate::inbound::csv_feeds::outcome::{file_too_large, note_file};
use crate::inbound::csv_feeds::run::{TakenFeedFile, take_file};
use crate::inbound::csv_feeds::{CsvFeed, FeedReport};
use crate::intake::headers::{read_traceparent, refuse_compressed};
use crate::intake::state::{IntakeState, count_unknown_token, note_proven};
use crate::intake::streamed::ToBroker;
use crate::intake::streamed::pipe::body_pipe;

/// The delay of `Retry-After` while another file of the feed is being taken.
const PAUSE_FOR_TURN: Duration = Duration::from_secs(5);
/// The header with the SHA-256 of the file in hexadecimal digits.
const CHECKSUM: &str = "x-checksum-sha256";
/// The maximum length of an `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 512;
/// The accepted media types. A file without a content type is accepted.
const MEDIA_TYPES: [&str; 6] = [
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/csv",
    "application/vnd.ms-excel",
    "application/octet-stream",
];

/// Upload a CSV file
///
/// Accepts a CSV file for the feed of this name. The file is processed while it arrives and answered once every good row is
/// durably stored. Wrong rows are listed and do not affect the others. Sending a file again with the same `Idempotency-Key` header
/// is safe even if the first attempt failed; without that header each upload is a new run of the feed. For a full feed, a person who
/// was listed before and is missing counts as departed once all rows are merged, and only if the file passes the feed's guard.
#[utoipa::path(
    post, path = "/v1/feeds/csv/{name}", operation_id = "postCsv", tag = "ingest", security(("bearer" = [])),
    params(
        ("name" = String, Path, description = "The feed's name in the configuration."),
        ("Idempotency-Key" = Option<String>, Header, description = "A key that identifies the upload when it is repeated."),
        ("X-Checksum-SHA256" = Option<String>, Header, description = "The SHA-256 of the file in hexadecimal digits. `Digest` and `Content-Digest` are accepted too."),
    ),
    request_body(content((String = "text/csv"))),
    responses(
        (status = 202, body = FeedReport, description = "Every good row is durably stored."),
        (status = 400, body = edge::Problem, content_type = "application/problem+json", description = "The body broke off, or is not a CSV file that this feed can read. Events that were stored are recognised when the file is sent again with the same key."),
        (status = 401, body = edge::Problem, content_type = "application/problem+json", description = "The token is missing, or is not valid for a feed of this name."),
        (status = 408, body = edge::Problem, content_type = "application/problem+json", description = "The body did not arrive in time."),
        (status = 413, body = edge::Problem, content_type = "application/problem+json", description = "The file is too large."),
        (status = 415, body = edge::Problem, content_type = "application/problem+json", description = "The media type is not CSV, or the body is compressed."),
        (status = 422, body = edge::Problem, content_type = "application/problem+json", description = "A header is invalid."),
        (status = 429, body = edge::Problem, content_type = "application/problem+json", description = "Another file of this feed is being taken."),
        (status = 503, body = edge::Problem, content_type = "application/problem+json", description = "Some rows are not known to be stored. Send the file again with the same `Idempotency-Key` after `Retry-After`."),
    )
)]
pub(super) async fn post_csv(
    State(state): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let intake = Arc::clone(&state.intake);
    let origin = intake.origin(&parts);
    let token = edge::bearer_token(&parts.headers).inspect_err(|_| {
        count_unknown_token();
        intake.guard.note_wrong(None, None, Instant::now());
        intake.note_unproven(UNKNOWN_SENDER, "a file without a token");
    })?;
    let credential = TokenHash::of(token);
    intake.guard.admit(origin, Some(credential), Instant::now())?;
    // The feed's name is looked up with its token, so that a wrong token does not reveal whether a feed of this name exists.
    let feed = state.feeds.get(&name).filter(|feed| feed.tokens.current().find(token).is_some());
    let Some(feed) = feed else {
        count_unknown_token();
        let named = state.feeds.get(&name).map_or(UNKNOWN_SENDER, |feed| feed.source.as_str());
        let delay = intake.guard.note_wrong(origin, Some(named), Instant::now());
        intake.guard.delay_answer(delay).await;
        intake.note_unproven(named, "a file with another token than that of the feed");
        return Err(Problem::unauthorised(edge::UNKNOWN_TOKEN));
    };
    intake
        .admit_to(&feed.access, &feed.source, &parts)
        .inspect_err(|_| intake.note_stranger(&feed.source))?;
    intake.guard.note_right(origin, credential, Instant::now());
    note_proven(&parts.extensions);
    intake.problems.end_known(&feed.source, SourceProblemKind::RefusedCredentials);
    let span =
        tracing::info_span!("ingest", door = "csv", request_id = %id, source = feed.source, trace_id = Empty);
    let trace = telemetry::in_trace(&span, read_traceparent(&parts.headers));
    let feed = Arc::clone(feed);
    let upload = async move {
        let taken = upload_csv(&intake, &feed, &parts.headers, body, trace).await;
        note_file(&intake, &feed, &taken);
        taken
    };
    // The upload runs in its own task, so that a caller who disconnects does not leave a file half taken.
    let taken = tokio::spawn(upload.instrument(span)).await.map_err(|_| Problem::internal())?;
    taken.map(|report| (StatusCode::ACCEPTED, Json(report)).into_response())
}

/// Streams a CSV file from the connection to the broker.
async fn upload_csv(
    intake: &Arc<IntakeState>,
    feed: &Arc<CsvFeed>,
    headers: &HeaderMap,
    body: Body,
    trace: lifecycle::TraceContext,
) -> Result<FeedReport, Problem> {
    check_upload(feed, headers)?;
    let sha256 = expected_checksum(headers)?;
    let run = feed_run(feed, headers)?;
    let _room = intake.room_for_all()?;
    let _turn = Arc::clone(&feed.turn).try_lock_owned().map_err(|_| {
        let detail = "another file of this feed is being taken";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "feed_busy", detail).retry_after(PAUSE_FOR_TURN)
    })?;
    let (inlet, outlet) = body_pipe();
    let accepted_at = run.begun_at;
    let bytes = Box::new(outlet) as Box<dyn Read + Send>;
    let file = TakenFeedFile { feed: Arc::clone(feed), run, bytes, sha256, named_by: None };
    let mut sink = ToBroker { intake: Arc::clone(intake), trace };
    let too_large = || file_too_large(feed.file_bytes_max);
    let pour = inlet.pour(body, feed.file_bytes_max, intake.body_time_max, too_large);
    let taking = take_file(file, intake.limits, accepted_at, &mut sink);
    tokio::pin!(pour, taking);
    tokio::select! {
        taken = &mut taking => taken,
        poured = &mut pour => match (poured, taking.await) {
            (Ok(()), taken) => taken,
            // Report the cause of the interruption rather than the interruption, unless there was a worse error first.
            (Err(why), Err(problem)) if problem.code() == "body_broken" => Err(why),
            (Err(_), taken) => taken,
        },
    }
}

/// Checks the content type and the announced length of an upload.
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

/// Returns the feed run of an upload. With an `Idempotency-Key`, a repeated upload is the same run.
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

/// Returns the expected SHA-256 of the file in hexadecimal digits, if a header has it.
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
            return Ok(Some(hex::encode(bytes.ok_or_else(wrong)?)));
        }
    }
    Ok(None)
}

/// Returns the 422 problem for an invalid header.
fn wrong_header(name: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "a header is wrong")
        .with_error(format!("header:{name}"), detail)
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
