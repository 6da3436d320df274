//! Target profiles: what a kind of target can do, how it wants to be talked to and how fast, as data.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Kind, PathError, check_path};

/// The profiles that ship with Usher.
const BUILTIN: [(&str, &str); 5] = [
    ("generic", include_str!("../profiles/generic.yaml")),
    ("sandbox", include_str!("../profiles/sandbox.yaml")),
    ("zscaler-zia", include_str!("../profiles/zscaler-zia.yaml")),
    ("zscaler-zidentity", include_str!("../profiles/zscaler-zidentity.yaml")),
    ("zscaler-zpa", include_str!("../profiles/zscaler-zpa.yaml")),
];

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
    pub rate: Rate,
    /// Requests in flight at the same time, at least 1. Default 4.
    pub concurrency_max: u32,
    /// Resources asked for per page of a list, at least 1. Default 100.
    pub page_size: u32,
    /// The `User-Agent` header. Default `usher/<version>`.
    pub user_agent: String,
    /// Headers that every request carries besides; never credentials.
    pub headers: BTreeMap<String, String>,
    /// How a resource is changed. Default `patch`.
    pub update_method: UpdateMethod,
    /// Whether booleans are written as the strings `"true"` and `"false"`. Reading takes both anyway. Default
    /// no.
    pub string_booleans: bool,
    /// What accounts and groups can be looked up by.
    pub lookups: PerKind<Lookup>,
    /// How memberships are written.
    pub membership: Membership,
    /// What becomes of an account that should not exist. Default `hard`.
    pub delete: DeleteMethod,
    /// How many groups one account may be in. Default: no limit known.
    pub groups_per_user_max: Option<u32>,
    /// Longest pause that a target may ask for, in seconds; longer ones are cut. Default 900.
    pub retry_after_cap_seconds: u64,
    /// Longest answer that is read, in bytes, at least 1,024. Default 1 MiB.
    pub response_bytes_max: usize,
    /// Attributes that the target insists on.
    pub required: PerKind<Vec<Required>>,
    /// How long one request may take altogether, in seconds, at least 1. Default 30.
    pub timeout_seconds: u64,
}

/// One value for accounts and one for groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct PerKind<T> {
    /// For accounts.
    pub user: T,
    /// For groups.
    pub group: T,
}

impl<T> PerKind<T> {
    /// The value for `kind`.
    pub fn of(&self, kind: Kind) -> &T {
        match kind {
            Kind::User => &self.user,
            Kind::Group => &self.group,
        }
    }
}

/// How fast requests may be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rate {
    /// Requests per second, above 0; none: no limit is known.
    pub requests_per_second: Option<f64>,
    /// Requests that may be sent at once after a quiet time, at least 1. Default 1.
    pub burst: u32,
}

/// What resources of one kind can be looked up by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lookup {
    /// Attribute paths that a filter with `eq` may name.
    pub filterable: Vec<String>,
    /// Whether one filter may join several comparisons by `or`. Default no.
    pub or: bool,
    /// Attribute paths whose values the target keeps unique: a create that would repeat one is refused.
    pub unique_on: Vec<String>,
}

/// How memberships are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Membership {
    /// Members added or removed by one request, at least 1. Default 100.
    pub members_per_request_max: usize,
    /// PATCH operations in one request, at least 1. Default 100.
    pub operations_per_request_max: usize,
    /// How a member is taken out. Default `filter`.
    pub remove_form: RemoveForm,
    /// Whether reading a group shows its members. Default yes.
    pub readable: bool,
    /// Whether a group may be created together with its members. Default no.
    pub include_on_create: bool,
    /// Whether lookups of groups ask to leave the members out of the answer. Default yes.
    pub exclude_on_lookup: bool,
}

/// How a resource is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// By PATCH of what differs.
    Patch,
    /// By GET, then PUT of the whole resource with what differs changed.
    Put,
}

/// How a member is taken out of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveForm {
    /// One operation each, with the path `members[value eq "id"]`.
    Filter,
    /// One operation with the path `members` and a list of values.
    ValueList,
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

/// An attribute that the target insists on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Required {
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
            rate: Rate::default(),
            concurrency_max: 4,
            page_size: 100,
            user_agent: concat!("usher/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: BTreeMap::new(),
            update_method: UpdateMethod::Patch,
            string_booleans: false,
            lookups: PerKind {
                user: Lookup::by(&["externalId", "userName"], &["userName"]),
                group: Lookup::by(&["externalId", "displayName"], &[]),
            },
            membership: Membership::default(),
            delete: DeleteMethod::Hard,
            groups_per_user_max: None,
            retry_after_cap_seconds: 900,
            response_bytes_max: 1 << 20,
            required: PerKind::default(),
            timeout_seconds: 30,
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self { requests_per_second: None, burst: 1 }
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self {
            members_per_request_max: 100,
            operations_per_request_max: 100,
            remove_form: RemoveForm::Filter,
            readable: true,
            include_on_create: false,
            exclude_on_lookup: true,
        }
    }
}

