//! Parses text to a syntax tree, and prints it.

pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod print;

use crate::error::SourceSpan;

/// A part of an expression as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SyntaxNode {
    pub kind: SyntaxKind,
    pub span: SourceSpan,
}

/// The kind of a part, with its operands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SyntaxKind {
    Attribute(String),
    Text(String),
    Integer {
        value: i64,
        hex: bool,
    },
    /// A bare word: the member of an enumeration (`vbTextCompare`) or a keyword (`IgnoreAttributeFlow`).
    Word(String),
    Call {
        name: String,
        name_span: SourceSpan,
        /// The arguments. `None` is a hole, as in `Replace([a], , "x")`.
        arguments: Vec<Option<SyntaxNode>>,
    },
    Compare {
        comparison: ComparisonOperator,
        left: Box<SyntaxNode>,
        right: Box<SyntaxNode>,
    },
    /// Two or more operands of `&`.
    Concat(Vec<SyntaxNode>),
}

/// The operators of conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComparisonOperator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl ComparisonOperator {
    /// Returns the operator as it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Returns `true` if the order of two values fulfils the operator.
    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}
