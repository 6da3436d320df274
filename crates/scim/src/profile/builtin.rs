//! The profiles that ship with Usher.

use std::path::Path;

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

/// Each Zscaler cloud, and each host of Private Access, by its own name: they behave alike.
const ALIASES: [(&str, &str); 13] = [
    ("zscaler-zia-zscaler", "zscaler-zia"),
    ("zscaler-zia-zscalerone", "zscaler-zia"),
    ("zscaler-zia-zscalertwo", "zscaler-zia"),
    ("zscaler-zia-zscalerthree", "zscaler-zia"),
    ("zscaler-zia-zscloud", "zscaler-zia"),
    ("zscaler-zia-zscalerbeta", "zscaler-zia"),
    ("zscaler-zia-zscalergov", "zscaler-zia"),
    ("zscaler-zpa-private", "zscaler-zpa"),
    ("zscaler-zpa-zpabeta", "zscaler-zpa"),
    ("zscaler-zpa-zpatwo", "zscaler-zpa"),
    ("zscaler-zpa-zpagov", "zscaler-zpa"),
    ("zscaler-zpa-zpagovus", "zscaler-zpa"),
    ("zscaler-zpa-zpapreview", "zscaler-zpa"),
];

impl TargetProfile {
    /// Names of the profiles that ship with Usher.
    pub fn builtin_names() -> Vec<&'static str> {
        BUILTIN.iter().map(|(name, _)| *name).chain(ALIASES.iter().map(|(alias, _)| *alias)).collect()
    }

    /// The profile `name` that ships with Usher.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`].
    pub fn builtin(name: &str) -> Result<Self, ProfileError> {
        let of = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, of)| *of);
        let found = BUILTIN.iter().find(|(builtin, _)| *builtin == of);
        let (_, yaml) = found.ok_or_else(|| ProfileError::Unknown { name: name.to_owned() })?;
        Ok(Self { name: name.to_owned(), ..Self::parse(yaml, of)? })
    }

    /// The profile as a file that [`TargetProfile::parse`] reads, with what differs from `generic`.
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

    /// The profile that ships with Usher under this name, else the one in the file of this name.
    ///
    /// # Errors
    /// When there is neither, the file cannot be read, or it is no valid profile.
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
