//! The context of reading one body.

use time::OffsetDateTime;

use crate::draft::NoticeDraft;
use crate::error::ReadError;
use crate::meaning::EventMeaning;
use crate::node::{JsonNode, check_id};
use crate::notice::SourceNotice;
use crate::request::NoticeRequest;
use crate::rules::AdapterRules;

/// The maximum number of characters of an unknown type that are shown.
const SHOWN_CHARS_MAX: usize = 64;

/// The context of reading one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadContext<'a> {
    pub(crate) rules: &'a AdapterRules,
    pub(crate) request: &'a NoticeRequest<'a>,
    pub(crate) now: OffsetDateTime,
}

impl ReadContext<'_> {
    /// Returns the notices of one event, whose type is at `word`. Calls `draft` only if the type has a meaning.
    pub(crate) fn notices<'a>(
        &self,
        word: &JsonNode<'_>,
        draft: impl FnOnce(EventMeaning) -> Result<NoticeDraft<'a>, ReadError>,
    ) -> Result<Vec<SourceNotice>, ReadError> {
        match self.meaning(word)? {
            Ok(meaning) => Ok(draft(meaning)?.notices(self.rules, self.now)),
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
        match self.rules.words.meaning(&word) {
            Some(EventMeaning::Nothing(why)) => ignored(format!("event type `{}`: {why}", show_word(&word))),
            Some(meaning) => Ok(Ok(meaning)),
            None => Ok(Err(SourceNotice::UnknownType { name: show_word(&word) })),
        }
    }

    /// Returns the time at `node`, else that of the header (in seconds or as text), else now.
    pub(crate) fn at(&self, node: &JsonNode<'_>, header: Option<&str>) -> Result<OffsetDateTime, ReadError> {
        let dates = &self.rules.dates;
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
