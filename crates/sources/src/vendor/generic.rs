//! Any JSON or form: the adapter says where everything stands.

use crate::draft::{Draft, Effective};
use crate::error::Error;
use crate::meaning::Meaning;
use crate::node::Node;
use crate::notice::Notice;
use crate::reader::Context;

pub(super) fn notices(cx: Context<'_>, body: &Node<'_>) -> Result<Vec<Notice>, Error> {
    let events = body.pointer(cx.reader.pointers.events.as_deref().unwrap_or_default());
    let events = if events.value.is_array() { events.list(cx.reader.notices_max)? } else { vec![events] };
    let mut notices = Vec::with_capacity(events.len());
    for event in &events {
        notices.extend(of_event(cx, event)?);
    }
    Ok(notices)
}

fn of_event(cx: Context<'_>, event: &Node<'_>) -> Result<Vec<Notice>, Error> {
    event.object()?;
    let pointers = &cx.reader.pointers;
    let at = |pointer: &Option<String>| {
        let missing = || Node::missing(&event.at);
        pointer.as_ref().map_or_else(missing, |pointer| event.pointer(pointer))
    };
    let word = at(&pointers.kind);
    let meaning = match cx.reader.words.wordless().filter(|_| word.is_empty()) {
        Some(Meaning::Nothing(why)) => Err(Notice::Ignored { why: why.to_owned() }),
        Some(meaning) => Ok(meaning),
        None => cx.meaning(&word)?,
    };
    let meaning = match meaning {
        Ok(meaning) => meaning,
        Err(ignored) => return Ok(vec![ignored]),
    };
    let draft = Draft {
        meaning,
        subject: at(&pointers.key).subject()?,
        id: at(&pointers.id).id()?,
        at: cx.at(&at(&pointers.at), None)?,
        effective: Effective::at(&at(&pointers.effective_at), &cx.reader.dates),
        record: Some(event.value),
        members: members(cx, &at(&pointers.members))?,
    };
    Ok(draft.notices(cx.reader, cx.now))
}

/// The keys in a list, or one alone.
fn members(cx: Context<'_>, node: &Node<'_>) -> Result<Option<Vec<String>>, Error> {
    if node.value.is_null() {
        return Ok(None);
    }
    if !node.value.is_array() {
        return Ok(Some(vec![node.subject()?]));
    }
    // As many as the gateway takes in one event.
    let list = node.list(cx.reader.notices_max.max(MEMBERS_MAX))?;
    list.iter().map(Node::subject).collect::<Result<_, _>>().map(Some)
}

/// Most members of one group.
const MEMBERS_MAX: usize = 10_000;
