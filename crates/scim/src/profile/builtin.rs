//! The profiles that ship with Usher.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use super::{ProfileError, TargetProfile};

const BUILTIN: [(&str, &str); 17] = [
    ("atlassian", include_str!("../../profiles/atlassian.yaml")),
    ("aws-iam-identity-center", include_str!("../../profiles/aws-iam-identity-center.yaml")),
    ("databricks", include_str!("../../profiles/databricks.yaml")),
    ("entra-compatible", include_str!("../../profiles/entra-compatible.yaml")),
    ("figma", include_str!("../../profiles/figma.yaml")),
    ("generic", include_str!("../../profiles/generic.yaml")),
    ("github-emu", include_str!("../../profiles/github-emu.yaml")),
    ("google-cloud-identity", include_str!("../../profiles/google-cloud-identity.yaml")),
    ("miro", include_str!("../../profiles/miro.yaml")),
    ("okta-compatible", include_str!("../../profiles/okta-compatible.yaml")),
    ("salesforce", include_str!("../../profiles/salesforce.yaml")),
    ("sandbox", include_str!("../../profiles/sandbox.yaml")),
    ("slack", include_str!("../../profiles/slack.yaml")),
    ("snowflake", include_str!("../../profiles/snowflake.yaml")),
    ("zscaler-zia", include_str!("../../profiles/zscaler-zia.yaml")),
    ("zscaler-zidentity", include_str!("../../profiles/zscaler-zidentity.yaml")),
    ("zscaler-zpa", include_str!("../../profiles/zscaler-zpa.yaml")),
];

/// Further names of the profiles. A vendor can have several clouds with the same behaviour.
static ALIASES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let yaml = include_str!("../../profiles/aliases.yaml");
    let names: BTreeMap<String, Vec<String>> = serde_saphyr::from_str(yaml).expect("aliases.yaml is valid");
    let pairs =
        |(of, aliases): (String, Vec<String>)| aliases.into_iter().map(move |alias| (alias, of.clone()));
    names.into_iter().flat_map(pairs).collect()
});

impl TargetProfile {
    /// Returns the names of the profiles that ship with Usher.
    pub fn builtin_names() -> Vec<&'static str> {
        BUILTIN.iter().map(|(name, _)| *name).chain(ALIASES.keys().map(String::as_str)).collect()
    }

    /// Returns the profile `name` that ships with Usher.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`].
    pub fn builtin(name: &str) -> Result<Self, ProfileError> {
        let of = ALIASES.get(name).map_or(name, String::as_str);
        let found = BUILTIN.iter().find(|(builtin, _)| *builtin == of);
        let (_, yaml) = found.ok_or_else(|| ProfileError::Unknown { name: name.to_owned() })?;
        Ok(Self { name: name.to_owned(), ..Self::parse(yaml, of)? })
    }

    /// Returns the profile as a file that [`TargetProfile::parse`] reads, with the fields that differ from `generic`.
    pub fn to_yaml(&self) -> String {
        let all = serde_json::to_value(self).expect("a profile is plain data");
        let usual = serde_json::to_value(Self::default()).expect("a profile is plain data");
        let mut own = serde_json::Map::new();
        for (key, value) in all.as_object().into_iter().flatten() {
            if key == "name" || usual.get(key) != Some(value) {
                own.insert(key.clone(), value.clone());
            }
        }
        serde_saphyr::to_string(&own).expect("a map with text keys is YAML")
    }

    /// Loads the profile that ships with Usher under this name, otherwise the one in the file with this name.
    ///
    /// # Errors
    /// Fails if there is neither, if the file cannot be read, or if it is not a valid profile.
    pub fn load(name_or_path: &str) -> Result<Self, ProfileError> {
        if Self::builtin_names().contains(&name_or_path) {
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
}
