//! The replacement language of .NET: `$1`, `${name}`, `$$`, `$&`, `` $` ``, `$'`, `$+`, `$_`.

use super::{ReplacePattern, TooLong, push_part};
use regex::Captures;

/// A parsed replacement.
#[derive(Debug)]
pub(crate) struct ReplacementTemplate {
    pieces: Vec<ReplacementPiece>,
}

/// A part of a replacement.
#[derive(Debug)]
enum ReplacementPiece {
    Literal(String),
    Group(usize),
    Before,
    After,
    LastGroup,
    Whole,
}

impl ReplacementTemplate {
    /// Reads a replacement for a pattern. References to groups that the pattern does not have are literal text, as in .NET.
    pub(crate) fn parse(text: &str, pattern: &ReplacePattern) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                literal.push('$');
                rest = after;
            } else if let Some((piece, length)) = parse_substitution(rest, pattern) {
                if !literal.is_empty() {
                    pieces.push(ReplacementPiece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(piece);
                rest = &rest[length..];
            } else {
                literal.push('$');
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || pieces.is_empty() {
            pieces.push(ReplacementPiece::Literal(literal));
        }
        Self { pieces }
    }

    /// Returns the text if it does not depend on the match.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [ReplacementPiece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the replacement of one match to `out`.
    pub(crate) fn expand(
        &self,
        out: &mut String,
        captures: &Captures<'_>,
        text: &str,
    ) -> Result<(), TooLong> {
        let matched = captures.get(0).map_or(0..0, |found| found.range());
        for piece in &self.pieces {
            let part = match piece {
                ReplacementPiece::Literal(text) => text.as_str(),
                ReplacementPiece::Group(index) => captures.get(*index).map_or("", |found| found.as_str()),
                ReplacementPiece::Before => &text[..matched.start],
                ReplacementPiece::After => &text[matched.end..],
                ReplacementPiece::LastGroup => {
                    captures.iter().skip(1).last().flatten().map_or("", |found| found.as_str())
                }
                ReplacementPiece::Whole => text,
            };
            push_part(out, part)?;
        }
        Ok(())
    }
}

/// Reads the part after a `$`. Returns it with its length in bytes.
fn parse_substitution(rest: &str, pattern: &ReplacePattern) -> Option<(ReplacementPiece, usize)> {
    let first = rest.chars().next()?;
    match first {
        '&' => Some((ReplacementPiece::Group(0), 1)),
        '`' => Some((ReplacementPiece::Before, 1)),
        '\'' => Some((ReplacementPiece::After, 1)),
        '+' => Some((ReplacementPiece::LastGroup, 1)),
        '_' => Some((ReplacementPiece::Whole, 1)),
        '{' => {
            let end = rest.find('}')?;
            Some((ReplacementPiece::Group(pattern.group(&rest[1..end])?), end + 1))
        }
        digit if digit.is_ascii_digit() => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            Some((ReplacementPiece::Group(pattern.group(&rest[..end])?), end))
        }
        _ => None,
    }
}
