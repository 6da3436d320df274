//! The replacement language of .NET: `$1`, `${name}`, `$$`, `$&`, `` $` ``, `$'`, `$+`, `$_`.

use super::{Pattern, TooLong, push};
use regex::Captures;

/// A replacement, read once.
#[derive(Debug)]
pub(crate) struct Replacement {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Group(usize),
    Before,
    After,
    LastGroup,
    Whole,
}

impl Replacement {
    /// Reads a replacement for a pattern. Groups that the pattern does not have stand for themselves, as in .NET.
    pub(crate) fn parse(text: &str, pattern: &Pattern) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                literal.push('$');
                rest = after;
            } else if let Some((piece, length)) = substitution(rest, pattern) {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(piece);
                rest = &rest[length..];
            } else {
                literal.push('$');
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Self { pieces }
    }

    /// The text, if it does not depend on the match.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn expand(
        &self,
        out: &mut String,
        captures: &Captures<'_>,
        text: &str,
    ) -> Result<(), TooLong> {
        let matched = captures.get(0).map_or(0..0, |found| found.range());
        for piece in &self.pieces {
            let part = match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Group(index) => captures.get(*index).map_or("", |found| found.as_str()),
                Piece::Before => &text[..matched.start],
                Piece::After => &text[matched.end..],
                Piece::LastGroup => {
                    captures.iter().skip(1).last().flatten().map_or("", |found| found.as_str())
                }
                Piece::Whole => text,
            };
            push(out, part)?;
        }
        Ok(())
    }
}

/// What follows a `$`, and how many bytes of it.
fn substitution(rest: &str, pattern: &Pattern) -> Option<(Piece, usize)> {
    let first = rest.chars().next()?;
    match first {
        '&' => Some((Piece::Group(0), 1)),
        '`' => Some((Piece::Before, 1)),
        '\'' => Some((Piece::After, 1)),
        '+' => Some((Piece::LastGroup, 1)),
        '_' => Some((Piece::Whole, 1)),
        '{' => {
            let end = rest.find('}')?;
            Some((Piece::Group(pattern.group(&rest[1..end])?), end + 1))
        }
        digit if digit.is_ascii_digit() => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            Some((Piece::Group(pattern.group(&rest[..end])?), end))
        }
        _ => None,
    }
}
