//! Any JSON or form: the adapter configures the place of each value.

use crate::context::ReadContext;
use crate::draft::{EffectiveDay, NoticeDraft};
use crate::error::ReadError;
use crate::meaning::EventMeaning;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

pub(super) fn generic_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    let events = body.pointer(cx.rules.pointers.events.as_deref().unwrap_or_default());
    let events = if events.value.is_array() { events.list(cx.rules.notices_max)? } else { vec![events] };
    let mut notices = Vec::with_capacity(events.len());
    for event in &events {
        notices.extend(of_event(cx, event)?);
    }
    Ok(notices)
}

/// Reads one event.
fn of_event(cx: ReadContext<'_>, event: &JsonNode<'_>) -> Result<Vec<SourceNotice>, ReadError> {
    event.object()?;
    let pointers = &cx.rules.pointers;
    let at = |pointer: &Option<String>| {
        let missing = || JsonNode::missing(&event.at);
        pointer.as_ref().map_or_else(missing, |pointer| event.pointer(pointer))
    };
    let word = at(&pointers.kind);
    let meaning = match cx.rules.words.wordless().filter(|_| word.is_empty()) {
        Some(EventMeaning::Nothing(why)) => Err(SourceNotice::Ignored { why: why.to_owned() }),
        Some(meaning) => Ok(meaning),
        None => cx.meaning(&word)?,
    };
    let meaning = match meaning {
        Ok(meaning) => meaning,
        Err(ignored) => return Ok(vec![ignored]),
    };
    let draft = NoticeDraft {
        meaning,
        subject: at(&pointers.key).subject()?,
        id: at(&pointers.id).id()?,
        at: cx.at(&at(&pointers.at), None)?,
        effective: EffectiveDay::at(&at(&pointers.effective_at), &cx.rules.dates),
        record: Some(event.value),
        members: member_keys(cx, &at(&pointers.members))?,
    };
    Ok(draft.notices(cx.rules, cx.now))
}

/// Returns the keys in a list, or a single key.
fn member_keys(cx: ReadContext<'_>, node: &JsonNode<'_>) -> Result<Option<Vec<String>>, ReadError> {
    if node.value.is_null() {
        return Ok(None);
    }
    if !node.value.is_array() {
        return Ok(Some(vec![node.subject()?]));
    }
    // The same number as the gateway accepts in one event.
    let list = node.list(cx.rules.notices_max.max(MEMBERS_MAX))?;
    list.iter().map(JsonNode::subject).collect::<Result<_, _>>().map(Some)
}

/// The maximum number of members of one group.
const MEMBERS_MAX: usize = 10_000;
