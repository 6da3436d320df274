//! The settings of a target about what is there already: what is never touched, what is adopted, and what is deleted.

use serde::{Deserialize, Deserializer, Serialize};

/// The accounts and groups at a target that no request changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeverConfig {
    /// Ids of accounts and groups, as the target shows them.
    pub ids: Vec<String>,
    /// Login names of accounts. `*` stands for any text, and case does not matter.
    #[serde(alias = "userNames")]
    pub user_names: Vec<String>,
    /// Display names or ids of groups. `*` stands for any text, and case does not matter.
    pub groups: Vec<String>,
    /// True for the accounts that the target shows as its administrators (`administrators` of the profile).
    pub administrators: bool,
}

impl NeverConfig {
    /// Returns the entry without a name, if there is one.
    pub(crate) fn empty_entry(&self) -> Option<&'static str> {
        let lists = [("ids", &self.ids), ("user_names", &self.user_names), ("groups", &self.groups)];
        lists
            .into_iter()
            .find(|(_, entries)| entries.iter().any(|entry| entry.trim().is_empty()))
            .map(|(name, _)| name)
    }
}

/// The rules for linking accounts and groups that are at a target and were not created by Usher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdoptionConfig {
    /// The rule for accounts.
    pub users: AdoptionRule,
    /// The rule for groups.
    pub groups: AdoptionRule,
}

/// The rule for linking one kind of resource that matches and was not created by Usher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptionRule {
    /// An operator confirms each match.
    #[default]
    Confirm,
    /// A match is linked if two attributes agree whose values differ from each other.
    Automatic,
    /// A match is linked if all of these attributes agree.
    By(Vec<String>),
}

/// The rule for deleting what Usher did not create.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AdoptedDeletion {
    /// It is never deleted.
    #[default]
    Never,
    /// It is deleted like what Usher created.
    Allowed,
}

/// The rules of a target about what is there already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TouchRules {
    pub(crate) never: NeverConfig,
    pub(crate) adoption: AdoptionConfig,
    pub(crate) deletion: AdoptedDeletion,
}

/// The written forms of a rule.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenRule {
    Word(RuleWord),
    Attributes(RuleAttributes),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RuleWord {
    Confirm,
    Automatic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleAttributes {
    by: Vec<String>,
}

impl<'de> Deserialize<'de> for AdoptionRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || {
            serde::de::Error::custom(
                "it must be `confirm`, `automatic`, or the attributes that must agree: `{ by: [userName] }`",
            )
        };
        match WrittenRule::deserialize(deserializer).map_err(|_| wrong())? {
            WrittenRule::Word(RuleWord::Confirm) => Ok(Self::Confirm),
            WrittenRule::Word(RuleWord::Automatic) => Ok(Self::Automatic),
            WrittenRule::Attributes(RuleAttributes { by }) if !by.is_empty() => Ok(Self::By(by)),
            WrittenRule::Attributes(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adoption(text: &str) -> Result<AdoptionConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_that_says_nothing_lets_an_operator_confirm_each_match() {
        assert_eq!(adoption("{}").unwrap(), AdoptionConfig::default());
        assert_eq!(AdoptionConfig::default().users, AdoptionRule::Confirm);
        let said = adoption(r#"{"users": {"by": ["userName"]}, "groups": "automatic"}"#).unwrap();
        assert_eq!(said.users, AdoptionRule::By(vec!["userName".to_owned()]));
        assert_eq!(said.groups, AdoptionRule::Automatic);
        for wrong in [r#"{"users": "always"}"#, r#"{"users": {"by": []}}"#, r#"{"users": {"on": ["a"]}}"#] {
            assert!(adoption(wrong).unwrap_err().contains("`confirm`"), "{wrong}");
        }
        assert!(adoption(r#"{"people": "confirm"}"#).is_err());
    }

    #[test]
    fn the_never_list_takes_both_spellings_of_login_names_and_no_empty_entry() {
        let never: NeverConfig = serde_json::from_str(r#"{"userNames": ["admin@*"], "ids": ["7"]}"#).unwrap();
        assert_eq!(never.user_names, ["admin@*"]);
        assert_eq!(never.empty_entry(), None);
        let empty = NeverConfig { groups: vec![" ".to_owned()], ..never };
        assert_eq!(empty.empty_entry(), Some("groups"));
    }
}
