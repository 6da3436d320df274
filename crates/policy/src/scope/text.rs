//! Clauses as text: `department EQUALS "Sales"`, `not memberOf "SEC-*"`, `startDate WITHIN 7 days`.

use serde::Serialize;

use super::clause::{AttributeName, ScopeClause};
use super::membership::GroupPattern;
use super::operator::{AttributeOperator, OperandError, WrittenOperands};
use super::spelling::{self, NAME_WORDS_MAX, OperatorKind};
use super::text::token::{ClauseToken, Lexeme};

mod token;

/// The maximum length of the text of a clause, in bytes. It leaves room for a long list.
const CLAUSE_BYTES_MAX: usize = 1 << 20;
/// The maximum number of `not`s and brackets around a clause.
pub(crate) const NESTING_MAX: usize = 16;
const NOT: &str = "not";
const MEMBER_OF: &str = "memberOf";

/// The error for a text that is not a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct ClauseError {
    /// A description of the error.
    pub message: String,
    /// The start of the wrong part, in bytes.
    pub start: usize,
    /// The end of the wrong part, in bytes.
    pub end: usize,
    /// A suggested fix.
    pub hint: Option<String>,
}

impl ClauseError {
    /// Formats the error for display: the message, the underlined part of
    /// `text`, and the hint. The result does not end with a line feed.
    pub fn render(&self, text: &str) -> String {
        let span = expression::SourceSpan { start: self.start, end: self.end };
        let (message, hint) = (self.message.clone(), self.hint.clone());
        expression::CompileError { message, span, hint }.render(text)
    }
}

/// Reads one clause.
pub(crate) fn parse_clause(text: &str) -> Result<ScopeClause, ClauseError> {
    if text.len() > CLAUSE_BYTES_MAX {
        let message = format!("a clause is longer than {CLAUSE_BYTES_MAX} bytes");
        return Err(ClauseError { message, start: 0, end: text.len(), hint: None });
    }
    let lexemes = token::split_clause(text)?;
    let mut parser = ClauseParser { lexemes: &lexemes, at: 0, end: text.len() };
    let clause = parser.clause(0)?;
    match parser.peek() {
        None => Ok(clause),
        Some(_) => Err(parser.unexpected()),
    }
}

/// Returns `true` if a name can be written without quotes.
pub(crate) fn is_bare_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '$' | '@' | '/' | '#');
    let is_word = [NOT, MEMBER_OF].iter().any(|word| name.eq_ignore_ascii_case(word));
    !name.is_empty() && name.chars().all(fits) && !is_word
}

/// A recursive descent parser over the tokens of one clause.
struct ClauseParser<'a> {
    lexemes: &'a [Lexeme<'a>],
    at: usize,
    end: usize,
}

impl<'a> ClauseParser<'a> {
    /// Parses a clause: `not`, brackets, `memberOf` or a condition on an attribute.
    fn clause(&mut self, depth: usize) -> Result<ScopeClause, ClauseError> {
        if depth > NESTING_MAX {
            return Err(
                self.wrong(format!("more than {NESTING_MAX} `not` or brackets"), "simplify the clause")
            );
        }
        if self.takes_word(NOT) {
            return self.clause(depth + 1).map(|inner| ScopeClause::Not(Box::new(inner)));
        }
        if self.takes(&ClauseToken::Open('(')) {
            let inner = self.clause(depth + 1)?;
            return if self.takes(&ClauseToken::Close(')')) { Ok(inner) } else { Err(self.unexpected()) };
        }
        if self.takes_word(MEMBER_OF) {
            let Some(group) = self.takes_text().filter(|group| !group.trim().is_empty()) else {
                let hint = "write memberOf \"Domain Users\" or memberOf \"SEC-*\"";
                return Err(self.wrong("`memberOf` needs the name, a wildcard or the key of a group", hint));
            };
            let nested = !self.takes_word("directly");
            return Ok(ScopeClause::MemberOf { pattern: GroupPattern::new(&group), nested });
        }
        self.about_attribute()
    }

    /// Parses a condition on one attribute.
    fn about_attribute(&mut self) -> Result<ScopeClause, ClauseError> {
        let start = self.here().0;
        let missing = || "a clause is an attribute, an operator and what it is compared with".to_owned();
        let hint = "write department EQUALS \"Sales\"";
        let name = self.takes_text().ok_or_else(|| self.wrong(missing(), hint))?;
        let Some(name) = AttributeName::parse(&name) else {
            self.at -= 1;
            return Err(self.wrong(
                format!("`{name}` is not the name of an attribute"),
                "write department or manager.department",
            ));
        };
        let kind = self.operator()?;
        let operands_start = self.here().0;
        let operands = self.operands(kind)?;
        let operands_end = self.before();
        let ignore_case = self.takes_word("ignoring") && {
            if !self.takes_word("case") {
                return Err(self.unexpected());
            }
            true
        };
        let operator =
            AttributeOperator::new(kind, operands, ignore_case).map_err(|OperandError { what, fix }| {
                let start = if operands_start < operands_end { operands_start } else { start };
                ClauseError { message: what, start, end: operands_end, hint: Some(fix) }
            })?;
        Ok(ScopeClause::Attribute { name, operator, ignore_case })
    }

