//! Codes for the reason why a resource could not be converged. Errors with the same code have the same remedy.

use std::fmt;

use crate::attempt::AttemptClass;

/// The error keywords of RFC 7644, table 9, as they stand in error texts.
const KEYWORDS: [&str; 10] = [
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
];

/// The kind of a dead letter. All dead letters of one code have the same meaning and remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// 401 or 403.
    CredentialRefused,
    /// The resource was found, but is linked to another person or group, or has another externalId.
    BelongsToAnother,
    /// 409, and none of the permitted lookups found a resource.
    NameTaken,
    /// The resource existed, and does not exist any more.
    Gone,
    /// 400 or 422 for a value.
    BadValue,
    /// 400 for the form of the request.
    BadRequest,
    /// A value may not be changed (`mutability`).
    Immutable,
    /// 413, or `tooMany`.
    TooLarge,
    /// 404, 410 or a redirect for a request that names no resource.
    NoEndpoint,
    /// 405, 406, 415 or 501.
    NotSupported,
    /// Another 4xx response.
    Refused,
    /// No request could be built, or the response could not be understood.
    Impossible,
    /// Every attempt failed: 5xx, 412, broken connections.
    KeepsFailing,
    /// Every attempt ended without a certain outcome.
    OutcomeUnknown,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::CredentialRefused,
        Self::BelongsToAnother,
        Self::NameTaken,
        Self::Gone,
        Self::BadValue,
        Self::BadRequest,
        Self::Immutable,
        Self::TooLarge,
        Self::NoEndpoint,
        Self::NotSupported,
        Self::Refused,
        Self::Impossible,
        Self::KeepsFailing,
        Self::OutcomeUnknown,
    ];

    /// Returns the code of a failure with this class and this text (`status: keyword: detail`, as far as they are
    /// known).
    pub fn of(class: AttemptClass, error: &str) -> Self {
        let (status, keyword) = answer_in(error);
        match (class, status, keyword) {
            (AttemptClass::Unauthorised, ..) => Self::CredentialRefused,
            (AttemptClass::AlreadyExists, None, _) => Self::BelongsToAnother,
            (AttemptClass::AlreadyExists, Some(_), _) => Self::NameTaken,
            (AttemptClass::NotFound, ..) => Self::Gone,
            (AttemptClass::OutcomeUnknown, ..) => Self::OutcomeUnknown,
            (AttemptClass::Unavailable, Some(300..400 | 404 | 405 | 410), _) => Self::NoEndpoint,
            (
                AttemptClass::Transient
                | AttemptClass::Throttled
                | AttemptClass::Unavailable
                | AttemptClass::Success,
                ..,
            ) => Self::KeepsFailing,
            (AttemptClass::Permanent, Some(413), _) | (AttemptClass::Permanent, _, Some("tooMany")) => {
                Self::TooLarge
            }
            (AttemptClass::Permanent, _, Some("mutability")) => Self::Immutable,
            (AttemptClass::Permanent, _, Some("uniqueness")) => Self::NameTaken,
            (
                AttemptClass::Permanent,
                _,
                Some("invalidFilter" | "invalidPath" | "noTarget" | "invalidSyntax" | "invalidVers"),
            ) => Self::BadRequest,
            (AttemptClass::Permanent, Some(400 | 422), _) => Self::BadValue,
            (AttemptClass::Permanent, Some(300..400 | 404 | 410), _) => Self::NoEndpoint,
            (AttemptClass::Permanent, Some(405 | 406 | 415 | 501), _) => Self::NotSupported,
            (AttemptClass::Permanent, Some(_), _) => Self::Refused,
            (AttemptClass::Permanent, None, _) => Self::Impossible,
        }
    }

    /// Returns the name used in the API and in docs/errors.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialRefused => "credential_refused",
            Self::BelongsToAnother => "belongs_to_another",
            Self::NameTaken => "name_taken",
            Self::Gone => "gone",
            Self::BadValue => "bad_value",
            Self::BadRequest => "bad_request",
            Self::Immutable => "immutable",
            Self::TooLarge => "too_large",
            Self::NoEndpoint => "no_endpoint",
            Self::NotSupported => "not_supported",
            Self::Refused => "refused",
            Self::Impossible => "impossible",
            Self::KeepsFailing => "keeps_failing",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }

    /// Returns a description of the failure.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::CredentialRefused => {
                "The target refused the credential for this request (401 or 403), although it accepts it for others."
            }
            Self::BelongsToAnother => {
                "An account or group with this name exists. Either it has another externalId and Usher does not manage it, or it \
                 has the expected externalId and is linked to another person or group. Usher left it alone."
            }
            Self::NameTaken => {
                "The target reports that another resource has a value that must be unique (409), and no resource that Usher \
                 manages has it. Either an account that Usher does not manage has the value, or one that no lookup shows, such as \
                 a deleted account that keeps its name. (A change that waits for a value of an account that Usher manages is not \
                 a dead letter: `usher held ls` lists it.)"
            }
            Self::Gone => {
                "The target does not know the account or group any more, and it could not be created again."
            }
            Self::BadValue => "The target refused a value (400 or 422). Its response names the value.",
            Self::BadRequest => {
                "The target did not accept the form of the request: a filter, an attribute path, or the syntax."
            }
            Self::Immutable => {
                "The target does not allow an attribute to change once it is set (`mutability`)."
            }
            Self::TooLarge => {
                "The request contained more than the target accepts at once (413 or `tooMany`)."
            }
            Self::NoEndpoint => {
                "The target has no such endpoint (404, 405, 410 or a redirect), although it works for other requests."
            }
            Self::NotSupported => {
                "The target does not support the method or the media type (405, 406, 415 or 501)."
            }
            Self::Refused => {
                "The target refused the request for another reason. Its response gives the reason."
            }
            Self::Impossible => {
                "No request could be built for the desired state, or the response could not be understood."
            }
            Self::KeepsFailing => {
                "Every attempt failed (5xx, 412, or broken connections), although the target works for other requests."
            }
            Self::OutcomeUnknown => {
                "The target never confirmed the request, and reading the resource afterwards did not show the outcome either."
            }
        }
    }

    /// Returns the recommended action.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::CredentialRefused => {
                "grant the credential the rights that this operation needs at the target, or configure another credential for the \
                 target"
            }
            Self::BelongsToAnother => {
                "find out whose account it is: `usher conflicts resolve` assigns it to the person or group; otherwise free the \
                 name at the target, or change the mapping"
            }
            Self::NameTaken => {
                "search for the name at the target, including deleted accounts, and free it or restore the account; or let the \
                 policy match on an attribute that finds it"
            }
            Self::Gone => "find out who removed it at the target",
            Self::BadValue => {
                "correct the value that the response names, at the source or in the policy's mapping"
            }
            Self::BadRequest => {
                "correct the attribute's name in the policy, or run `usher target probe` to find the right settings for the \
                 target's profile"
            }
            Self::Immutable => {
                "let the mapping apply on creation only (`apply: onCreate`), or change the value at the target by hand"
            }
            Self::TooLarge => "lower the limit in the target's profile (`membership`, `lengths_max`)",
            Self::NoEndpoint => "correct the target's `base_url`, or `endpoints` in its profile",
            Self::NotSupported => {
                "set the target's capabilities in its profile (`update_method`, `delete`); `usher target probe` detects them"
            }
            Self::Refused => "follow the target's response, at the target or in the policy",
            Self::Impossible => {
                "correct the part that the error names, in the policy or in the target's profile"
            }
            Self::KeepsFailing => "ask the target's operators why it fails for this resource",
            Self::OutcomeUnknown => {
                "check at the target whether the request was carried out, and why it does not respond"
            }
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the status and the error keyword in the text of an error, if there was a response.
pub fn answer_in(error: &str) -> (Option<u16>, Option<&'static str>) {
    // Error texts about memberships begin with the group.
    let mut parts = error.split(": ").take(3);
    let is_status = |part: &&str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let status = parts.find(is_status).and_then(|status| status.parse().ok());
    let keyword = parts.next().and_then(|part| KEYWORDS.into_iter().find(|keyword| *keyword == part));
    (status, keyword.filter(|_| status.is_some()))
}

