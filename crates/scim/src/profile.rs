//! Target profiles: the capabilities, request formats and rate limits of a kind of target, as data.

mod administrators;
mod builtin;
mod check;
mod membership;
mod rate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ScimKind;
pub use administrators::AdministratorMark;
pub use membership::{MembershipForm, NestedGroups, RemoveForm};
pub use rate::{BucketKind, RateLimitBucket, RequestRateLimit};

/// The reason why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is neither a profile that ships with Usher nor a file with this name.
    #[error("there is no profile `{name}`: name a file or one of {known}", known = TargetProfile::builtin_names().join(", "))]
    Unknown {
        /// The requested name.
        name: String,
    },
    /// The file could not be read.
    #[error("profile {file} cannot be read")]
    Read {
        /// The path of the file.
        file: String,
        /// The I/O error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not YAML, or has a field that is unknown or of the wrong type.
    #[error("profile {file} is not valid: {message}")]
    Syntax {
        /// The path of the file.
        file: String,
        /// The field, line and column.
        message: String,
    },
    /// A field has an invalid value.
    #[error("profile {file}: {field} {problem}")]
    Field {
        /// The path of the file.
        file: String,
        /// The path of the field.
        field: &'static str,
        /// A description of the error.
        problem: String,
    },
}

/// The capabilities, request formats and rate limits of a kind of target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetProfile {
    /// The name of the profile in messages. Required.
    pub name: String,
    /// The rate limits for requests.
    pub rate: RequestRateLimit,
    /// The maximum number of concurrent requests, at least 1. Default 4.
    pub concurrency_max: u32,
    /// The number of resources requested per page of a list, at least 1. Default 100.
    pub page_size: u32,
    /// The `User-Agent` header. Default `usher/<version>`.
    pub user_agent: String,
    /// Additional headers of every request. They must not contain credentials.
    pub headers: BTreeMap<String, String>,
    /// The path segments of the endpoints below the base URL. Default `Users` and `Groups`.
    pub endpoints: ProfileEndpoints,
    /// The methods to change accounts and groups: one word for both, or one for each. Default `patch`.
    #[serde(deserialize_with = "one_for_both")]
    pub update_method: KindPair<UpdateMethod>,
    /// The form of PATCH operations.
    pub patch: PatchForm,
    /// `true` if booleans are written as the strings `"true"` and
    /// `"false"`. Both forms can always be read. Default `false`.
    pub string_booleans: bool,
    /// `true` if numbers are written as strings. Default `false`.
    pub string_numbers: bool,
    /// The attributes that may be sent, by name or path; all attributes if empty. Other mapped attributes are not sent.
    pub attributes: KindPair<Vec<String>>,
    /// `true` if a multi-valued attribute has at most one value: only the first one is sent. Default `false`.
    pub single_valued: bool,
    /// The attributes by which accounts and groups can be looked up.
    pub lookups: KindPair<LookupAttributes>,
    /// The maximum number of comparisons in one filter, at least 1. Default: no known limit.
    pub filter_terms_max: Option<u32>,
    /// The paging method of lists. Default `index`.
    pub paging: ListPaging,
    /// The form of membership changes.
    pub membership: MembershipForm,
    /// The action on an account that should not exist. Default `hard`.
    pub delete: DeleteMethod,
    /// `true` if a disabled account answers 404 as if it were deleted. Default `false`.
    pub hides_disabled: bool,
    /// The maximum number of groups of one account. Default: no known limit.
    pub groups_per_user_max: Option<u32>,
    /// The maximum lengths of values by attribute path, in characters.
    pub lengths_max: KindPair<BTreeMap<String, u32>>,
    /// The domains that `userName` may have after the `@`; any domain if empty.
    pub domains: Vec<String>,
    /// The maximum pause that a target may ask for, in seconds; longer ones are cut. Default 900.
    pub retry_after_cap_seconds: u64,
    /// The maximum size of an answer that is read, in bytes, at least 1,024. Default 8 MiB: a group of 50,000 members has 5.
    pub response_bytes_max: usize,
    /// The time after a create during which a search may not return the resource yet, in seconds. A
    /// create without an answer is looked up after this time, before it is sent again. Default 5.
    pub settle_seconds: u64,
    /// The resources that are read back after a write, to verify it. Default `never`:
    /// an answer that shows that the change was not made is noticed nevertheless.
    pub read_back: ReadBack,
    /// The attributes that the target requires.
    pub required: KindPair<Vec<RequiredTargetAttribute>>,
    /// The maximum time of one request in total, in seconds, at least 1. Default 30.
    pub timeout_seconds: u64,
    /// Answers other than 2xx that mean that the work is done.
    pub done: Vec<DoneAnswer>,
    /// `true` if the answer to a change contains the resource after
    /// the change; otherwise the answer is ignored. Default `true`.
    pub answers_show: bool,
    /// The values by which the target shows that an account administers it, for `never: { administrators: true }` of a
    /// target. Default: the target does not show it.
    pub administrators: Vec<AdministratorMark>,
}

