//! Parses filters by recursive descent. Depth, terms and bytes are limited before any part is built.

use super::{FilterComparison, FilterLiteral, FilterOperand, ScimFilter};
use crate::names::{last_part, split_path, take_name};
use crate::schema::AttributeType;
use crate::{ResourceType, ScimServiceError};

/// The maximum length of a filter, in bytes.
const FILTER_BYTES_MAX: usize = 64 * 1024;
/// The maximum nesting depth of parentheses, brackets and `not`.
const FILTER_DEPTH_MAX: usize = 32;
/// The maximum number of comparisons in one filter. A client that looks up a page of ids sends one for each.
const FILTER_TERMS_MAX: usize = 1_000;

/// Parses the whole of `text`.
pub(super) fn parse_filter(kind: ResourceType, text: &str) -> Result<ScimFilter, ScimServiceError> {
    let mut parser = FilterParser::over(kind, text)?;
    let filter = parser.any(false)?;
    parser.blanks();
    if parser.rest.is_empty() { Ok(filter) } else { Err(parser.wrong("there is text after the filter")) }
}

/// Parses the filter in brackets, and returns the text after them. `text` begins behind the opening bracket.
pub(crate) fn parse_within(kind: ResourceType, text: &str) -> Result<(ScimFilter, &str), ScimServiceError> {
    let as_path =
        |error: ScimServiceError| ScimServiceError::invalid_path(format!("in brackets: {}", error.detail));
    let mut parser = FilterParser::over(kind, text).map_err(as_path)?;
    let filter = parser.any(true).map_err(as_path)?;
    parser.expect(']').map_err(as_path)?;
    Ok((filter, parser.rest))
}

/// The unread rest of a filter, with the depth and the number of terms so far.
struct FilterParser<'a> {
    kind: ResourceType,
    length: usize,
    rest: &'a str,
    depth: usize,
    terms: usize,
}

impl<'a> FilterParser<'a> {
    fn over(kind: ResourceType, text: &'a str) -> Result<Self, ScimServiceError> {
        if text.len() > FILTER_BYTES_MAX {
            let detail = format!("a filter may have at most {FILTER_BYTES_MAX} bytes");
            return Err(ScimServiceError::invalid_filter(detail));
        }
        Ok(Self { kind, length: text.len(), rest: text, depth: 0, terms: 0 })
    }

    /// Returns an error with the position but without the text, which may contain personal data.
    fn wrong(&self, what: &str) -> ScimServiceError {
        let at = self.length - self.rest.len() + 1;
        ScimServiceError::invalid_filter(format!("{what} (at byte {at})"))
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn enter(&mut self) -> Result<(), ScimServiceError> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH_MAX {
            return Err(self.wrong(&format!("a filter may nest at most {FILTER_DEPTH_MAX} deep")));
        }
        Ok(())
    }

