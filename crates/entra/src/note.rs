//! Notes on parts that a conversion changes or omits.

use std::fmt;

use serde::Serialize;

/// One note on an import or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ConversionNote {
    /// The part was converted, but differs in meaning.
    Changed {
        /// The part that the note concerns.
        place: String,
        /// The difference, and a suggested action.
        text: String,
    },
    /// The part was not converted.
    LeftOut {
        /// The part that the note concerns.
        place: String,
        /// The reason, and a suggested action.
        text: String,
    },
}

impl ConversionNote {
    /// Creates a note on a part that differs in meaning.
    pub(crate) fn changed(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Changed { place: place.into(), text: text.into() }
    }

    /// Creates a note on a part that was not converted.
    pub(crate) fn left_out(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self::LeftOut { place: place.into(), text: text.into() }
    }

    /// Returns the part that the note concerns.
    pub fn place(&self) -> &str {
        match self {
            Self::Changed { place, .. } | Self::LeftOut { place, .. } => place,
        }
    }
}

impl fmt::Display for ConversionNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { place, text } => write!(f, "{place}: taken over differently: {text}"),
            Self::LeftOut { place, text } => write!(f, "{place}: NOT taken over: {text}"),
        }
    }
}
