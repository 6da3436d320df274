//! The formats of each vendor's bodies, and their meaning.

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

use crate::body::FormSupport;
use crate::context::ReadContext;
use crate::error::ReadError;
use crate::kind::AdapterKind;
use crate::mapping::defaults;
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::{NoticeAnswer, SourceNotice};

/// The parts that differ between vendors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VendorFormat {
    pub(crate) forms: FormSupport,
    pub(crate) words: VendorTable,
    pub(crate) attributes: defaults::DefaultTable,
    pub(crate) notices: fn(ReadContext<'_>, &JsonNode<'_>) -> Result<Vec<SourceNotice>, ReadError>,
}

/// Returns the format of that kind.
pub(crate) fn vendor_format(kind: AdapterKind) -> VendorFormat {
    use FormSupport::{Refused, Taken};
    let format = |forms, words, attributes, notices| VendorFormat { forms, words, attributes, notices };
    match kind {
        AdapterKind::Bamboohr => {
            format(Taken, bamboohr::WORDS, defaults::BAMBOOHR, bamboohr::bamboohr_notices)
        }
        AdapterKind::Hibob => format(Refused, hibob::WORDS, defaults::HIBOB, hibob::hibob_notices),
        AdapterKind::Personio => {
            format(Refused, personio::WORDS, defaults::PERSONIO, personio::personio_notices)
        }
        AdapterKind::Gusto => format(Refused, gusto::WORDS, defaults::GUSTO, gusto::gusto_notices),
        AdapterKind::Rippling => {
            format(Taken, rippling::WORDS, defaults::RIPPLING, rippling::rippling_notices)
        }
        AdapterKind::Merge => format(Refused, merge::WORDS, defaults::MERGE, merge::merge_notices),
        AdapterKind::Finch => format(Refused, finch::WORDS, defaults::FINCH, finch::finch_notices),
        AdapterKind::Okta => format(Refused, okta::WORDS, defaults::OKTA, okta::okta_notices),
        AdapterKind::StandardWebhooks => format(
            Refused,
            standard_webhooks::WORDS,
            defaults::STANDARD_WEBHOOKS,
            standard_webhooks::standard_notices,
        ),
        AdapterKind::Json => format(Taken, &[], &[], generic::generic_notices),
    }
}

const OK: NoticeAnswer = NoticeAnswer::Handshake { status: 200, headers: Vec::new(), body: None };

/// Returns the answer to a ping. Its body need not be JSON.
pub(crate) fn answer_ping(kind: AdapterKind, body: &[u8]) -> Option<NoticeAnswer> {
    (kind == AdapterKind::Hibob && hibob::is_ping(body)).then_some(OK)
}

/// Returns the answer to a body that opens a subscription.
pub(crate) fn answer_greeting(kind: AdapterKind, body: &Value) -> Option<NoticeAnswer> {
    let is_greeting = match kind {
        AdapterKind::Hibob => hibob::is_greeting(body),
        AdapterKind::Gusto => gusto::is_greeting(body),
        _ => false,
    };
    is_greeting.then_some(OK)
}
