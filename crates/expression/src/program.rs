//! The compiled form: functions resolved, constants prepared.

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
    /// What it gives if it does not give null.
    pub result: ExpressionType,
}

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

#[derive(Debug)]
pub(crate) struct FunctionCall {
    pub function: Function,
    /// `None` for holes; those left out at the end are not there.
    pub arguments: Vec<Option<ProgramNode>>,
    pub prepared: PreparedCall,
}

/// What could be worked out before there is a source.
#[derive(Debug)]
pub(crate) enum PreparedCall {
    Nothing,
    /// `CDate` of a constant.
    Date(OffsetDateTime),
    /// `FormatDateTime` with constant formats.
    Formats {
        input: Option<DotnetFormat>,
        output: Option<DotnetFormat>,
    },
    Replace(Box<ReplaceMode>),
    /// The place of a random function among those of the expression.
    Random(usize),
}

/// The five ways to call `Replace`; arguments that are not constant stay in the call.
#[derive(Debug)]
pub(crate) enum ReplaceMode {
    /// Every `oldValue` becomes `replacementValue`.
    Literal,
    /// Every `oldValue` in `template` becomes the source.
    Template,
    /// Every match becomes `replacementValue`, in which `${group}` can be used.
    Pattern { pattern: Option<ReplacePattern>, replacement: Option<ReplacementTemplate> },
    /// In every match, the group becomes `replacementValue`.
    Group { pattern: Option<ReplacePattern> },
    /// An empty source becomes the group as found in another attribute.
    Extract { pattern: Option<ReplacePattern> },
}

/// Positions of `Replace`'s arguments.
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
    pub(crate) fn argument(&self, position: usize) -> Option<&ProgramNode> {
        self.arguments.get(position)?.as_ref()
    }
}

impl ProgramNode {
    /// The text of a constant.
    pub(crate) fn constant(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }
}
