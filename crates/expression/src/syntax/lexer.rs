//! Splits text into tokens.

use super::ComparisonOperator;
use crate::error::{CompileError, SourceSpan};

/// A token of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExpressionToken {
    Name(String),
    Attribute(String),
    Text(String),
    Integer { value: i64, hex: bool },
    Open,
    Close,
    Comma,
    Ampersand,
    Comparison(ComparisonOperator),
    End,
}

/// Reads all tokens with their positions. The last one is [`ExpressionToken::End`].
pub(crate) fn read_tokens(text: &str) -> Result<Vec<(ExpressionToken, SourceSpan)>, CompileError> {
    let mut lexer = Lexer { text, at: 0, after_operand: false };
    let mut tokens = Vec::new();
    loop {
        let (token, span) = lexer.next()?;
        lexer.after_operand = matches!(
            token,
            ExpressionToken::Name(_)
                | ExpressionToken::Attribute(_)
                | ExpressionToken::Text(_)
                | ExpressionToken::Integer { .. }
                | ExpressionToken::Close
        );
        let end = token == ExpressionToken::End;
        tokens.push((token, span));
        if end {
            return Ok(tokens);
        }
    }
}

/// The state of the tokeniser.
struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// `true` if an operand came before. In that case `&H` is a concatenation with something that begins with H.
    after_operand: bool,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Reads the next token.
    fn next(&mut self) -> Result<(ExpressionToken, SourceSpan), CompileError> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok((ExpressionToken::End, SourceSpan::new(start, start)));
        };
        let token = match first {
            '"' => self.string()?,
            '[' => self.attribute()?,
            '(' => self.sign(1, ExpressionToken::Open),
            ')' => self.sign(1, ExpressionToken::Close),
            ',' => self.sign(1, ExpressionToken::Comma),
            '&' => self.ampersand()?,
            '=' | '<' | '>' => self.comparison()?,
            '-' | '0'..='9' => self.integer()?,
            letter if letter.is_alphabetic() || letter == '_' => self.name(),
            other => return Err(self.stray(other)),
        };
        Ok((token, SourceSpan::new(start, self.at)))
    }

    fn sign(&mut self, bytes: usize, token: ExpressionToken) -> ExpressionToken {
        self.at += bytes;
        token
    }

    /// Reads `"..."`. `\` escapes `\` and `"`. Before any other character a
    /// backslash is literal, as Microsoft's own examples with `"\+("` require.
    fn string(&mut self) -> Result<ExpressionToken, CompileError> {
        let start = self.at;
        let mut value = String::new();
        let mut chars = self.text[start + 1..].char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + 1 + i + 1;
                    return Ok(ExpressionToken::Text(value));
                }
                '\\' => match chars.next_if(|(_, next)| matches!(next, '\\' | '"')) {
                    Some((_, escaped)) => value.push(escaped),
                    None => value.push('\\'),
                },
                other => value.push(other),
            }
        }
        Err(CompileError::new(SourceSpan::new(start, self.text.len()), "this text has no closing quote")
            .hint("a quote inside of a text is written `\\\"`"))
    }

    /// Reads `[name]`. Brackets inside must match, so that SCIM paths with filters can be named.
    fn attribute(&mut self) -> Result<ExpressionToken, CompileError> {
        let start = self.at;
        let mut open = 0usize;
        for (i, c) in self.rest().char_indices() {
            match c {
                '[' => open += 1,
                ']' if open == 1 => {
                    let name = self.text[start + 1..start + i].trim();
                    self.at = start + i + 1;
                    let span = SourceSpan::new(start, self.at);
                    if name.is_empty() {
                        return Err(CompileError::new(span, "the name of the attribute is missing"));
                    }
                    return Ok(ExpressionToken::Attribute(name.to_owned()));
                }
                ']' => open -= 1,
                '\n' => break,
                _ => {}
            }
        }
        let line = self.rest().split('\n').next().unwrap_or_default().trim_end().len();
        Err(CompileError::new(
            SourceSpan::new(start, start + line.max(1)),
            "this attribute has no closing bracket `]`",
        ))
    }

    fn name(&mut self) -> ExpressionToken {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.at += end;
        ExpressionToken::Name(name)
    }

    /// Reads `&`, or a hexadecimal number such as `&HF`.
    fn ampersand(&mut self) -> Result<ExpressionToken, CompileError> {
        let hex = self.rest().strip_prefix("&H").or_else(|| self.rest().strip_prefix("&h"));
        let digits =
            hex.filter(|rest| !self.after_operand && rest.starts_with(|c: char| c.is_ascii_hexdigit()));
        match digits {
            Some(rest) => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                let value = i64::from_str_radix(&rest[..end], 16);
                let span = SourceSpan::new(self.at, self.at + 2 + end);
                self.at = span.end;
                let value = value.map_err(|_| CompileError::new(span, "this is not a hexadecimal number"))?;
                Ok(ExpressionToken::Integer { value, hex: true })
            }
            None if self.rest().starts_with("&&") => Err(self.no_logic(2)),
            None => Ok(self.sign(1, ExpressionToken::Ampersand)),
        }
    }

    /// Reads a comparison operator.
    fn comparison(&mut self) -> Result<ExpressionToken, CompileError> {
        const SIGNS: [(&str, ComparisonOperator); 6] = [
            ("<>", ComparisonOperator::NotEqual),
            ("<=", ComparisonOperator::LessOrEqual),
            (">=", ComparisonOperator::GreaterOrEqual),
            ("=", ComparisonOperator::Equal),
            ("<", ComparisonOperator::Less),
            (">", ComparisonOperator::Greater),
        ];
        if self.rest().starts_with("==") {
            let span = SourceSpan::new(self.at, self.at + 2);
            return Err(CompileError::new(span, "`==` is not an operator").hint("write `=`"));
        }
        let (sign, comparison) = SIGNS
            .into_iter()
            .find(|(sign, _)| self.rest().starts_with(sign))
            .expect("the first character is one of the signs");
        Ok(self.sign(sign.len(), ExpressionToken::Comparison(comparison)))
    }

    /// Reads an integer.
    fn integer(&mut self) -> Result<ExpressionToken, CompileError> {
        let rest = self.rest();
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let sign = rest.len() - unsigned.len();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let end = sign + unsigned.find(|c| !is_part(c)).unwrap_or(unsigned.len());
        let span = SourceSpan::new(self.at, self.at + end.max(1));
        let written = rest[..end].to_owned();
        let value = written.parse::<i64>();
        self.at = span.end;
        let value = value.map_err(|_| {
            CompileError::new(span, "this is not a whole number of at most 19 digits")
                .hint("text needs quotes: `\"...\"`")
        })?;
        // `0041` keeps its text, as in Entra's trees. It is read as a number where one is required.
        match written == value.to_string() {
            true => Ok(ExpressionToken::Integer { value, hex: false }),
            false => Ok(ExpressionToken::Text(written)),
        }
    }

    fn no_logic(&self, bytes: usize) -> CompileError {
        let span = SourceSpan::new(self.at, self.at + bytes);
        CompileError::new(span, "conditions cannot be combined with an operator").hint("nest `IIF` instead")
    }

    /// Returns the error for a character that begins no token.
    fn stray(&self, c: char) -> CompileError {
        let span = SourceSpan::new(self.at, self.at + c.len_utf8());
        let error = CompileError::new(span, format!("`{}` means nothing here", c.escape_debug()));
        match c {
            '“' | '”' | '„' | '‘' | '’' | '\'' | '`' => {
                error.hint("text stands in straight double quotes: `\"...\"`")
            }
            ';' => error.hint("arguments are separated by `,`"),
            '!' => error.hint("write `<>` for `!=`, and `Not(...)` for `!`"),
            '|' => self.no_logic(c.len_utf8()),
            '+' => error.hint("texts are put together with `Join`, `Append` or `&`"),
            ']' => error.hint("an attribute is written `[name]`"),
            _ => error,
        }
    }
}
