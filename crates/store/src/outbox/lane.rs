//! The lanes of an outbox.

/// The lane of an outbox row. Each lane is published independently, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxLane {
    /// Messages that remove access.
    Departures,
    /// All other messages that require an action.
    Commands,
    /// Facts that report what happened.
    Facts,
}

impl OutboxLane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Departures, Self::Commands, Self::Facts];

    /// Returns the name in metrics and API answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Departures => "departures",
            Self::Commands => "commands",
            Self::Facts => "facts",
        }
    }

    pub(super) fn rank(self) -> i32 {
        match self {
            Self::Departures => 0,
            Self::Commands => 1,
            Self::Facts => 2,
        }
    }

    pub(super) fn of_rank(rank: i32) -> Self {
        Self::ALL.into_iter().find(|lane| lane.rank() == rank).unwrap_or(Self::Facts)
    }
}
