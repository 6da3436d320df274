//! Words that columns store, as enums. A word that this version does not know stays in its row as it is, so that a newer
//! version that wrote it can read it again; [`crate::ownership::unreadable`] lists the row, and nothing is decided by it.

use std::fmt;

use sea_orm::DeriveValueType;

/// Defines an enum whose values a text column stores.
macro_rules! stored_words {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
        #[sea_orm(value_type = "String")]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word that this version does not know.
            Unknown(String),
        }

        impl $name {
            /// Every word that this version knows.
            pub(crate) const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the word as the tables store it.
            pub(crate) fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Unknown(word) => word,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Ok(match word {
                    $($word => Self::$variant,)+
                    _ => Self::Unknown(word.to_owned()),
                })
            }
        }
    };
}

stored_words! {
    /// The status of a resource or a membership.
    RowStatus {
        /// Desired and applied agree.
        InSync = "in_sync",
        /// Not tried yet at this revision.
        Pending = "pending",
        /// Tried; a retry is due later.
        Retrying = "retrying",
        /// Belongs to another owner; waits for an operator.
        Conflict = "conflict",
        /// Given up; waits for an operator.
        Dead = "dead",
        /// Not sent before an operator approves.
        Held = "held",
        /// Rejected by an operator.
        Rejected = "rejected",
        /// A membership with one end that has no account or group at the target; or a resource that should have a value which
        /// another one of ours has.
        Waiting = "waiting",
        /// A membership that is part of a request under way.
        Sending = "sending",
        /// A membership whose request may or may not have been carried out.
        Unsure = "unsure",
    }
}

/// A word in a row that this version does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{column}` is `{word}`, which this version does not know")]
pub(crate) struct UnknownWord {
    pub(crate) column: &'static str,
    pub(crate) word: String,
}

impl UnknownWord {
    /// Returns the word of a column if `knows` does not know it.
    pub(crate) fn in_column(
        column: &'static str,
        word: Option<&str>,
        knows: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        word.filter(|word| !knows(word)).map(|word| Self { column, word: word.to_owned() })
    }

    /// Returns the word of a status that this version does not know.
    pub(crate) fn in_status(status: &RowStatus) -> Option<Self> {
        match status {
            RowStatus::Unknown(word) => Some(Self { column: "status", word: word.clone() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_read_as_it_is_written_and_others_stay_as_they_are() {
        for status in RowStatus::KNOWN {
            assert_eq!(&status.as_str().parse::<RowStatus>().unwrap(), status);
        }
        let unknown: RowStatus = "frozen".parse().unwrap();
        assert_eq!((unknown.as_str(), &unknown), ("frozen", &RowStatus::Unknown("frozen".to_owned())));
        assert!(UnknownWord::in_status(&unknown).is_some() && !RowStatus::KNOWN.contains(&unknown));
    }
}
