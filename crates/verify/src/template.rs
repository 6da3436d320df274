//! What is signed: the body, and where the time and the id stand around it.

use crate::SETTING_BYTES_MAX;
use crate::mistake::mistake;

const FIELD: &str = "signed";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    Body,
    Timestamp,
    Id,
}

/// A template in which a signed text can be cut in one way only. Otherwise the id, the time and the body of a notice
/// could be cut anew, and its signature would fit a notice that nobody sent.
///
/// Times are of a fixed length as long as they are fresh (`timestamp.rs` takes one spelling only), so they need no
/// separator. Ids are not: they need one, and must not hold it, as the Standard Webhooks specification says too.
#[derive(Debug)]
pub(crate) struct Template<'t>(Vec<Piece<'t>>);

impl<'t> Template<'t> {
    pub(crate) fn parse(text: &'t str) -> Result<Self, String> {
        if text.len() > SETTING_BYTES_MAX {
            let what = format!("is longer than {SETTING_BYTES_MAX} bytes");
            return Err(mistake(FIELD, &what, "write placeholders and short separators only"));
        }
        let template = Self(pieces(text)?);
        if !template.has(&Piece::Body) {
            let fix = "add {body}: what is not signed can be exchanged on the way";
            return Err(mistake(FIELD, "has no {body}", fix));
        }
        let twice =
            [Piece::Body, Piece::Timestamp, Piece::Id].into_iter().any(|piece| template.count(&piece) > 1);
        if twice {
            return Err(mistake(FIELD, "names a placeholder twice", "name each at most once"));
        }
        let id_touches = |pair: &[Piece<'_>]| {
            pair.contains(&Piece::Id) && !pair.iter().any(|piece| matches!(piece, Piece::Text(_)))
        };
        if template.0.windows(2).any(id_touches) {
            let fix = "put a separator between, as in {id}.{timestamp}.{body}";
            return Err(mistake(FIELD, "has {id} right beside another placeholder", fix));
        }
        Ok(template)
    }

    pub(crate) fn has(&self, piece: &Piece<'_>) -> bool {
        self.count(piece) > 0
    }

    fn count(&self, piece: &Piece<'_>) -> usize {
        self.0.iter().filter(|other| *other == piece).count()
    }

    /// Whether an id ends where the template says it does: it must not hold the characters right beside it.
    /// Text at the very beginning or end separates nothing.
    pub(crate) fn admits_id(&self, id: &str) -> bool {
        let holds = |separator: Option<char>| separator.is_some_and(|separator| id.contains(separator));
        let beside = self.0.windows(3).fold((None, None), |(before, after), three| match three {
            [_, Piece::Text(text), Piece::Id] => (text.chars().last(), after),
            [Piece::Id, Piece::Text(text), _] => (before, text.chars().next()),
            _ => (before, after),
        });
        !id.is_empty() && !holds(beside.0) && !holds(beside.1)
    }

    /// The signed bytes, piece by piece.
    pub(crate) fn fill<'a>(&'a self, id: &'a str, timestamp: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
        let bytes = |piece: &'a Piece<'t>| match piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Body => body,
            Piece::Timestamp => timestamp.as_bytes(),
            Piece::Id => id.as_bytes(),
        };
        self.0.iter().map(bytes).collect()
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        rest = after;
        if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or_else(stray)?;
            pieces.push(placeholder(name)?);
            rest = after;
        } else if !rest.is_empty() {
            return Err(stray());
        }
    }
    Ok(pieces)
}

fn stray() -> String {
    mistake(
        FIELD,
        "has a brace without its counterpart",
        "write placeholders as {body}, {timestamp} and {id}",
    )
}

fn placeholder(name: &str) -> Result<Piece<'static>, String> {
    match name {
        "body" => Ok(Piece::Body),
        "timestamp" => Ok(Piece::Timestamp),
        "id" => Ok(Piece::Id),
        _ => {
            // A short word is a typing error and worth repeating; anything else may be a secret in the wrong place.
            let word = name.len() <= 12 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let what = match word {
                true => format!("has an unknown placeholder {{{name}}}"),
                false => "has an unknown placeholder".to_owned(),
            };
            Err(mistake(FIELD, &what, "there are {body}, {timestamp} and {id}"))
        }
    }
}
