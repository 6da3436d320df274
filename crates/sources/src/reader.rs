//! A compiled adapter that reads requests.

use readings::DateReader;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::adapter::{AdapterKind, EndDate};
use crate::draft::NoticeDraft;
use crate::employment::EmploymentRules;
use crate::error::{ErrorKind, ReadError};
use crate::mapping::{MappedAttributes, RecordMapping};
use crate::meaning::{EventMeaning, SourceWords};
use crate::node::{JsonNode, check_id, check_text};
use crate::notice::{NoticeAnswer, SourceNotice};
use crate::request::NoticeRequest;
use crate::vendor::VendorFormat;
use crate::{body, vendor};

/// The maximum length of the name of a host in a CloudEvents handshake.
const ORIGIN_CHARS_MAX: usize = 253;
/// The maximum number of characters of an unknown type that are shown.
const SHOWN_CHARS_MAX: usize = 64;

/// The configured places of values, for the kinds that support this.
#[derive(Debug, Clone, Default)]
pub(crate) struct AdapterPointers {
    pub(crate) events: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) effective_at: Option<String>,
    pub(crate) members: Option<String>,
}

/// A checked and compiled adapter. Cheap to share. The same request always gives the same result.
#[derive(Debug, Clone)]
pub struct NoticeReader {
    pub(crate) kind: AdapterKind,
    pub(crate) dates: DateReader,
    pub(crate) end_date: EndDate,
    pub(crate) mapping: RecordMapping,
    pub(crate) employment: EmploymentRules,
    pub(crate) words: SourceWords,
    pub(crate) notices_max: usize,
    pub(crate) pointers: AdapterPointers,
    pub(crate) format: VendorFormat,
}

/// The context of reading one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadContext<'a> {
    pub(crate) reader: &'a NoticeReader,
    pub(crate) request: &'a NoticeRequest<'a>,
    pub(crate) now: OffsetDateTime,
}

impl NoticeReader {
    /// Returns the kind of the sender.
    pub fn kind(&self) -> AdapterKind {
        self.kind
    }

    /// Reads a request. The caller has already authenticated it.
    ///
    /// # Errors
    /// Returns an error if the request cannot be read. In that case nothing of it counts.
    pub fn read(&self, request: &NoticeRequest<'_>, now: OffsetDateTime) -> Result<NoticeAnswer, ReadError> {
        if let Some(answer) = self.handshake(request)? {
            return Ok(answer);
        }
        let cx = ReadContext { reader: self, request, now };
        if let Some(answer) = vendor::answer_ping(self.kind, request.body) {
            return Ok(answer);
        }
        let body = body::read_body(request, self.format.forms)?;
        if let Some(answer) = vendor::answer_greeting(self.kind, &body) {
            return Ok(answer);
        }
        (self.format.notices)(cx, &JsonNode::root(&body)).map(NoticeAnswer::Notices)
    }

    /// Returns the attributes of the record of the person `key`, by the mapping of this adapter; for a fetched record.
    pub fn attributes(&self, record: &Value, key: &str, now: OffsetDateTime) -> MappedAttributes {
        self.mapping.apply(record, key, now)
    }

    fn handshake(&self, request: &NoticeRequest<'_>) -> Result<Option<NoticeAnswer>, ReadError> {
        let challenge = request.header("x-okta-verification-challenge");
        match request.method {
            "POST" => Ok(None),
            "GET" if self.kind == AdapterKind::Okta && challenge.is_some() => {
                let challenge = challenge.unwrap_or_default();
                check_text("header:x-okta-verification-challenge", "the challenge", challenge)?;
                let body = Some(json!({ "verification": challenge }));
                Ok(Some(NoticeAnswer::Handshake { status: 200, headers: Vec::new(), body }))
            }
            "OPTIONS" => answer_options(request).map(Some),
            _ => Err(wrong_method()),
        }
    }
}

fn wrong_method() -> ReadError {
    ReadError::new(ErrorKind::Method, "", "this method is not accepted", "send notices with POST")
}

/// Answers the handshake of CloudEvents' webhooks, which is the same for every adapter.
///
/// # Errors
/// Returns an error if the OPTIONS request is not such a handshake.
pub fn answer_options(request: &NoticeRequest<'_>) -> Result<NoticeAnswer, ReadError> {
    let origin = request.header("webhook-request-origin").ok_or_else(wrong_method)?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '*');
    if origin.len() > ORIGIN_CHARS_MAX || !origin.chars().all(is_host) {
        let fix = "send the name of the sending system, such as events.example.com";
        return Err(ReadError::invalid(
            "header:webhook-request-origin",
            "this is not the name of a host",
            fix,
        ));
    }
    let mut headers = vec![
        ("allow".to_owned(), "POST".to_owned()),
        ("webhook-allowed-origin".to_owned(), origin.to_owned()),
    ];
    let rate = request.header("webhook-request-rate");
    if let Some(rate) = rate.filter(|rate| rate.parse::<u32>().is_ok_and(|rate| rate > 0)) {
        headers.push(("webhook-allowed-rate".to_owned(), rate.to_owned()));
    }
    Ok(NoticeAnswer::Handshake { status: 200, headers, body: None })
}

impl ReadContext<'_> {
    /// Returns the notices of one event, whose type is at `word`. Calls `draft` only if the type has a meaning.
    pub(crate) fn notices<'a>(
        &self,
        word: &JsonNode<'_>,
        draft: impl FnOnce(EventMeaning) -> Result<NoticeDraft<'a>, ReadError>,
    ) -> Result<Vec<SourceNotice>, ReadError> {
        match self.meaning(word)? {
            Ok(meaning) => Ok(draft(meaning)?.notices(self.reader, self.now)),
            Err(ignored) => Ok(vec![ignored]),
        }
    }

    /// Returns the meaning of the event type at `node`, or a notice with the reason if it has none.
    pub(crate) fn meaning(
        &self,
        node: &JsonNode<'_>,
    ) -> Result<Result<EventMeaning, SourceNotice>, ReadError> {
        let word = node.word()?;
        let ignored = |why| Ok(Err(SourceNotice::Ignored { why }));
        match self.reader.words.meaning(&word) {
            Some(EventMeaning::Nothing(why)) => ignored(format!("event type `{}`: {why}", show_word(&word))),
            Some(meaning) => Ok(Ok(meaning)),
            None => Ok(Err(SourceNotice::UnknownType { name: show_word(&word) })),
        }
    }

    /// Returns the time at `node`, else that of the header (in seconds or as text), else now.
    pub(crate) fn at(&self, node: &JsonNode<'_>, header: Option<&str>) -> Result<OffsetDateTime, ReadError> {
        let dates = &self.reader.dates;
        let in_body = node.when(dates)?;
        let in_header = || dates.parse(self.request.header(header?)?).at();
        let when = in_body.or_else(in_header);
        Ok(when.and_then(|when| dates.begin(when)).unwrap_or(self.now))
    }

    /// Returns the id of the notice from a header.
    pub(crate) fn id_in_header(&self, name: &str) -> Result<Option<String>, ReadError> {
        let Some(id) = self.request.header(name) else { return Ok(None) };
        check_id(&format!("header:{name}"), id)?;
        Ok(Some(id.to_owned()))
    }
}

/// Returns the beginning of an untrusted word, for a log line.
fn show_word(word: &str) -> String {
    let mut shown: String = word.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    shown
}
