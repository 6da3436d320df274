//! What each vendor's bodies look like and mean.

mod bamboohr;
mod finch;
mod generic;
mod gusto;
mod hibob;
mod merge;
mod okta;
mod personio;
mod rippling;
mod standard_webhooks;

use serde_json::Value;

use crate::adapter::Kind;
use crate::body::Forms;
use crate::error::Error;
use crate::mapping::defaults;
use crate::meaning::Table;
use crate::node::Node;
use crate::notice::{Answer, Notice};
use crate::reader::Context;

/// Everything that differs from vendor to vendor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) forms: Forms,
    pub(crate) words: Table,
    pub(crate) attributes: defaults::Table,
    pub(crate) notices: fn(Context<'_>, &Node<'_>) -> Result<Vec<Notice>, Error>,
}

/// The format of that kind.
pub(crate) fn format(kind: Kind) -> Format {
    use Forms::{Refused, Taken};
    let format = |forms, words, attributes, notices| Format { forms, words, attributes, notices };
    match kind {
        Kind::Bamboohr => format(Taken, bamboohr::WORDS, defaults::BAMBOOHR, bamboohr::notices),
        Kind::Hibob => format(Refused, hibob::WORDS, defaults::HIBOB, hibob::notices),
        Kind::Personio => format(Refused, personio::WORDS, defaults::PERSONIO, personio::notices),
        Kind::Gusto => format(Refused, gusto::WORDS, defaults::GUSTO, gusto::notices),
        Kind::Rippling => format(Taken, rippling::WORDS, defaults::RIPPLING, rippling::notices),
        Kind::Merge => format(Refused, merge::WORDS, defaults::MERGE, merge::notices),
        Kind::Finch => format(Refused, finch::WORDS, defaults::FINCH, finch::notices),
        Kind::Okta => format(Refused, okta::WORDS, defaults::OKTA, okta::notices),
        Kind::StandardWebhooks => {
            format(Refused, standard_webhooks::WORDS, defaults::STANDARD_WEBHOOKS, standard_webhooks::notices)
        }
        Kind::Json => format(Taken, &[], &[], generic::notices),
    }
}

const OK: Answer = Answer::Handshake { status: 200, headers: Vec::new(), body: None };

/// The answer to a body that need not be JSON and only asks whether anybody is there.
pub(crate) fn ping(kind: Kind, body: &[u8]) -> Option<Answer> {
    (kind == Kind::Hibob && hibob::is_ping(body)).then_some(OK)
}

/// The answer to a body that opens a subscription.
pub(crate) fn greeting(kind: Kind, body: &Value) -> Option<Answer> {
    let is_greeting = match kind {
        Kind::Hibob => hibob::is_greeting(body),
        Kind::Gusto => gusto::is_greeting(body),
        _ => false,
    };
    is_greeting.then_some(OK)
}
