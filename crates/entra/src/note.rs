//! What was done with something on its way between the two.

use std::fmt;

use serde::Serialize;

/// One remark about an import or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ConversionNote {
    /// It was taken over, but does not mean quite the same.
    Changed {
        /// What it is about.
        place: String,
        /// What is different, and what to do.
        text: String,
    },
    /// It was not taken over.
    LeftOut {
        /// What it is about.
        place: String,
        /// Why, and what to do.
        text: String,
    },
}

impl ConversionNote {
    pub(crate) fn changed(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Changed { place: place.into(), text: text.into() }
    }

    pub(crate) fn left_out(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self::LeftOut { place: place.into(), text: text.into() }
    }

    /// What it is about.
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