/// Returns the failure group, which dead letters that failed in the same way share:
/// `target/kind/operation/class/code`.
pub fn failure_group(parts: [&str; 4], error: &str) -> String {
    format!("{}/{}", parts.join("/"), status_code(error))
}

/// Returns the status, with the error keyword if there is one; `-` if there was no response.
fn status_code(error: &str) -> String {
    match answer_in(error) {
        (Some(status), Some(keyword)) => format!("{status}-{keyword}"),
        (Some(status), None) => status.to_string(),
        (None, _) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_follows_from_class_status_and_keyword() {
        use AttemptClass::{
            AlreadyExists, NotFound, OutcomeUnknown, Permanent, Throttled, Transient, Unauthorised,
            Unavailable,
        };
        let table = [
            (Unauthorised, "403: not for you", ErrorCode::CredentialRefused),
            (AlreadyExists, "linked to E-1 already", ErrorCode::BelongsToAnother),
            (AlreadyExists, "409: uniqueness: taken", ErrorCode::NameTaken),
            (NotFound, "404", ErrorCode::Gone),
            (Permanent, "400: invalidValue: bad department", ErrorCode::BadValue),
            (Permanent, "group G-1: 400: invalidPath: members", ErrorCode::BadRequest),
            (Permanent, "400: mutability: userName", ErrorCode::Immutable),
            (Permanent, "413", ErrorCode::TooLarge),
            (Permanent, "400: tooMany: 100 at most", ErrorCode::TooLarge),
            (Permanent, "404: no such endpoint: check the base URL", ErrorCode::NoEndpoint),
            (Unavailable, "302: redirect refused: check the base URL", ErrorCode::NoEndpoint),
            (Unavailable, "503: later", ErrorCode::KeepsFailing),
            (Permanent, "302: redirect refused: check the base URL", ErrorCode::NoEndpoint),
            (Permanent, "405", ErrorCode::NotSupported),
            (Permanent, "402: pay first", ErrorCode::Refused),
            (Permanent, "the profile says otherwise", ErrorCode::Impossible),
            (Transient, "500: oops", ErrorCode::KeepsFailing),
            (Throttled, "429", ErrorCode::KeepsFailing),
            (OutcomeUnknown, "the connection broke", ErrorCode::OutcomeUnknown),
        ];
        for (class, error, code) in table {
            assert_eq!(ErrorCode::of(class, error), code, "{error}");
        }
    }

    #[test]
    fn what_a_target_says_is_not_taken_for_a_status() {
        assert_eq!(answer_in("the connection broke"), (None, None));
        assert_eq!(answer_in("400: tooMany"), (Some(400), Some("tooMany")));
        assert_eq!(answer_in("400: no: uniqueness"), (Some(400), None));
        assert_eq!(answer_in(""), (None, None));
    }

    #[test]
    fn the_code_is_the_status_with_the_keyword_and_never_a_value() {
        for (error, expected) in [
            ("400: invalidValue: <redacted> is no department", "400-invalidValue"),
            ("409: uniqueness", "409-uniqueness"),
            ("500: something went wrong here", "500"),
            ("400: nonsense: more", "400"),
            ("no answer in time", "-"),
            ("", "-"),
        ] {
            assert_eq!(status_code(error), expected, "{error}");
        }
    }
}
