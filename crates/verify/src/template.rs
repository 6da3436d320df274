//! The signed text: the body, with the time and the id before or after it.

use crate::SETTING_BYTES_MAX;
use crate::mistake::field_mistake;

const FIELD: &str = "signed";

/// A piece of a signed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplatePiece<'t> {
    Text(&'t str),
    Body,
    Timestamp,
    Id,
}

/// A template whose text can be split in only one way. Otherwise the id, the time and the body of a notice could be
/// split differently, and the signature would match a notice that was never sent.
///
/// Fresh times have a fixed length (`timestamp.rs` accepts one spelling only), so they need no separator. Ids vary in
/// length: they need a separator and must not contain it, as the Standard Webhooks specification also requires.
#[derive(Debug)]
pub(crate) struct SignatureTemplate<'t>(Vec<TemplatePiece<'t>>);

impl<'t> SignatureTemplate<'t> {
    /// Parses a template and checks that it is unambiguous.
    pub(crate) fn parse(text: &'t str) -> Result<Self, String> {
        if text.len() > SETTING_BYTES_MAX {
            let what = format!("is longer than {SETTING_BYTES_MAX} bytes");
            return Err(field_mistake(FIELD, &what, "write placeholders and short separators only"));
        }
        let template = Self(template_pieces(text)?);
        if !template.has(&TemplatePiece::Body) {
            let fix = "add {body}: content that is not signed can be changed in transit";
            return Err(field_mistake(FIELD, "has no {body}", fix));
        }
        let twice = [TemplatePiece::Body, TemplatePiece::Timestamp, TemplatePiece::Id]
            .into_iter()
            .any(|piece| template.count(&piece) > 1);
        if twice {
            return Err(field_mistake(FIELD, "names a placeholder twice", "name each at most once"));
        }
        let id_touches = |pair: &[TemplatePiece<'_>]| {
            pair.contains(&TemplatePiece::Id)
                && !pair.iter().any(|piece| matches!(piece, TemplatePiece::Text(_)))
        };
        if template.0.windows(2).any(id_touches) {
            let fix = "put a separator between, as in {id}.{timestamp}.{body}";
            return Err(field_mistake(FIELD, "has {id} right beside another placeholder", fix));
        }
        Ok(template)
    }

    pub(crate) fn has(&self, piece: &TemplatePiece<'_>) -> bool {
        self.count(piece) > 0
    }

    fn count(&self, piece: &TemplatePiece<'_>) -> usize {
        self.0.iter().filter(|other| *other == piece).count()
    }

    /// Returns whether the template determines the end of an id: the id must not contain the characters next to it.
    /// Text at the very beginning or end separates nothing.
    pub(crate) fn admits_id(&self, id: &str) -> bool {
        let holds = |separator: Option<char>| separator.is_some_and(|separator| id.contains(separator));
        let beside = self.0.windows(3).fold((None, None), |(before, after), three| match three {
            [_, TemplatePiece::Text(text), TemplatePiece::Id] => (text.chars().last(), after),
            [TemplatePiece::Id, TemplatePiece::Text(text), _] => (before, text.chars().next()),
            _ => (before, after),
        });
        !id.is_empty() && !holds(beside.0) && !holds(beside.1)
    }

    /// Returns the signed bytes, piece by piece.
    pub(crate) fn fill<'a>(&'a self, id: &'a str, timestamp: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
        let bytes = |piece: &'a TemplatePiece<'t>| match piece {
            TemplatePiece::Text(text) => text.as_bytes(),
            TemplatePiece::Body => body,
            TemplatePiece::Timestamp => timestamp.as_bytes(),
            TemplatePiece::Id => id.as_bytes(),
        };
        self.0.iter().map(bytes).collect()
    }
}

/// Splits a template into its pieces.
fn template_pieces(text: &str) -> Result<Vec<TemplatePiece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if !literal.is_empty() {
            pieces.push(TemplatePiece::Text(literal));
        }
        rest = after;
        if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or_else(stray_brace)?;
            pieces.push(parse_placeholder(name)?);
            rest = after;
        } else if !rest.is_empty() {
            return Err(stray_brace());
        }
    }
    Ok(pieces)
}

fn stray_brace() -> String {
    field_mistake(
        FIELD,
        "has a brace without its counterpart",
        "write placeholders as {body}, {timestamp} and {id}",
    )
}

fn parse_placeholder(name: &str) -> Result<TemplatePiece<'static>, String> {
    match name {
        "body" => Ok(TemplatePiece::Body),
        "timestamp" => Ok(TemplatePiece::Timestamp),
        "id" => Ok(TemplatePiece::Id),
        _ => {
            // A short word is a typing error and useful to repeat; anything else may be a secret in the wrong place.
            let word = name.len() <= 12 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let what = match word {
                true => format!("has an unknown placeholder {{{name}}}"),
                false => "has an unknown placeholder".to_owned(),
            };
            Err(field_mistake(FIELD, &what, "there are {body}, {timestamp} and {id}"))
        }
    }
}