impl Lookup {
    fn by(filterable: &[&str], unique_on: &[&str]) -> Self {
        let owned = |paths: &[&str]| paths.iter().map(|&p| p.to_owned()).collect();
        Self { filterable: owned(filterable), or: false, unique_on: owned(unique_on) }
    }
}

impl TargetProfile {
    /// Names of the profiles that ship with Usher.
    pub fn builtin_names() -> Vec<&'static str> {
        BUILTIN.iter().map(|(name, _)| *name).collect()
    }

    /// The profile `name` that ships with Usher.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`].
    pub fn builtin(name: &str) -> Result<Self, ProfileError> {
        let found = BUILTIN.iter().find(|(builtin, _)| *builtin == name);
        let (name, yaml) = found.ok_or_else(|| ProfileError::Unknown { name: name.to_owned() })?;
        Self::parse(yaml, name)
    }

    /// The profile that ships with Usher under this name, else the one in the file of this name.
    ///
    /// # Errors
    /// When there is neither, the file cannot be read, or it is no valid profile.
    pub fn load(name_or_path: &str) -> Result<Self, ProfileError> {
        if BUILTIN.iter().any(|(name, _)| *name == name_or_path) {
            return Self::builtin(name_or_path);
        }
        let looks_like_a_file = name_or_path.contains(['/', '\\', '.']);
        if !looks_like_a_file && !Path::new(name_or_path).exists() {
            return Err(ProfileError::Unknown { name: name_or_path.to_owned() });
        }
        let yaml = std::fs::read_to_string(name_or_path)
            .map_err(|source| ProfileError::Read { file: name_or_path.to_owned(), source })?;
        Self::parse(&yaml, name_or_path)
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

    /// Whether resources of `kind` can be looked up by the attribute at `path`.
    pub fn can_filter(&self, kind: Kind, path: &str) -> bool {
        self.lookups.of(kind).filterable.iter().any(|known| known.eq_ignore_ascii_case(path))
    }

    /// Whether the target itself refuses a second resource of `kind` with the same value at `path`.
    pub fn is_unique(&self, kind: Kind, path: &str) -> bool {
        self.lookups.of(kind).unique_on.iter().any(|known| known.eq_ignore_ascii_case(path))
    }

    fn validate(&self, file: &str) -> Result<(), ProfileError> {
        let refuse =
            |field, problem: String| Err(ProfileError::Field { file: file.to_owned(), field, problem });
        if self.name.trim().is_empty() {
            return refuse("name", "must be given".into());
        }
        if self.rate.requests_per_second.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return refuse("rate.requests_per_second", "must be above 0, or null for no known limit".into());
        }
        let counts = [
            ("rate.burst", u64::from(self.rate.burst), 1),
            ("concurrency_max", u64::from(self.concurrency_max), 1),
            ("page_size", u64::from(self.page_size), 1),
            ("membership.members_per_request_max", self.membership.members_per_request_max as u64, 1),
            ("membership.operations_per_request_max", self.membership.operations_per_request_max as u64, 1),
            ("response_bytes_max", self.response_bytes_max as u64, 1024),
            ("timeout_seconds", self.timeout_seconds, 1),
        ];
        if let Some((field, _, least)) = counts.into_iter().find(|(_, value, least)| value < least) {
            return refuse(field, format!("must be at least {least}"));
        }
        if let Err((field, problem)) = self.check_headers().and_then(|()| self.check_paths()) {
            return refuse(field, problem);
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), (&'static str, String)> {
        if self.user_agent.trim().is_empty() {
            return Err(("user_agent", "must not be empty: some targets refuse requests without it".into()));
        }
        for (name, value) in &self.headers {
            if name.eq_ignore_ascii_case("authorization") {
                return Err((
                    "headers",
                    "must not hold a credential: it belongs to the target's token".into(),
                ));
            }
            let valid = reqwest::header::HeaderName::try_from(name).is_ok()
                && reqwest::header::HeaderValue::try_from(value).is_ok();
            if !valid {
                return Err(("headers", format!("`{name}` is not a valid header")));
            }
        }
        Ok(())
    }

    fn check_paths(&self) -> Result<(), (&'static str, String)> {
        let because = |field| move |error: PathError| (field, format!("is not valid: {error}"));
        for kind in [Kind::User, Kind::Group] {
            let lookup = self.lookups.of(kind);
            lookup
                .filterable
                .iter()
                .try_for_each(|p| check_path(p))
                .map_err(because("lookups.*.filterable"))?;
            lookup
                .unique_on
                .iter()
                .try_for_each(|p| check_path(p))
                .map_err(because("lookups.*.unique_on"))?;
            let required = self.required.of(kind);
            required.iter().try_for_each(|r| check_path(&r.path)).map_err(because("required.*.path"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
