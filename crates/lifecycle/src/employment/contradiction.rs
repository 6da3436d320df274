//! Contradictions: statements of sources that cannot all be true.

use serde::{Deserialize, Serialize};

/// A contradiction that an operator should check until the source settles it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contradiction {
    /// The kind of contradiction.
    pub code: ContradictionCode,
    /// The sender of the contradicting statement.
    pub sender: String,
    /// The time of the contradicting statement (microseconds since the Unix epoch).
    pub said_at: i64,
}

/// The kinds of contradiction; see docs/employment.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContradictionCode {
    /// A departure changes nothing, because an arrival without a day was stated later.
    DepartureOutweighed,
    /// A departure concerns a person without a known arrival.
    DepartureUnmatched,
    /// A departure comes from a sender without employment authority, and no authoritative sender ever mentioned the
    /// person.
    DepartureWithoutAuthority,
    /// The first day of an employee was moved to a day in the future.
    FirstDayMovedAhead,
    /// A full list dropped a person, but another full list still has the person.
    ListedElsewhere,
    /// A departure lies before, or on, the first day.
    NoShow,
    /// A record shows a person whose departure had already taken effect.
    PresentAfterDeparture,
    /// A key came back after a long time, with another name.
    RecycledKey,
    /// A new key came with the login of a person who was off for a long time.
    RecycledLogin,
    /// A rehire names a day before a departure that is in effect.
    RehireBeforeDeparture,
    /// Two senders with employment authority disagree.
    SendersDisagree,
    /// A departure dates back to before an arrival without a day.
    UndatedArrivalOverruled,
    /// A sender withdrew a hire that it is not known to have announced.
    WithdrawalUnmatched,
}

impl ContradictionCode {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::DepartureOutweighed,
        Self::DepartureUnmatched,
        Self::DepartureWithoutAuthority,
        Self::FirstDayMovedAhead,
        Self::ListedElsewhere,
        Self::NoShow,
        Self::PresentAfterDeparture,
        Self::RecycledKey,
        Self::RecycledLogin,
        Self::RehireBeforeDeparture,
        Self::SendersDisagree,
        Self::UndatedArrivalOverruled,
        Self::WithdrawalUnmatched,
    ];

    /// Returns the code as docs/employment.md writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DepartureOutweighed => "departure_outweighed",
            Self::DepartureUnmatched => "departure_unmatched",
            Self::DepartureWithoutAuthority => "departure_without_authority",
            Self::FirstDayMovedAhead => "first_day_moved_ahead",
            Self::ListedElsewhere => "listed_elsewhere",
            Self::NoShow => "no_show",
            Self::PresentAfterDeparture => "present_after_departure",
            Self::RecycledKey => "recycled_key",
            Self::RecycledLogin => "recycled_login",
            Self::RehireBeforeDeparture => "rehire_before_departure",
            Self::SendersDisagree => "senders_disagree",
            Self::UndatedArrivalOverruled => "undated_arrival_overruled",
            Self::WithdrawalUnmatched => "withdrawal_unmatched",
        }
    }
}
