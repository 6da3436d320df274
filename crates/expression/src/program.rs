//! The compiled form: functions are resolved and constants prepared.

use crate::error::SourceSpan;
use crate::function::Function;
use crate::library::dotnet_format::DotnetFormat;
use crate::pattern::{ReplacePattern, ReplacementTemplate};
use crate::syntax::ComparisonOperator;
use crate::value::ExpressionType;
use time::OffsetDateTime;

/// A part of a compiled expression.
#[derive(Debug)]
pub(crate) struct ProgramNode {
    pub span: SourceSpan,
    pub kind: NodeKind,
    /// The type of its value, if the value is not null.
    pub result: ExpressionType,
}

/// The kind of a part, with its operands.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Attribute(String),
    Text(String),
    Integer(i64),
    IgnoreAttribute,
    IgnoreObject,
    Compare { comparison: ComparisonOperator, sides: Box<[ProgramNode; 2]> },
    Concat(Vec<ProgramNode>),
    Call(FunctionCall),
}

/// A call of a function.
#[derive(Debug)]
pub(crate) struct FunctionCall {
    pub function: Function,
    /// The arguments. `None` is a hole; omitted arguments at the end are absent.
    pub arguments: Vec<Option<ProgramNode>>,
    pub prepared: PreparedCall,
}

/// The parts of a call that are computed without a source.
#[derive(Debug)]
pub(crate) enum PreparedCall {
    Nothing,
    /// The date of `CDate` with a constant.
    Date(OffsetDateTime),
    /// The constant formats of `FormatDateTime`.
    Formats {
        input: Option<DotnetFormat>,
        output: Option<DotnetFormat>,
    },
    Replace(Box<ReplaceMode>),
    /// The index of a random function among those of the expression.
    Random(usize),
}

/// The five modes of `Replace`. Arguments that are not constant stay in the call.
#[derive(Debug)]
pub(crate) enum ReplaceMode {
    /// Replaces each `oldValue` with `replacementValue`.
    Literal,
    /// Replaces each `oldValue` in `template` with the source.
    Template,
    /// Replaces each match with `replacementValue`, which can contain `${group}`.
    Pattern { pattern: Option<ReplacePattern>, replacement: Option<ReplacementTemplate> },
    /// Replaces the group in each match with `replacementValue`.
    Group { pattern: Option<ReplacePattern> },
    /// Replaces an empty source with the group as it matches in another attribute.
    Extract { pattern: Option<ReplacePattern> },
}

/// The positions of `Replace`'s arguments.
pub(crate) mod replace {
    pub(crate) const SOURCE: usize = 0;
    pub(crate) const OLD: usize = 1;
    pub(crate) const PATTERN: usize = 2;
    pub(crate) const GROUP: usize = 3;
    pub(crate) const VALUE: usize = 4;
    pub(crate) const ATTRIBUTE: usize = 5;
    pub(crate) const TEMPLATE: usize = 6;
}

impl FunctionCall {
    /// Returns an argument; `None` for holes and omitted arguments.
    pub(crate) fn argument(&self, position: usize) -> Option<&ProgramNode> {
        self.arguments.get(position)?.as_ref()
    }
}

impl ProgramNode {
    /// Returns the text of a constant.
    pub(crate) fn constant(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }
}
