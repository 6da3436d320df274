//! The tokens of a clause: words, quoted texts and brackets.

use std::fmt;

use super::ClauseError;

const TYPOGRAPHIC_QUOTES: &str = "“”„‟«»‘’‚‛";

/// A token with its position, in bytes.
pub(super) struct Lexeme<'a> {
    pub(super) token: ClauseToken<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A token of a clause.
#[derive(PartialEq)]
pub(super) enum ClauseToken<'a> {
    Word(&'a str),
    Quoted(String),
    Open(char),
    Close(char),
    Comma,
}

/// Splits a text into its tokens.
pub(super) fn split_clause(text: &str) -> Result<Vec<Lexeme<'_>>, ClauseError> {
    let mut lexemes = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let start = at;
        let token = match first {
            space if space.is_whitespace() => {
                at += space.len_utf8();
                continue;
            }
            '"' => quoted_text(text, &mut at)?,
            '\'' => raw_text(text, &mut at)?,
            '[' | '(' => ClauseToken::Open(first),
            ']' | ')' => ClauseToken::Close(first),
            ',' => ClauseToken::Comma,
            _ => {
                let ends = |c: char| c.is_whitespace() || "\"[](),".contains(c);
                at += text[at..].find(ends).unwrap_or(text.len() - at);
                straight_quotes(text, start, at)?;
                ClauseToken::Word(&text[start..at])
            }
        };
        if at == start {
            at += first.len_utf8();
        }
        lexemes.push(Lexeme { token, start, end: at });
    }
    Ok(lexemes)
}

/// Rejects the quotes of a word processor, which would become a part of a name or an operand.
fn straight_quotes(text: &str, start: usize, end: usize) -> Result<(), ClauseError> {
    let Some((at, quote)) = text[start..end].char_indices().find(|(_, c)| TYPOGRAPHIC_QUOTES.contains(*c))
    else {
        return Ok(());
    };
    let start = start + at;
    let hint = Some("write \" (a word processor may have replaced it)".to_owned());
    Err(ClauseError {
        message: format!("`{quote}` is not a quote here"),
        start,
        end: start + quote.len_utf8(),
        hint,
    })
}

fn unclosed_quote(text: &str, start: usize) -> ClauseError {
    let hint = Some("add the closing quote".to_owned());
    ClauseError { message: "a quote is not closed".to_owned(), start, end: text.len(), hint }
}

/// Reads a text between single quotes, where every character is literal.
fn raw_text<'a>(text: &str, at: &mut usize) -> Result<ClauseToken<'a>, ClauseError> {
    let inner = &text[*at + 1..];
    let length = inner.find('\'').ok_or_else(|| unclosed_quote(text, *at))?;
    *at += length + 2;
    Ok(ClauseToken::Quoted(inner[..length].to_owned()))
}

/// Reads a text between double quotes, where `\` escapes. Before a character that needs
/// no escape it is literal, so that a regular expression can be written unchanged.
fn quoted_text<'a>(text: &str, at: &mut usize) -> Result<ClauseToken<'a>, ClauseError> {
    let mut value = String::new();
    let mut rest = &text[*at + 1..];
    loop {
        let mut characters = rest.chars();
        match characters.next().ok_or_else(|| unclosed_quote(text, *at))? {
            '"' => {
                *at = text.len() - characters.as_str().len();
                return Ok(ClauseToken::Quoted(value));
            }
            '\\' => {
                let (escaped, length) = read_escape(characters.as_str());
                value.push(escaped);
                rest = &characters.as_str()[length..];
            }
            plain => {
                value.push(plain);
                rest = characters.as_str();
            }
        }
    }
}

/// Returns the character that the text after a `\` denotes, and the number of bytes that it takes.
fn read_escape(text: &str) -> (char, usize) {
    match text.chars().next() {
        Some(plain @ ('"' | '\\')) => (plain, 1),
        Some('n') => ('\n', 1),
        Some('r') => ('\r', 1),
        Some('t') => ('\t', 1),
        _ => code_point(text).unwrap_or(('\\', 0)),
    }
}

/// Reads a code point such as `u{1f600}`.
fn code_point(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix("u{")?;
    let length = digits.find('}')?;
    let character = u32::from_str_radix(&digits[..length], 16).ok().and_then(char::from_u32)?;
    Some((character, length + "u{}".len()))
}

impl fmt::Display for ClauseToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Quoted(text) => write!(f, "\"{text}\""),
            Self::Open(bracket) | Self::Close(bracket) => write!(f, "`{bracket}`"),
            Self::Comma => f.write_str("`,`"),
        }
    }
}
