//! What sources say that cannot all be true.

use serde::{Deserialize, Serialize};

/// A contradiction that a human should look at, until the source settles it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contradiction {
    /// The kind of contradiction.
    pub code: ContradictionCode,
    /// The sender of the statement that contradicts.
    pub sender: String,
    /// When that was said (microseconds since the Unix epoch).
    pub said_at: i64,
}

/// The kinds of contradiction; see docs/employment.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContradictionCode {
    /// A departure changes nothing: an arrival without a day was said later.
    DepartureOutweighed,
    /// A departure of a person without a known arrival.
    DepartureUnmatched,
    /// A departure from a sender without employment authority, of a person no authoritative sender ever mentioned.
    DepartureWithoutAuthority,
    /// The first day of an employee was moved to a day ahead.
    FirstDayMovedAhead,
    /// A full list dropped a person whom another one still has.
    ListedElsewhere,
    /// A departure before, or on, the first day.
    NoShow,
    /// A record shows a person whose departure took effect before.
    PresentAfterDeparture,
    /// A key that came back after long, with another name.
    RecycledKey,
    /// A new key that came with the login of a person who was off for long.
    RecycledLogin,
    /// A rehire that names a day before a departure that is in effect.
    RehireBeforeDeparture,
    /// Two senders that may say who is employed differ.
    SendersDisagree,
    /// A departure dates back to before an arrival without a day.
    UndatedArrivalOverruled,
    /// A hire was withdrawn that its sender is not known to have announced.
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

    /// The code as docs/employment.md writes it.
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
