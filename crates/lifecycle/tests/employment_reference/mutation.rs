//! Deliberate mistakes. The random histories must find each of them.

macro_rules! mutations {
    ($($name:ident),* $(,)?) => {
        /// A deliberate mistake in one rule of the page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutation {
            $($name),*
        }

        impl Mutation {
            /// Every mistake.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

mutations! {
    // Order and voices.
    OrderByDay,
    DayBeforeClass,
    ExplicitBeforeImplied,
    ObservedFirst,
    CancellationsFirst,
    DeparturesBeforeArrivals,
    OneVoiceAlways,
    UnnamedSendersSpeak,
    LegacyStatementsDropped,
    EarlierDepartureOfVoices,
    // Arrivals.
    JoinsMovesTheDayOfAnotherSender,
    JoinsPassesOverCancelled,
    JoinsKeepsAnObservedEnd,
    JoinsKeepsACancellation,
    RejoinsUndoesADepartureInEffect,
    RejoinsKeepsAPlannedEnd,
    ImpliedJoinsWithdrawsADeparture,
    ImpliedRejoinsForgetsTheReturn,
    // Departures.
    LeavesOnTheFirstDayIsNoNoShow,
    LeavesKeepsLaterCandidates,
    LeavesEndsTheLastCandidate,
    LeavesCancelsARehire,
    ANoShowKeepsWhatFollows,
    LeavesForgetsTheCandidateBeforeANoShow,
    ImpliedLeavesMovesTheEnd,
    ErasedMovesTheEnd,
    ImpliedErasedOnlyLeaves,
    // Withdrawals.
    UnhiresOfAnySender,
    UnhiresTwice,
    UnhiresEndsTheCurrentOne,
    UnhiresForgetsThePlan,
    // Observations.
    HereUndoesADeparture,
    StaysUndoesThePlanOfAnotherSender,
    StaysIsHere,
    InactiveIsSaid,
    ASaidEndAheadIsNotKept,
    InactiveTakesAwayAPlannedArrival,
    AbsenceOutweighsAnotherList,
    TheSameListCountsElsewhere,
    // Cancellations, the state and the list.
    CancellationKeepsAnErasure,
    CancellationOfAPastArrival,
    EndIsInclusive,
    NothingSettles,
    RecordsSayNothing,
    AMovedFirstDayIsNotListed,
}
