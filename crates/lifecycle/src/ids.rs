//! The id types, one prefixed type per kind of object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::version::StatementVersion;

/// The error for a text that is not an id of the expected kind.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}<32 hex digits>")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The prefix of every id of this kind.
            pub const PREFIX: &'static str = $prefix;

            /// Returns the id as text, including the prefix.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                let digits = text.strip_prefix($prefix).unwrap_or_default();
                if digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    Ok(Self(text))
                } else {
                    Err(IdError { text, prefix: $prefix })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! time_ordered {
    ($name:ident) => {
        impl $name {
            /// Creates a new id, ordered by creation time (UUID version 7).
            pub fn fresh() -> Self {
                Self(format!("{}{}", Self::PREFIX, uuid::Uuid::now_v7().simple()))
            }
        }
    };
}

id_type!(
    /// An accepted event. The id is derived from sender, source and id, so a duplicate has the same id everywhere.
    EventId, "evt_"
);
id_type!(
    /// A command from the mapper to the writer.
    CommandId, "cmd_"
);
id_type!(
    /// One SCIM request and its response.
    AttemptId, "att_"
);
id_type!(
    /// A resource that an operator must check before it is tried again.
    DeadLetterId, "ded_"
);

id_type!(
    /// A plan: the effect of a policy on all people, computed once.
    PlanId, "pln_"
);

id_type!(
    /// One run of a full feed, a file that lists all people.
    FeedRunId, "run_"
);

id_type!(
    /// A replay of many dead letters, one after the other.
    ReplayId, "rpl_"
);

id_type!(
    /// A statement that is already known and takes effect later.
    ScheduleId, "sch_"
);

id_type!(
    /// An account of a person that must be off, beginning with one departure.
    ObligationId, "obl_"
);

time_ordered!(ObligationId);
time_ordered!(FeedRunId);
time_ordered!(ReplayId);
time_ordered!(CommandId);
time_ordered!(AttemptId);
time_ordered!(DeadLetterId);
time_ordered!(PlanId);

impl EventId {
    /// Returns the id of the event that the authenticated `sender` named `id`, so that no sender can use up the ids
    /// of another. A sender that speaks for several sources names events within each of them, as CloudEvents 1.0
    /// specifies.
    pub fn of_sender(sender: &str, source: &str, id: &str) -> Self {
        let claimed = source.trim_matches('/');
        let is_own =
            claimed.strip_prefix(sender).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_own { Self::of(claimed, id) } else { Self::of(&format!("{sender}:{claimed}"), id) }
    }

    /// Returns the id of the event that `source` named `id`: CloudEvents 1.0 makes that pair unique.
    pub fn of(source: &str, id: &str) -> Self {
        Self(format!("{}{}", Self::PREFIX, digits_of(source, id)))
    }
}

impl FeedRunId {
    /// Returns the id of the run that `source` named `name`. It is the same each time the same file is read again.
    pub fn of(source: &str, name: &str) -> Self {
        Self(format!("{}{}", Self::PREFIX, digits_of(source, name)))
    }
}

impl ScheduleId {
    /// Returns the id of one event's statement about `person` from `version.effective_at` on. The id is the same each
    /// time. Ids are ordered by that moment, which they contain.
    pub fn of(person: &str, version: StatementVersion) -> Self {
        let StatementVersion { effective_at, said_at, sequence } = version;
        let hash = digits_of(person, &format!("{effective_at}/{said_at}/{sequence}"));
        Self(format!("{}{effective_at:016x}{}", Self::PREFIX, &hash[..16]))
    }

    /// Returns the time at which the statement takes effect (microseconds since the Unix epoch).
    pub fn effective_at(&self) -> i64 {
        let digits = &self.0[Self::PREFIX.len()..][..16];
        u64::from_str_radix(digits, 16).map_or(0, u64::cast_signed)
    }
}

/// Returns 32 hexadecimal digits of a hash of both texts and of the length of the first.
fn digits_of(first: &str, second: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((first.len() as u64).to_be_bytes());
    hash.update(first.as_bytes());
    hash.update(second.as_bytes());
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sender_uses_up_the_ids_of_another() {
        let hr = EventId::of_sender("hr", "/hr", "1");
        assert_eq!(hr, EventId::of_sender("hr", "hr/", "1"));
        assert_ne!(hr, EventId::of_sender("contractors", "/hr", "1"));
        assert_ne!(hr, EventId::of_sender("hr", "/hr/berlin", "1"));
        assert_ne!(EventId::of_sender("a", "/x", "1"), EventId::of_sender("b", "/x", "1"));
        assert_ne!(EventId::of_sender("hr", "/hrx", "1"), EventId::of_sender("hrx", "/hrx", "1"));
    }

    #[test]
    fn an_event_id_depends_on_source_and_id_and_on_where_one_ends() {
        assert_eq!(EventId::of("hr", "1"), EventId::of("hr", "1"));
        assert_ne!(EventId::of("hr", "1"), EventId::of("hr1", ""));
        assert!(EventId::of("hr", "1").as_str().parse::<EventId>().is_ok());
        assert!("evt_12".parse::<EventId>().is_err());
    }
}
