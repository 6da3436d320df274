//! From words to a tree.
//!
//! ```text
//! condition = operand [ ("=" | "<>" | "<" | "<=" | ">" | ">=") operand ]
//! operand   = primary { "&" primary }
//! primary   = "[" name "]" | '"' text '"' | integer | word | name "(" [ argument { "," argument } ] ")"
//! argument  = [ condition ]
//! ```

use super::lexer::{Token, tokens};
use super::{Kind, Syntax};
use crate::MAX_DEPTH;
use crate::error::{CompileError, Span};

/// Reads a whole expression.
pub(crate) fn parse(text: &str) -> Result<Syntax, CompileError> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
    if parser.peek() == &Token::End {
        let hint = "an attribute is written `[name]`, a text `\"...\"`, a function `Join(...)`";
        return Err(CompileError::new(Span::new(0, text.len()), "the expression is empty").hint(hint));
    }
    let tree = parser.condition()?;
    match parser.next() {
        (Token::End, _) => Ok(tree),
        (Token::Close, span) => Err(CompileError::new(span, "this `)` closes nothing")),
        (token, span) => Err(after_operand(&token, span, "the expression ends before this")),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<(Token, Span)>>,
    depth: usize,
}

impl Parser {
    fn peek(&mut self) -> &Token {
        self.tokens.peek().map_or(&Token::End, |(token, _)| token)
    }

    fn next(&mut self) -> (Token, Span) {
        self.tokens.next().expect("parsing stops at the end")
    }

    fn condition(&mut self) -> Result<Syntax, CompileError> {
        let left = self.operand()?;
        let &Token::Comparison(comparison) = self.peek() else { return Ok(left) };
        self.next();
        let right = self.operand()?;
        if let Token::Comparison(_) = self.peek() {
            let (_, span) = self.next();
            return Err(
                CompileError::new(span, "a condition compares two values only").hint("nest `IIF` instead")
            );
        }
        let span = left.span.to(right.span);
        Ok(Syntax { kind: Kind::Compare { comparison, left: left.into(), right: right.into() }, span })
    }

    fn operand(&mut self) -> Result<Syntax, CompileError> {
        let first = self.primary()?;
        if self.peek() != &Token::Ampersand {
            return Ok(first);
        }
        let start = first.span;
        let mut operands = vec![first];
        while self.peek() == &Token::Ampersand {
            self.next();
            operands.push(self.primary()?);
        }
        let end = operands.last().map_or(start, |last| last.span);
        Ok(Syntax { kind: Kind::Concat(operands), span: start.to(end) })
    }

    fn primary(&mut self) -> Result<Syntax, CompileError> {
        let (token, span) = self.next();
        let kind = match token {
            Token::Attribute(name) => Kind::Attribute(name),
            Token::Text(text) => Kind::Text(text),
            Token::Integer { value, hex } => Kind::Integer { value, hex },
            Token::Name(name) if self.peek() == &Token::Open => return self.call(name, span),
            Token::Name(name) => Kind::Word(name),
            Token::End => {
                return Err(CompileError::new(span, "the expression ends where a value is missing"));
            }
            Token::Open => {
                let hint = "brackets follow the name of a function; they do not group";
                return Err(CompileError::new(span, "`(` without a function").hint(hint));
            }
            Token::Close | Token::Comma | Token::Ampersand | Token::Comparison(_) => {
                return Err(CompileError::new(span, "a value is missing before this"));
            }
        };
        Ok(Syntax { kind, span })
    }

    fn call(&mut self, name: String, name_span: Span) -> Result<Syntax, CompileError> {
        if self.depth == MAX_DEPTH {
            let message = format!("functions are nested more than {MAX_DEPTH} deep");
            return Err(CompileError::new(name_span, message));
        }
        self.depth += 1;
        let (_, open) = self.next();
        let mut arguments = Vec::new();
        let close = loop {
            let argument = match self.peek() {
                Token::Comma | Token::Close => None,
                Token::End => return Err(unclosed(&name, name_span, open)),
                _ => Some(self.condition()?),
            };
            let last_is_hole = argument.is_none();
            arguments.push(argument);
            match self.next() {
                (Token::Comma, _) => {}
                (Token::Close, span) => {
                    if last_is_hole && arguments.len() == 1 {
                        arguments.clear(); // `Now()` has no arguments rather than a hole
                    }
                    break span;
                }
                (Token::End, _) => return Err(unclosed(&name, name_span, open)),
                (token, span) => {
                    return Err(after_operand(&token, span, "`,` or `)` is missing before this"));
                }
            }
        };
        self.depth -= 1;
        Ok(Syntax { kind: Kind::Call { name, name_span, arguments }, span: name_span.to(close) })
    }
}

fn unclosed(name: &str, name_span: Span, open: Span) -> CompileError {
    CompileError::new(name_span.to(open), format!("`{name}(` has no closing bracket `)`"))
}

fn after_operand(token: &Token, span: Span, message: &str) -> CompileError {
    let error = CompileError::new(span, message);
    match token {
        Token::Name(name) if ["and", "or"].contains(&name.to_lowercase().as_str()) => {
            error.hint("conditions cannot be combined with an operator: nest `IIF` instead")
        }
        Token::Text(_) => error.hint("a quote inside of a text is written `\\\"`"),
        _ => error,
    }
}