    /// Parses an operator, whose name may consist of several words.
    fn operator(&mut self) -> Result<OperatorKind, ClauseError> {
        let words: Vec<&str> = self.words().take(NAME_WORDS_MAX).collect();
        for count in (1..=words.len()).rev() {
            if let Some(kind) = OperatorKind::named(&words[..count].join(" ")) {
                self.at += count;
                return Ok(kind);
            }
        }
        if words.is_empty() {
            return Err(self.wrong("an operator is missing", "write department EQUALS \"Sales\""));
        }
        let blanks = (1..words.len()).find(|at| {
            let rest = &words[*at..];
            (1..=rest.len().min(NAME_WORDS_MAX))
                .any(|count| OperatorKind::named(&rest[..count].join(" ")).is_some())
        });
        if let Some(blanks) = blanks {
            let (start, end) = (self.here().0, self.lexemes[self.at + blanks - 1].end);
            let name = words[..blanks].join(" ");
            let message = format!("`{name}` stands between the attribute and the operator");
            let hint = Some("remove it, or put a name with spaces between quotes".to_owned());
            return Err(ClauseError { message, start, end, hint });
        }
        let count = spelling::most_like_an_operator(&words);
        let name = words[..count].join(" ");
        let (start, end) = (self.here().0, self.lexemes[self.at + count - 1].end);
        let hint = Some(spelling::operator_hint(&name));
        Err(ClauseError { message: format!("unknown operator `{name}`"), start, end, hint })
    }

    /// Parses the operands that the operator requires.
    fn operands(&mut self, kind: OperatorKind) -> Result<WrittenOperands, ClauseError> {
        match kind {
            OperatorKind::IsNull | OperatorKind::IsNotNull | OperatorKind::IsTrue | OperatorKind::IsFalse => {
                Ok(WrittenOperands::None)
            }
            OperatorKind::In | OperatorKind::NotIn => self.list(kind).map(WrittenOperands::Many),
            OperatorKind::Within
            | OperatorKind::WithinLast
            | OperatorKind::Before
            | OperatorKind::OnOrBefore
            | OperatorKind::After
            | OperatorKind::OnOrAfter => {
                let words: Vec<&str> = self.words().collect();
                self.at += words.len();
                let words = words.join(" ");
                let text = if words.is_empty() { self.takes_text() } else { Some(words) };
                text.map(WrittenOperands::One).ok_or_else(|| self.no_operand(kind))
            }
            _ => self.takes_text().map(WrittenOperands::One).ok_or_else(|| self.no_operand(kind)),
        }
    }

    /// Parses a list in brackets.
    fn list(&mut self, kind: OperatorKind) -> Result<Vec<String>, ClauseError> {
        let close = match self.peek() {
            Some(ClauseToken::Open('[')) => ClauseToken::Close(']'),
            Some(ClauseToken::Open(_)) => ClauseToken::Close(')'),
            _ => {
                let hint = format!("write {} [\"Sales\", \"R&D\"]", kind.name());
                return Err(self.wrong(format!("{} compares with a list", kind.name()), &hint));
            }
        };
        self.at += 1;
        let mut values = Vec::new();
        while !self.takes(&close) {
            values.push(self.takes_text().ok_or_else(|| self.unexpected())?);
            if !self.takes(&ClauseToken::Comma) && self.peek() != Some(&close) {
                return Err(self.unexpected());
            }
        }
        Ok(values)
    }

    fn peek(&self) -> Option<&'a ClauseToken<'a>> {
        self.lexemes.get(self.at).map(|lexeme| &lexeme.token)
    }

    fn takes(&mut self, token: &ClauseToken<'_>) -> bool {
        let takes = self.peek() == Some(token);
        self.at += usize::from(takes);
        takes
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let takes = matches!(self.peek(), Some(ClauseToken::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(takes);
        takes
    }

    fn takes_text(&mut self) -> Option<String> {
        let text = match self.peek()? {
            ClauseToken::Word(word) => (*word).to_owned(),
            ClauseToken::Quoted(text) => text.clone(),
            ClauseToken::Open(_) | ClauseToken::Close(_) | ClauseToken::Comma => return None,
        };
        self.at += 1;
        Some(text)
    }

    fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.lexemes[self.at..].iter().map_while(|lexeme| match lexeme.token {
            ClauseToken::Word(word) => Some(word),
            _ => None,
        })
    }

    /// Returns the start and end of the next lexeme.
    fn here(&self) -> (usize, usize) {
        self.lexemes.get(self.at).map_or((self.end, self.end), |lexeme| (lexeme.start, lexeme.end))
    }

    /// Returns the end of the last lexeme that was consumed.
    fn before(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.lexemes.get(at)).map_or(0, |lexeme| lexeme.end)
    }

    fn wrong(&self, message: impl Into<String>, hint: &str) -> ClauseError {
        let (start, end) = self.here();
        ClauseError { message: message.into(), start, end, hint: Some(hint.to_owned()) }
    }

    fn no_operand(&self, kind: OperatorKind) -> ClauseError {
        self.wrong(format!("{} needs something to compare with", kind.name()), "add it, between quotes")
    }

    fn unexpected(&self) -> ClauseError {
        let Some(token) = self.peek() else {
            return self.wrong("the clause ends too early", "close every bracket, and end with the operand");
        };
        let hint = match token {
            ClauseToken::Word(word) if word.eq_ignore_ascii_case("and") => "make it two clauses of `all`",
            ClauseToken::Word(word) if word.eq_ignore_ascii_case("or") => "make it two alternatives of `any`",
            ClauseToken::Word(_) => "put a value of several words between quotes",
            _ => "remove it",
        };
        self.wrong(format!("unexpected {token}"), hint)
    }
}

#[cfg(test)]
mod tests;
