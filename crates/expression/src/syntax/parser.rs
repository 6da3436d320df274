//! Parses tokens to a syntax tree.
//!
//! ```text
//! condition = operand [ ("=" | "<>" | "<" | "<=" | ">" | ">=") operand ]
//! operand   = primary { "&" primary }
//! primary   = "[" name "]" | '"' text '"' | integer | word | name "(" [ argument { "," argument } ] ")"
//! argument  = [ condition ]
//! ```

use super::lexer::{ExpressionToken, read_tokens};
use super::{SyntaxKind, SyntaxNode};
use crate::MAX_DEPTH;
use crate::error::{CompileError, SourceSpan};

/// Reads a whole expression.
pub(crate) fn parse_expression(text: &str) -> Result<SyntaxNode, CompileError> {
    let mut parser = ExpressionParser { tokens: read_tokens(text)?.into_iter().peekable(), depth: 0 };
    if parser.peek() == &ExpressionToken::End {
        let hint = "an attribute is written `[name]`, a text `\"...\"`, a function `Join(...)`";
        return Err(CompileError::new(SourceSpan::new(0, text.len()), "the expression is empty").hint(hint));
    }
    let tree = parser.condition()?;
    match parser.next() {
        (ExpressionToken::End, _) => Ok(tree),
        (ExpressionToken::Close, span) => Err(CompileError::new(span, "this `)` closes nothing")),
        (token, span) => Err(after_operand(&token, span, "the expression ends before this")),
    }
}

/// A recursive descent parser over the tokens of one expression.
struct ExpressionParser {
    tokens: std::iter::Peekable<std::vec::IntoIter<(ExpressionToken, SourceSpan)>>,
    depth: usize,
}

impl ExpressionParser {
    fn peek(&mut self) -> &ExpressionToken {
        self.tokens.peek().map_or(&ExpressionToken::End, |(token, _)| token)
    }

    fn next(&mut self) -> (ExpressionToken, SourceSpan) {
        self.tokens.next().expect("parsing stops at the end")
    }

    /// Parses a condition.
    fn condition(&mut self) -> Result<SyntaxNode, CompileError> {
        let left = self.operand()?;
        let &ExpressionToken::Comparison(comparison) = self.peek() else { return Ok(left) };
        self.next();
        let right = self.operand()?;
        if let ExpressionToken::Comparison(_) = self.peek() {
            let (_, span) = self.next();
            return Err(
                CompileError::new(span, "a condition compares two values only").hint("nest `IIF` instead")
            );
        }
        let span = left.span.to(right.span);
        Ok(SyntaxNode {
            kind: SyntaxKind::Compare { comparison, left: left.into(), right: right.into() },
            span,
        })
    }

    /// Parses an operand.
    fn operand(&mut self) -> Result<SyntaxNode, CompileError> {
        let first = self.primary()?;
        if self.peek() != &ExpressionToken::Ampersand {
            return Ok(first);
        }
        let start = first.span;
        let mut operands = vec![first];
        while self.peek() == &ExpressionToken::Ampersand {
            self.next();
            operands.push(self.primary()?);
        }
        let end = operands.last().map_or(start, |last| last.span);
        Ok(SyntaxNode { kind: SyntaxKind::Concat(operands), span: start.to(end) })
    }

    /// Parses an attribute, a constant, a word or a call.
    fn primary(&mut self) -> Result<SyntaxNode, CompileError> {
        let (token, span) = self.next();
        let kind = match token {
            ExpressionToken::Attribute(name) => SyntaxKind::Attribute(name),
            ExpressionToken::Text(text) => SyntaxKind::Text(text),
            ExpressionToken::Integer { value, hex } => SyntaxKind::Integer { value, hex },
            ExpressionToken::Name(name) if self.peek() == &ExpressionToken::Open => {
                return self.call(name, span);
            }
            ExpressionToken::Name(name) => SyntaxKind::Word(name),
            ExpressionToken::End => {
                return Err(CompileError::new(span, "the expression ends where a value is missing"));
            }
            ExpressionToken::Open => {
                let hint = "brackets follow the name of a function; they do not group";
                return Err(CompileError::new(span, "`(` without a function").hint(hint));
            }
            ExpressionToken::Close
            | ExpressionToken::Comma
            | ExpressionToken::Ampersand
            | ExpressionToken::Comparison(_) => {
                return Err(CompileError::new(span, "a value is missing before this"));
            }
        };
        Ok(SyntaxNode { kind, span })
    }

    /// Parses the arguments of a call.
    fn call(&mut self, name: String, name_span: SourceSpan) -> Result<SyntaxNode, CompileError> {
        if self.depth == MAX_DEPTH {
            let message = format!("functions are nested more than {MAX_DEPTH} deep");
            return Err(CompileError::new(name_span, message));
        }
        self.depth += 1;
        let (_, open) = self.next();
        let mut arguments = Vec::new();
        let close = loop {
            let argument = match self.peek() {
                ExpressionToken::Comma | ExpressionToken::Close => None,
                ExpressionToken::End => return Err(unclosed_call(&name, name_span, open)),
                _ => Some(self.condition()?),
            };
            let last_is_hole = argument.is_none();
            arguments.push(argument);
            match self.next() {
                (ExpressionToken::Comma, _) => {}
                (ExpressionToken::Close, span) => {
                    if last_is_hole && arguments.len() == 1 {
                        arguments.clear(); // `Now()` has no arguments rather than a hole
                    }
                    break span;
                }
                (ExpressionToken::End, _) => return Err(unclosed_call(&name, name_span, open)),
                (token, span) => {
                    return Err(after_operand(&token, span, "`,` or `)` is missing before this"));
                }
            }
        };
        self.depth -= 1;
        Ok(SyntaxNode { kind: SyntaxKind::Call { name, name_span, arguments }, span: name_span.to(close) })
    }
}

fn unclosed_call(name: &str, name_span: SourceSpan, open: SourceSpan) -> CompileError {
    CompileError::new(name_span.to(open), format!("`{name}(` has no closing bracket `)`"))
}

fn after_operand(token: &ExpressionToken, span: SourceSpan, message: &str) -> CompileError {
    let error = CompileError::new(span, message);
    match token {
        ExpressionToken::Name(name) if ["and", "or"].contains(&name.to_lowercase().as_str()) => {
            error.hint("conditions cannot be combined with an operator: nest `IIF` instead")
        }
        ExpressionToken::Text(_) => error.hint("a quote inside of a text is written `\\\"`"),
        _ => error,
    }
}
