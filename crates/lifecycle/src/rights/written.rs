//! The form of rights in the configuration. A right that is left out is not granted.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{
    AttributeRight, EmploymentRight, GroupRight, KeyPattern, KindPattern, PeopleRight, SenderRights,
};

/// The word for a sender that may say everything.
const EVERYTHING: &str = "everything";
const ALL: &str = "all";
const INTRODUCED: &str = "introduced";
const NONE: &str = "none";

/// The rights as they are written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenRights {
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<WrittenScope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<WrittenAttributes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    employment: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<WrittenScope>,
}

/// People or groups as they are written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenScope {
    Flag(bool),
    Word(String),
    Keys(Vec<String>),
}

/// Lists of attributes as they are written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
}

impl<'de> Deserialize<'de> for SenderRights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == EVERYTHING => Ok(Self::everything()),
            Value::Object(fields) => {
                let written = serde_json::from_value::<WrittenRights>(Value::Object(fields));
                read_rights(written.map_err(D::Error::custom)?).map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom(
                "write `may: everything`, or the rights, as in `may: { people: introduced, employment: true }`",
            )),
        }
    }
}

impl Serialize for SenderRights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_everything() {
            return serializer.serialize_str(EVERYTHING);
        }
        let word = |word: &str| Some(WrittenScope::Word(word.to_owned()));
        let people = match &self.people {
            PeopleRight::None => None,
            PeopleRight::Introduced => word(INTRODUCED),
            PeopleRight::Keys(keys) => Some(WrittenScope::Keys(to_texts(keys))),
            PeopleRight::All => word(ALL),
        };
        let groups = match &self.groups {
            GroupRight::None => None,
            GroupRight::Keys(keys) => Some(WrittenScope::Keys(to_texts(keys))),
            GroupRight::All => word(ALL),
        };
        let AttributeRight { allow, deny } = &self.attributes;
        let attributes =
            WrittenAttributes { allow: allow.as_deref().map(to_texts), deny: to_texts(deny.as_slice()) };
        let employment = match self.employment {
            EmploymentRight::Granted => Some(true),
            EmploymentRight::Withheld => Some(false),
            EmploymentRight::LeftOut => None,
        };
        let written = WrittenRights {
            kinds: self.kinds.as_deref().map(to_texts),
            people,
            attributes: (!self.attributes.is_everything()).then_some(attributes),
            employment,
            groups,
        };
        written.serialize(serializer)
    }
}

fn to_texts<T: ToString>(patterns: &[T]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

/// Reads the rights.
fn read_rights(written: WrittenRights) -> Result<SenderRights, String> {
    let WrittenRights { kinds, people, attributes, employment, groups } = written;
    let people = match people {
        None | Some(WrittenScope::Flag(false)) => PeopleRight::None,
        Some(WrittenScope::Flag(true)) => PeopleRight::All,
        Some(WrittenScope::Keys(keys)) => PeopleRight::Keys(read_patterns("people", &keys)?),
        Some(WrittenScope::Word(word)) => match word.as_str() {
            ALL => PeopleRight::All,
            INTRODUCED => PeopleRight::Introduced,
            NONE => PeopleRight::None,
            _ => return Err(format!("people: {word:?}: write all, introduced, none or patterns: [\"C-*\"]")),
        },
    };
    let groups = match groups {
        None | Some(WrittenScope::Flag(false)) => GroupRight::None,
        Some(WrittenScope::Flag(true)) => GroupRight::All,
        Some(WrittenScope::Keys(keys)) => GroupRight::Keys(read_patterns("groups", &keys)?),
        Some(WrittenScope::Word(word)) => match word.as_str() {
            ALL => GroupRight::All,
            NONE => GroupRight::None,
            _ => return Err(format!("groups: {word:?}: write true, false or patterns of keys: [\"G-*\"]")),
        },
    };
    let kinds = kinds.map(|kinds| kinds.iter().map(|kind| read_kind(kind)).collect()).transpose()?;
    let WrittenAttributes { allow, deny } = attributes.unwrap_or_default();
    let attributes = AttributeRight {
        allow: allow.map(|names| read_patterns("attributes.allow", &names)).transpose()?,
        deny: read_patterns("attributes.deny", &deny)?,
    };
    let employment = match employment {
        Some(true) => EmploymentRight::Granted,
        Some(false) => EmploymentRight::Withheld,
        None => EmploymentRight::LeftOut,
    };
    let rights = SenderRights { kinds, people, attributes, employment, groups };
    if rights.is_nothing() {
        return Err("this sender may say nothing: name `people` or `groups`, or remove the sender".to_owned());
    }
    if rights.people == PeopleRight::None && rights.employment == EmploymentRight::Granted {
        return Err("`employment` needs `people`: all, introduced, or patterns of keys".to_owned());
    }
    Ok(rights)
}

fn read_kind(text: &str) -> Result<KindPattern, String> {
    KindPattern::parse(text).ok_or_else(|| {
        format!("kinds: {text:?} is no event type: write one such as worker.left, or worker.* or group.*")
    })
}

fn read_patterns(place: &str, texts: &[String]) -> Result<Vec<KeyPattern>, String> {
    let read = |text: &String| {
        KeyPattern::parse(text).ok_or_else(|| format!("{place}: {text:?} matches nothing: remove it"))
    };
    texts.iter().map(read).collect()
}