/// An answer that means that the work is done, although its status does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneAnswer {
    /// The method of the request, in capitals: PUT, PATCH or DELETE. POST is
    /// excluded, because the answer to a create must contain the resource.
    pub method: String,
    /// The status: 300 to 499, except 401, 403 and 429, which concern the client and not the work.
    pub status: u16,
}

/// Deserializes a value for accounts and one for groups, or one value for both.
fn one_for_both<'de, D, T>(deserializer: D) -> Result<KindPair<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default + Copy,
{
    /// The two forms of a value for both kinds.
    #[derive(Deserialize)]
    #[serde(untagged, bound(deserialize = "T: Deserialize<'de> + Default"))]
    enum WrittenProfile<T> {
        Both(T),
        Each(KindPair<T>),
    }
    Ok(match WrittenProfile::deserialize(deserializer)? {
        WrittenProfile::Both(value) => KindPair { user: value, group: value },
        WrittenProfile::Each(values) => values,
    })
}

/// One value for accounts and one for groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct KindPair<T> {
    /// The value for accounts.
    pub user: T,
    /// The value for groups.
    pub group: T,
}

impl<T> KindPair<T> {
    /// Returns the value for `kind`.
    pub fn of(&self, kind: ScimKind) -> &T {
        match kind {
            ScimKind::User => &self.user,
            ScimKind::Group => &self.group,
        }
    }
}

/// The attributes by which resources of one kind can be looked up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LookupAttributes {
    /// The attribute paths that a filter with `eq` may name.
    pub filterable: Vec<String>,
    /// `true` if one filter may combine several comparisons with `or`. Default `false`.
    pub or: bool,
    /// The attribute paths whose values the target keeps unique: a create that repeats one is refused.
    pub unique_on: Vec<String>,
}

/// The path segments of the endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileEndpoints {
    /// The segment of accounts.
    pub user: String,
    /// The segment of groups.
    pub group: String,
}

impl Default for ProfileEndpoints {
    fn default() -> Self {
        Self { user: ScimKind::User.endpoint().to_owned(), group: ScimKind::Group.endpoint().to_owned() }
    }
}

/// The form of PATCH operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatchForm {
    /// The case of operation names: `add` or `Add`. Default `lower`.
    pub op_case: OpCase,
    /// `true` if attributes are named in the operation's value instead of its path, where possible. Default `false`.
    pub pathless: bool,
    /// The separator between an extension's URN and its attribute in a path. Default `colon`.
    pub extension_separator: UrnSeparator,
}

/// The case of operation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpCase {
    /// `add`, as in RFC 7644.
    #[default]
    Lower,
    /// `Add`.
    Capitalised,
}

/// The separator between an extension's URN and its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrnSeparator {
    /// `urn:...:User:department`, as in RFC 7644.
    #[default]
    Colon,
    /// `urn:...:User.department`.
    Dot,
}

/// The paging method of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListPaging {
    /// By `startIndex` and `count`.
    #[default]
    Index,
    /// By `cursor` and `count` (RFC 9865).
    Cursor,
    /// No paging: a list is one answer.
    None,
}

/// The method to change a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// By PATCH with the differences.
    #[default]
    Patch,
    /// By GET, then PUT of the whole resource with the differences applied.
    Put,
}

/// The action on an account that should not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteMethod {
    /// The account is deleted with DELETE.
    Hard,
    /// The account is disabled: the target has no way to delete it, or none that should be used.
    Disable,
    /// The account stays as it is.
    Unsupported,
}

