//! The compiled form: functions resolved, constants prepared.

use crate::error::Span;
use crate::function::Function;
use crate::library::dotnet_format::Format;
use crate::pattern::{Pattern, Replacement};
use crate::syntax::Comparison;
use crate::value::Type;
use time::OffsetDateTime;

/// A part of a compiled expression.
#[derive(Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub kind: NodeKind,
    /// What it gives if it does not give null.
    pub result: Type,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Attribute(String),
    Text(String),
    Integer(i64),
    IgnoreAttribute,
    IgnoreObject,
    Compare { comparison: Comparison, sides: Box<[Node; 2]> },
    Concat(Vec<Node>),
    Call(Call),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub function: Function,
    /// `None` for holes; those left out at the end are not there.
    pub arguments: Vec<Option<Node>>,
    pub prepared: Prepared,
}

/// What could be worked out before there is a source.
#[derive(Debug)]
pub(crate) enum Prepared {
    Nothing,
    /// `CDate` of a constant.
    Date(OffsetDateTime),
    /// `FormatDateTime` with constant formats.
    Formats {
        input: Option<Format>,
        output: Option<Format>,
    },
    Replace(Box<Mode>),
    /// The place of a random function among those of the expression.
    Random(usize),
}

/// The five ways to call `Replace`; arguments that are not constant stay in the call.
#[derive(Debug)]
pub(crate) enum Mode {
    /// Every `oldValue` becomes `replacementValue`.
    Literal,
    /// Every `oldValue` in `template` becomes the source.
    Template,
    /// Every match becomes `replacementValue`, in which `${group}` can be used.
    Pattern { pattern: Option<Pattern>, replacement: Option<Replacement> },
    /// In every match, the group becomes `replacementValue`.
    Group { pattern: Option<Pattern> },
    /// An empty source becomes the group as found in another attribute.
    Extract { pattern: Option<Pattern> },
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

impl Call {
    pub(crate) fn argument(&self, position: usize) -> Option<&Node> {
        self.arguments.get(position)?.as_ref()
    }
}

impl Node {
    /// The text of a constant.
    pub(crate) fn constant(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }
}
