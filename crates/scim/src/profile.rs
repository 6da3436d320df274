//! Target profiles: what a kind of target can do, how it wants to be talked to and how fast, as data.

mod builtin;
mod check;
mod membership;
mod rate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ScimKind;
pub use membership::{MembershipForm, NestedGroups, RemoveForm};
pub use rate::{BucketKind, RateLimitBucket, RequestRateLimit};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither a profile that ships with Usher nor a file.
    #[error("there is no profile `{name}`: name a file or one of {known}", known = TargetProfile::builtin_names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file could not be read.
    #[error("profile {file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no YAML, or has a field that is unknown or of the wrong type.
    #[error("profile {file} is not valid: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Field, line and column.
        message: String,
    },
    /// A field has a value that makes no sense.
    #[error("profile {file}: {field} {problem}")]
    Field {
        /// The file.
        file: String,
        /// Path of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a kind of target can do, how it wants to be talked to and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetProfile {
    /// Names the profile in messages. Required.
    pub name: String,
    /// How fast requests may be sent.
    pub rate: RequestRateLimit,
    /// Requests in flight at the same time, at least 1. Default 4.
    pub concurrency_max: u32,
    /// Resources asked for per page of a list, at least 1. Default 100.
    pub page_size: u32,
    /// The `User-Agent` header. Default `usher/<version>`.
    pub user_agent: String,
    /// Headers that every request carries besides; never credentials.
    pub headers: BTreeMap<String, String>,
    /// Path segments of the endpoints below the base URL. Default `Users` and `Groups`.
    pub endpoints: ProfileEndpoints,
    /// How accounts and groups are changed: one word for both, or one for each. Default `patch`.
    #[serde(deserialize_with = "one_for_both")]
    pub update_method: KindPair<UpdateMethod>,
    /// How PATCH operations are written.
    pub patch: PatchForm,
    /// Whether booleans are written as the strings `"true"` and `"false"`. Reading takes both anyway. Default
    /// no.
    pub string_booleans: bool,
    /// Whether numbers are written as strings. Default no.
    pub string_numbers: bool,
    /// Attributes that may be sent, by name or path; none: every one. What is mapped beside them is not sent.
    pub attributes: KindPair<Vec<String>>,
    /// Whether a multi-valued attribute has one value at most: the first one is sent. Default no.
    pub single_valued: bool,
    /// What accounts and groups can be looked up by.
    pub lookups: KindPair<LookupAttributes>,
    /// Comparisons that one filter may have, at least 1. Default: no limit known.
    pub filter_terms_max: Option<u32>,
    /// How lists are read page by page. Default `index`.
    pub paging: ListPaging,
    /// How memberships are written.
    pub membership: MembershipForm,
    /// What becomes of an account that should not exist. Default `hard`.
    pub delete: DeleteMethod,
    /// Whether a disabled account answers 404 as if it were gone. Default no.
    pub hides_disabled: bool,
    /// How many groups one account may be in. Default: no limit known.
    pub groups_per_user_max: Option<u32>,
    /// Longest values by attribute path, in characters.
    pub lengths_max: KindPair<BTreeMap<String, u32>>,
    /// Domains that the part of `userName` behind the `@` may have; none: any.
    pub domains: Vec<String>,
    /// Longest pause that a target may ask for, in seconds; longer ones are cut. Default 900.
    pub retry_after_cap_seconds: u64,
    /// Longest answer that is read, in bytes, at least 1,024. Default 8 MiB: a group of 50,000 members has 5.
    pub response_bytes_max: usize,
    /// How long after a create a search may not show it yet, in seconds: what got no answer is looked for then, before it
    /// is sent again. Default 5.
    pub settle_seconds: u64,
    /// What is read back after it was written, to see whether it was done. Default `never`: an answer that shows that it
    /// was not is noticed all the same.
    pub read_back: ReadBack,
    /// Attributes that the target insists on.
    pub required: KindPair<Vec<RequiredTargetAttribute>>,
    /// How long one request may take altogether, in seconds, at least 1. Default 30.
    pub timeout_seconds: u64,
    /// Answers besides 2xx that say that the work is done.
    pub done: Vec<DoneAnswer>,
    /// Whether the answer to a change shows the resource as it is after it; otherwise it is not looked at. Default yes.
    pub answers_show: bool,
}

/// An answer that says that the work is done, although its status does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneAnswer {
    /// To requests of this method, in capitals: PUT, PATCH or DELETE. What a create made has to be shown.
    pub method: String,
    /// Its status: 300 to 499, but 401, 403 and 429, which are about us and not about the work.
    pub status: u16,
}

/// A value for accounts and groups, or the one for both.
fn one_for_both<'de, D, T>(deserializer: D) -> Result<KindPair<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default + Copy,
{
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
    /// For accounts.
    pub user: T,
    /// For groups.
    pub group: T,
}