/// The resources that are read back after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// None: a success is trusted.
    #[default]
    Never,
    /// Accounts that were switched off.
    Disable,
    /// Every change of an account or group.
    Always,
}

/// An attribute that the target requires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredTargetAttribute {
    /// The attribute path.
    pub path: String,
    /// The value that is sent if the policy gives none; nothing is sent if it is `None`.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
}

impl Default for TargetProfile {
    /// Returns the values of `generic.yaml`, without a name.
    fn default() -> Self {
        Self {
            name: String::new(),
            rate: RequestRateLimit::default(),
            concurrency_max: 4,
            page_size: 100,
            user_agent: concat!("usher/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: BTreeMap::new(),
            endpoints: ProfileEndpoints::default(),
            update_method: KindPair::default(),
            patch: PatchForm::default(),
            string_booleans: false,
            string_numbers: false,
            attributes: KindPair::default(),
            single_valued: false,
            filter_terms_max: None,
            paging: ListPaging::Index,
            lookups: KindPair {
                user: LookupAttributes::by(&["externalId", "userName"], &["userName"]),
                group: LookupAttributes::by(&["externalId", "displayName"], &[]),
            },
            membership: MembershipForm::default(),
            delete: DeleteMethod::Hard,
            hides_disabled: false,
            groups_per_user_max: None,
            lengths_max: KindPair::default(),
            domains: Vec::new(),
            retry_after_cap_seconds: 900,
            response_bytes_max: 8 << 20,
            required: KindPair::default(),
            settle_seconds: 5,
            read_back: ReadBack::Never,
            timeout_seconds: 30,
            done: Vec::new(),
            answers_show: true,
            administrators: Vec::new(),
        }
    }
}

impl LookupAttributes {
    fn by(filterable: &[&str], unique_on: &[&str]) -> Self {
        let owned = |paths: &[&str]| paths.iter().map(|&p| p.to_owned()).collect();
        Self { filterable: owned(filterable), or: false, unique_on: owned(unique_on) }
    }
}

impl TargetProfile {
    /// Returns `true` if an answer other than 2xx means that the work is done.
    pub(crate) fn is_done(&self, method: &str, status: u16) -> bool {
        self.done.iter().any(|done| done.method == method && done.status == status)
    }

    /// Parses a profile; `file` names it in errors.
    ///
    /// # Errors
    /// Fails if it is not a valid profile; the message names the field.
    pub fn parse(yaml: &str, file: &str) -> Result<Self, ProfileError> {
        let profile: Self = serde_saphyr::from_str(yaml)
            .map_err(|error| ProfileError::Syntax { file: file.to_owned(), message: error.to_string() })?;
        profile.validate(file)?;
        Ok(profile)
    }

    /// Returns the path segment of the endpoint of `kind`.
    pub fn endpoint(&self, kind: ScimKind) -> &str {
        match kind {
            ScimKind::User => &self.endpoints.user,
            ScimKind::Group => &self.endpoints.group,
        }
    }

    /// Returns `true` if an attribute of `kind` at `path` may be sent.
    pub fn sends(&self, kind: ScimKind, path: &str) -> bool {
        let allowed = self.attributes.of(kind);
        let is_part_of = |base: &String| {
            let rest = path.get(..base.len()).filter(|start| start.eq_ignore_ascii_case(base));
            rest.is_some() && path[base.len()..].chars().next().is_none_or(|c| matches!(c, '.' | '[' | ':'))
        };
        allowed.is_empty() || path.eq_ignore_ascii_case("active") || allowed.iter().any(is_part_of)
    }

    /// Returns `true` if resources of `kind` can be looked up by the attribute at `path`.
    pub fn can_filter(&self, kind: ScimKind, path: &str) -> bool {
        self.lookups.of(kind).filterable.iter().any(|known| known.eq_ignore_ascii_case(path))
    }

    /// Returns `true` if the target itself refuses a second resource of `kind` with the same value at `path`.
    pub fn is_unique(&self, kind: ScimKind, path: &str) -> bool {
        self.lookups.of(kind).unique_on.iter().any(|known| known.eq_ignore_ascii_case(path))
    }
}

#[cfg(test)]
mod tests;
