//! Classifies an answer, or the lack of one, for the next step. No other code makes this decision.

use lifecycle::AttemptClass;

/// The action of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestAction {
    /// GET of an endpoint.
    List,
    /// GET of a resource.
    Read,
    /// POST.
    Create,
    /// PATCH.
    Patch,
    /// PUT.
    Replace,
    /// DELETE.
    Delete,
}

impl RequestAction {
    fn only_reads(self) -> bool {
        matches!(self, Self::List | Self::Read)
    }

    fn names_a_resource(self) -> bool {
        !matches!(self, Self::List | Self::Create)
    }
}

/// The stage at which a request without a usable answer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportBreak {
    /// The request could not be built.
    Building,
    /// Before the request was sent: name resolution, connection, TLS.
    Connecting,
    /// After the request may have been sent, or while the answer was read.
    Exchanging,
}

/// Returns the class of a request that broke.
pub(crate) fn of_break(action: RequestAction, at: TransportBreak) -> AttemptClass {
    match at {
        TransportBreak::Building => AttemptClass::Permanent,
        TransportBreak::Connecting => AttemptClass::Unavailable,
        TransportBreak::Exchanging if action.only_reads() => AttemptClass::Transient,
        TransportBreak::Exchanging => AttemptClass::OutcomeUnknown,
    }
}

/// Returns the class of a request that was answered with `status`.
///
/// A POST that an intermediary gave up on may have been carried out, and sending it again could
/// create a second account. PATCH, PUT and DELETE can be repeated. A 404 means that *the resource*
/// is gone only if the request named one. Otherwise the address of the target is wrong, or the
/// target is down: then the whole target waits, and the answer has no consequences for accounts.
pub(crate) fn of_status(action: RequestAction, status: u16) -> AttemptClass {
    match status {
        200..300 => AttemptClass::Success,
        401 | 403 => AttemptClass::Unauthorised,
        // Another server answers: a sign-in page or a proxy. The answer does not concern the resource.
        300..=399 => AttemptClass::Unavailable,
        404 | 410 if action.names_a_resource() => AttemptClass::NotFound,
        404 | 405 | 410 if !action.names_a_resource() => AttemptClass::Unavailable,
        409 if !action.only_reads() && action != RequestAction::Delete => AttemptClass::AlreadyExists,
        412 => AttemptClass::Transient,
        429 => AttemptClass::Throttled,
        503 => AttemptClass::Unavailable,
        501 => AttemptClass::Permanent,
        408 | 425 | 500.. if action == RequestAction::Create => AttemptClass::OutcomeUnknown,
        408 | 425 | 500.. => AttemptClass::Transient,
        _ => AttemptClass::Permanent,
    }
}

/// Returns an explanation of a status, in addition to the target's own message.
pub(crate) fn explain_status(action: RequestAction, status: u16) -> Option<&'static str> {
    match status {
        300..400 => Some("redirect refused: check the base URL"),
        404 | 405 | 410 if !action.names_a_resource() => Some("no such endpoint: check the base URL"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttemptClass::{
        AlreadyExists, NotFound, OutcomeUnknown, Permanent, Success, Throttled, Transient, Unauthorised,
        Unavailable,
    };

    const ACTIONS: [RequestAction; 6] = [
        RequestAction::List,
        RequestAction::Read,
        RequestAction::Create,
        RequestAction::Patch,
        RequestAction::Replace,
        RequestAction::Delete,
    ];

    #[test]
    fn every_status_has_the_class_of_its_action() {
        let same = |class| [class; 6];
        let retry = [Transient, Transient, OutcomeUnknown, Transient, Transient, Transient];
        let table: &[(&[u16], [AttemptClass; 6])] = &[
            (&[200, 201, 202, 204], same(Success)),
            (&[301, 302, 307, 308, 304], same(Unavailable)),
            (&[405], [Unavailable, Permanent, Unavailable, Permanent, Permanent, Permanent]),
            (&[400, 406, 413, 414, 415, 422, 428, 451, 501], same(Permanent)),
            (&[401, 403], same(Unauthorised)),
            (&[404, 410], [Unavailable, NotFound, Unavailable, NotFound, NotFound, NotFound]),
            (&[409], [Permanent, Permanent, AlreadyExists, AlreadyExists, AlreadyExists, Permanent]),
            (&[412], same(Transient)),
            (&[429], same(Throttled)),
            (&[503], same(Unavailable)),
            (&[408, 425, 500, 502, 504, 520], retry),
        ];
        for (statuses, classes) in table {
            for status in *statuses {
                let got = ACTIONS.map(|action| of_status(action, *status));
                assert_eq!(got, *classes, "{status}");
            }
        }
    }

    #[test]
    fn a_break_is_unknown_only_for_what_may_have_been_done() {
        for action in ACTIONS {
            let reads = matches!(action, RequestAction::List | RequestAction::Read);
            assert_eq!(of_break(action, TransportBreak::Building), Permanent);
            assert_eq!(of_break(action, TransportBreak::Connecting), Unavailable);
            assert_eq!(
                of_break(action, TransportBreak::Exchanging),
                if reads { Transient } else { OutcomeUnknown }
            );
        }
    }
}
