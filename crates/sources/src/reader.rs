//! A compiled adapter: reads requests.

use readings::DateReader;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::adapter::{EndDate, Kind};
use crate::draft::Draft;
use crate::employment::EmploymentRules;
use crate::error::{Error, ErrorKind};
use crate::mapping::{Mapped, Mapping};
use crate::meaning::{Meaning, Words};
use crate::node::{Node, check, check_id};
use crate::notice::{Answer, Notice};
use crate::request::Request;
use crate::vendor::Format;
use crate::{body, vendor};

/// Longest name of a host in a CloudEvents handshake.
const ORIGIN_CHARS_MAX: usize = 253;
/// Characters of an unknown type that are shown.
const SHOWN_CHARS_MAX: usize = 64;

/// Where things stand, for the kinds that let an adapter say so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pointers {
    pub(crate) events: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) effective_at: Option<String>,
    pub(crate) members: Option<String>,
}

/// An adapter that was checked and prepared. Cheap to share, and the same request always gives the same answer.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(crate) kind: Kind,
    pub(crate) dates: DateReader,
    pub(crate) end_date: EndDate,
    pub(crate) mapping: Mapping,
    pub(crate) employment: EmploymentRules,
    pub(crate) words: Words,
    pub(crate) notices_max: usize,
    pub(crate) pointers: Pointers,
    pub(crate) format: Format,
}

/// What the reading of one body depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) request: &'a Request<'a>,
    pub(crate) now: OffsetDateTime,
}

impl Reader {
    /// Who sends.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What a request says. Whether it may say it, the caller has checked.
    ///
    /// # Errors
    /// When the request cannot be read: nothing of it counts then.
    pub fn read(&self, request: &Request<'_>, now: OffsetDateTime) -> Result<Answer, Error> {
        if let Some(answer) = self.handshake(request)? {
            return Ok(answer);
        }
        let cx = Context { reader: self, request, now };
        if let Some(answer) = vendor::ping(self.kind, request.body) {
            return Ok(answer);
        }
        let body = body::read(request, self.format.forms)?;
        if let Some(answer) = vendor::greeting(self.kind, &body) {
            return Ok(answer);
        }
        (self.format.notices)(cx, &Node::root(&body)).map(Answer::Notices)
    }

    /// What the record of the person `key` says, with the attributes of this adapter: for a record that was fetched.
    pub fn attributes(&self, record: &Value, key: &str, now: OffsetDateTime) -> Mapped {
        self.mapping.apply(record, key, now)
    }

    fn handshake(&self, request: &Request<'_>) -> Result<Option<Answer>, Error> {
        let challenge = request.header("x-okta-verification-challenge");
        match request.method {
            "POST" => Ok(None),
            "GET" if self.kind == Kind::Okta && challenge.is_some() => {
                let challenge = challenge.unwrap_or_default();
                check("header:x-okta-verification-challenge", "the challenge", challenge)?;
                let body = Some(json!({ "verification": challenge }));
                Ok(Some(Answer::Handshake { status: 200, headers: Vec::new(), body }))
            }
            "OPTIONS" => options(request).map(Some),
            _ => Err(wrong_method()),
        }
    }
}

fn wrong_method() -> Error {
    Error::new(ErrorKind::Method, "", "this method is not taken", "send notices with POST")
}

/// The handshake of CloudEvents' webhooks, which is the same for every adapter.
///
/// # Errors
/// When the OPTIONS request is no such handshake.
pub fn options(request: &Request<'_>) -> Result<Answer, Error> {
    let origin = request.header("webhook-request-origin").ok_or_else(wrong_method)?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '*');
    if origin.len() > ORIGIN_CHARS_MAX || !origin.chars().all(is_host) {
        let fix = "send the name of the sending system, such as events.example.com";
        return Err(Error::invalid("header:webhook-request-origin", "this is no name of a host", fix));
    }
    let mut headers = vec![
        ("allow".to_owned(), "POST".to_owned()),
        ("webhook-allowed-origin".to_owned(), origin.to_owned()),
    ];
    let rate = request.header("webhook-request-rate");
    if let Some(rate) = rate.filter(|rate| rate.parse::<u32>().is_ok_and(|rate| rate > 0)) {
        headers.push(("webhook-allowed-rate".to_owned(), rate.to_owned()));
    }
    Ok(Answer::Handshake { status: 200, headers, body: None })
}

impl Context<'_> {
    /// The notices of one event, whose type stands at `word`; the draft is made only if it means something.
    pub(crate) fn notices<'a>(
        &self,
        word: &Node<'_>,
        draft: impl FnOnce(Meaning) -> Result<Draft<'a>, Error>,
    ) -> Result<Vec<Notice>, Error> {
        match self.meaning(word)? {
            Ok(meaning) => Ok(draft(meaning)?.notices(self.reader, self.now)),
            Err(ignored) => Ok(vec![ignored]),
        }
    }

    /// What the event type at `node` means; a notice that says why not, if it means nothing here.
    pub(crate) fn meaning(&self, node: &Node<'_>) -> Result<Result<Meaning, Notice>, Error> {
        let word = node.word()?;
        let ignored = |why| Ok(Err(Notice::Ignored { why }));
        match self.reader.words.meaning(&word) {
            Some(Meaning::Nothing(why)) => ignored(format!("event type `{}`: {why}", shown(&word))),
            Some(meaning) => Ok(Ok(meaning)),
            None => Ok(Err(Notice::UnknownType { name: shown(&word) })),
        }
    }

    /// The moment at `node`; else that of the header, in seconds or as text; else now.
    pub(crate) fn at(&self, node: &Node<'_>, header: Option<&str>) -> Result<OffsetDateTime, Error> {
        let dates = &self.reader.dates;
        let in_body = node.when(dates)?;
        let in_header = || dates.parse(self.request.header(header?)?).at();
        let when = in_body.or_else(in_header);
        Ok(when.and_then(|when| dates.begin(when)).unwrap_or(self.now))
    }

    /// The id of the notice in a header.
    pub(crate) fn id_in_header(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(id) = self.request.header(name) else { return Ok(None) };
        check_id(&format!("header:{name}"), id)?;
        Ok(Some(id.to_owned()))
    }
}

/// The beginning of a word that came from outside, for a log line.
fn shown(word: &str) -> String {
    let mut shown: String = word.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    shown
}