impl<T> KindPair<T> {
    /// The value for `kind`.
    pub fn of(&self, kind: ScimKind) -> &T {
        match kind {
            ScimKind::User => &self.user,
            ScimKind::Group => &self.group,
        }
    }
}

/// What resources of one kind can be looked up by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LookupAttributes {
    /// Attribute paths that a filter with `eq` may name.
    pub filterable: Vec<String>,
    /// Whether one filter may join several comparisons by `or`. Default no.
    pub or: bool,
    /// Attribute paths whose values the target keeps unique: a create that would repeat one is refused.
    pub unique_on: Vec<String>,
}

/// Path segments of the endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileEndpoints {
    /// Of accounts.
    pub user: String,
    /// Of groups.
    pub group: String,
}

impl Default for ProfileEndpoints {
    fn default() -> Self {
        Self { user: ScimKind::User.endpoint().to_owned(), group: ScimKind::Group.endpoint().to_owned() }
    }
}

/// How PATCH operations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatchForm {
    /// `add` or `Add`. Default `lower`.
    pub op_case: OpCase,
    /// Whether attributes are named in the operation's value instead of its path, where that can be. Default no.
    pub pathless: bool,
    /// What stands between an extension's URN and its attribute in a path. Default `colon`.
    pub extension_separator: UrnSeparator,
}

/// How the names of operations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpCase {
    /// `add`, as RFC 7644 has it.
    #[default]
    Lower,
    /// `Add`.
    Capitalised,
}

/// What stands between an extension's URN and its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrnSeparator {
    /// `urn:...:User:department`, as RFC 7644 has it.
    #[default]
    Colon,
    /// `urn:...:User.department`.
    Dot,
}

/// How lists are read page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListPaging {
    /// By `startIndex` and `count`.
    #[default]
    Index,
    /// By `cursor` and `count` (RFC 9865).
    Cursor,
    /// A list is one answer.
    None,
}

/// How a resource is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// By PATCH of what differs.
    #[default]
    Patch,
    /// By GET, then PUT of the whole resource with what differs changed.
    Put,
}

/// What becomes of an account that should not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteMethod {
    /// DELETE takes it away.
    Hard,
    /// It is disabled; the target has no way to take it away, or none that should be used.
    Disable,
    /// It stays as it is.
    Unsupported,
}

/// What is read back after it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// Nothing: a success is believed.
    #[default]
    Never,
    /// Accounts that were switched off.
    Disable,
    /// Every change of an account or group.
    Always,
}

/// An attribute that the target insists on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredTargetAttribute {
    /// Attribute path.
    pub path: String,
    /// What is sent when the policy gives no value; none: nothing.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
}

impl Default for TargetProfile {
    /// What `generic.yaml` says, without a name.
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
    /// Whether an answer besides 2xx says that the work is done.
    pub(crate) fn is_done(&self, method: &str, status: u16) -> bool {
        self.done.iter().any(|done| done.method == method && done.status == status)
    }

    /// Reads a profile; `file` names it in errors.
    ///
    /// # Errors
    /// When it is no valid profile; the message names the field.
    pub fn parse(yaml: &str, file: &str) -> Result<Self, ProfileError> {
        let profile: Self = serde_saphyr::from_str(yaml)
            .map_err(|error| ProfileError::Syntax { file: file.to_owned(), message: error.to_string() })?;
        profile.validate(file)?;
        Ok(profile)
    }

    /// The path segment of the endpoint of `kind`.
    pub fn endpoint(&self, kind: ScimKind) -> &str {
        match kind {
            ScimKind::User => &self.endpoints.user,
            ScimKind::Group => &self.endpoints.group,
        }
    }

    /// Whether an attribute of `kind` at `path` may be sent.
    pub fn sends(&self, kind: ScimKind, path: &str) -> bool {
        let allowed = self.attributes.of(kind);
        let is_part_of = |base: &String| {
            let rest = path.get(..base.len()).filter(|start| start.eq_ignore_ascii_case(base));
            rest.is_some() && path[base.len()..].chars().next().is_none_or(|c| matches!(c, '.' | '[' | ':'))
        };
        allowed.is_empty() || path.eq_ignore_ascii_case("active") || allowed.iter().any(is_part_of)
    }

    /// Whether resources of `kind` can be looked up by the attribute at `path`.
    pub fn can_filter(&self, kind: ScimKind, path: &str) -> bool {
        self.lookups.of(kind).filterable.iter().any(|known| known.eq_ignore_ascii_case(path))
    }

    /// Whether the target itself refuses a second resource of `kind` with the same value at `path`.
    pub fn is_unique(&self, kind: ScimKind, path: &str) -> bool {
        self.lookups.of(kind).unique_on.iter().any(|known| known.eq_ignore_ascii_case(path))
    }
}

#[cfg(test)]
mod tests;