    fn expect(&mut self, wanted: char) -> Result<(), ScimServiceError> {
        self.blanks();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.wrong(&format!("`{wanted}` is missing"))),
        }
    }

    /// Consumes `word` if it comes next and is a whole word.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let Some(head) = self.rest.get(..word.len()) else { return false };
        let after = &self.rest[word.len()..];
        let ends = after.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ']' | '"'));
        let found = head.eq_ignore_ascii_case(word) && (ends || after.is_empty());
        if found {
            self.rest = after;
        }
        found
    }

    /// Parses `... or ...`.
    fn any(&mut self, in_brackets: bool) -> Result<ScimFilter, ScimServiceError> {
        self.enter()?;
        let mut list = vec![self.all(in_brackets)?];
        while self.word("or") {
            list.push(self.all(in_brackets)?);
        }
        self.depth -= 1;
        Ok(one_or(list, ScimFilter::Or))
    }

    /// Parses `... and ...`.
    fn all(&mut self, in_brackets: bool) -> Result<ScimFilter, ScimServiceError> {
        let mut list = vec![self.term(in_brackets)?];
        while self.word("and") {
            list.push(self.term(in_brackets)?);
        }
        Ok(one_or(list, ScimFilter::And))
    }

    /// Parses a comparison, `not (...)` or a filter in parentheses.
    fn term(&mut self, in_brackets: bool) -> Result<ScimFilter, ScimServiceError> {
        self.terms += 1;
        if self.terms > FILTER_TERMS_MAX {
            return Err(self.wrong(&format!("a filter may have at most {FILTER_TERMS_MAX} terms")));
        }
        self.blanks();
        if let Some(rest) = self.rest.strip_prefix('(') {
            return self.parenthesised(rest, in_brackets);
        }
        let before = self.rest;
        if self.word("not") {
            self.blanks();
            if let Some(rest) = self.rest.strip_prefix('(') {
                return Ok(ScimFilter::Not(Box::new(self.parenthesised(rest, in_brackets)?)));
            }
            self.rest = before;
        }
        self.comparison(in_brackets)
    }

    fn parenthesised(&mut self, rest: &'a str, in_brackets: bool) -> Result<ScimFilter, ScimServiceError> {
        self.rest = rest;
        let inner = self.any(in_brackets)?;
        self.expect(')')?;
        Ok(inner)
    }

    /// Parses a comparison, or a filter on the elements of a list.
    fn comparison(&mut self, in_brackets: bool) -> Result<ScimFilter, ScimServiceError> {
        let operand = self.operand()?;
        let Some(rest) = self.rest.strip_prefix('[').filter(|_| !in_brackets) else {
            return self.compared(operand);
        };
        self.rest = rest;
        let inner = self.any(true)?;
        self.expect(']')?;
        let Some(rest) = self.rest.strip_prefix('.') else {
            return Ok(ScimFilter::Element(operand, Box::new(inner)));
        };
        let (part, rest) = take_name(rest).map_err(|_| self.wrong("a part has no name"))?;
        self.rest = rest;
        let part = FilterOperand { extension: None, name: part.to_owned(), part: None };
        let compared = self.compared(part)?;
        let both = match inner {
            ScimFilter::And(mut all) => {
                all.push(compared);
                ScimFilter::And(all)
            }
            inner => ScimFilter::And(vec![inner, compared]),
        };
        Ok(ScimFilter::Element(operand, Box::new(both)))
    }

    /// Parses the name, up to an operator or a bracket.
    fn operand(&mut self) -> Result<FilterOperand, ScimServiceError> {
        let end = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | '"');
        let end = self.rest.find(end).unwrap_or(self.rest.len());
        let wrong = |_| self.wrong("an attribute is expected");
        let (extension, rest) = split_path(self.kind, &self.rest[..end]).map_err(wrong)?;
        let Some(rest) = rest else { return Err(self.wrong("a schema cannot be compared")) };
        let (name, rest) = take_name(rest).map_err(wrong)?;
        let part = last_part(rest).map_err(wrong)?;
        self.rest = &self.rest[end..];
        Ok(FilterOperand { extension, name: name.to_owned(), part })
    }

    /// Parses the operator and the literal after an operand.
    fn compared(&mut self, operand: FilterOperand) -> Result<ScimFilter, ScimServiceError> {
        if self.word("pr") {
            return Ok(ScimFilter::Present(operand));
        }
        let found = FilterComparison::ALL.into_iter().find(|(name, _)| self.word(name));
        let Some((_, how)) = found else {
            return Err(self.wrong("one of eq ne co sw ew gt ge lt le pr is expected"));
        };
        let literal = self.literal()?;
        let unordered = matches!(how, FilterComparison::Eq | FilterComparison::Ne);
        let is_boolean =
            operand.attribute(self.kind).is_some_and(|known| known.kind == AttributeType::Boolean);
        if is_boolean && !unordered {
            return Err(self.wrong("a boolean can only be compared with eq and ne"));
        }
        Ok(ScimFilter::Compare(operand, how, literal))
    }

    /// Parses a literal: a boolean, null, a text or a number.
    fn literal(&mut self) -> Result<FilterLiteral, ScimServiceError> {
        for (word, literal) in [
            ("true", FilterLiteral::Boolean(true)),
            ("false", FilterLiteral::Boolean(false)),
            ("null", FilterLiteral::Null),
        ] {
            if self.word(word) {
                return Ok(literal);
            }
        }
        self.blanks();
        let end = match self.rest.strip_prefix('"') {
            Some(text) => end_of_text(text).map(|end| end + 2),
            None => {
                let end = |c: char| c.is_whitespace() || matches!(c, ')' | ']');
                Some(self.rest.find(end).unwrap_or(self.rest.len()))
            }
        };
        let wrong = self.wrong("a value in JSON is expected");
        let Some(end) = end else { return Err(wrong) };
        let literal = match serde_json::from_str(&self.rest[..end]) {
            Ok(serde_json::Value::String(text)) => FilterLiteral::Text(text),
            Ok(serde_json::Value::Number(number)) => FilterLiteral::Number(number),
            _ => return Err(wrong),
        };
        self.rest = &self.rest[end..];
        Ok(literal)
    }
}

/// Returns the position of the closing quote.
fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn one_or(mut list: Vec<ScimFilter>, of: impl FnOnce(Vec<ScimFilter>) -> ScimFilter) -> ScimFilter {
    if list.len() == 1 { list.remove(0) } else { of(list) }
}
