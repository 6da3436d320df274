//! Maps a SCIM user to Usher's attributes: by the default table, and by the configuration in addition to it.

use edge::{FieldErrors, JsonPointer};
use expression::{AttributeSource, EvaluationEnvironment, Expression, MappingEffect, RandomSeed};
use lifecycle::AttributeMap;
use scim_service::{ResourceTree, ResourceType, ScimAttributePath, ScimServiceError};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::config::ScimConfig;
use crate::inbound::scim_bulk;
use crate::intake::limits::EventLimits;
use crate::intake::limits::{check_key, text_fault};

/// The maximum number of attributes that a configuration can map.
const MAPPINGS_MAX: usize = 512;
/// The SCIM paths with a name in Entra, in addition to those that the bulk endpoint knows.
const NAMES: [(&str, &str); 2] = [
    (r#"emails[type eq "other"].value"#, "proxyAddresses"),
    (r#"addresses[type eq "other"].formatted"#, "physicalDeliveryOfficeName"),
];
const EXTERNAL_ID: &str = "externalId";

/// The rule of one configured attribute.
#[derive(Debug, Clone)]
enum ProviderMappingRule {
    Path(ScimAttributePath),
    Expression(Expression),
}

/// The attribute mapping of one provider's people.
#[derive(Debug, Clone)]
pub(super) struct ProviderMapping {
    /// The attribute that is a person's key, if one is configured.
    key: Option<ScimAttributePath>,
    /// The configured rules by attribute name; `None` removes the attribute.
    own: Vec<(String, Option<ProviderMappingRule>)>,
}

impl ProviderMapping {
    /// # Errors
    /// Returns a description of the fault in the configuration.
    pub(super) fn compile(config: &ScimConfig) -> Result<Self, String> {
        let path = |text: &String| {
            ScimAttributePath::parse(ResourceType::User, text)
                .map_err(|error| format!("key: {}", error.detail))
        };
        if config.attributes.len() > MAPPINGS_MAX {
            return Err(format!("at most {MAPPINGS_MAX} attributes can be mapped"));
        }
        let own = config.attributes.iter().map(|(name, text)| {
            if let Some(fault) = text_fault(name) {
                return Err(format!("the name of an attribute {fault}"));
            }
            let rule = text.as_ref().map(|text| compile_rule(text)).transpose();
            Ok((name.clone(), rule.map_err(|why| format!("attributes.{name}: {why}"))?))
        });
        Ok(Self { key: config.key.as_ref().map(path).transpose()?, own: own.collect::<Result<_, _>>()? })
    }

    /// Returns the key of a new person or group.
    pub(super) fn key(
        &self,
        kind: ResourceType,
        id: &str,
        tree: &ResourceTree,
    ) -> Result<String, ScimServiceError> {
        let own = self.key.as_ref().filter(|_| kind == ResourceType::User);
        let found = match own {
            Some(path) => {
                let missing =
                    || ScimServiceError::invalid_value("the attribute that is the person's key is missing");
                path.values(tree).into_iter().next().and_then(Value::as_str).ok_or_else(missing)?
            }
            None => {
                let external = tree.get(EXTERNAL_ID).and_then(Value::as_str);
                external.filter(|external| !external.trim().is_empty()).unwrap_or(id)
            }
        };
        let wrong =
            |fault| ScimServiceError::invalid_value(format!("the key of the person or group {fault}"));
        check_key(Some(found)).map(str::to_owned).map_err(wrong)
    }

    /// Returns the attributes of a person. The manager in `tree` is already a key.
    pub(super) fn attributes(
        &self,
        tree: &ResourceTree,
        person: &str,
        limits: &EventLimits,
        now: OffsetDateTime,
    ) -> Result<AttributeMap, ScimServiceError> {
        let mut errors = FieldErrors::default();
        let mut attributes = scim_bulk::user_attributes(tree.clone(), &JsonPointer::root(), &mut errors);
        for (path, name) in NAMES {
            if let Some(value) = attributes.remove(path) {
                attributes.insert(name.to_owned(), value);
            }
        }
        for (name, rule) in &self.own {
            match rule.as_ref().and_then(|rule| rule.value(name, tree, person, now)) {
                Some(value) => _ = attributes.insert(name.clone(), value),
                None => _ = attributes.remove(name),
            }
        }
        limits.check_attributes(&attributes, &JsonPointer::root(), &mut errors);
        if errors.is_empty() {
            return Ok(attributes);
        }
        Err(ScimServiceError::invalid_value(
            "a value, or the number of attributes, exceeds what an event may hold",
        ))
    }
}

/// Returns the attributes of a group.
pub(super) fn group_attributes(tree: &ResourceTree) -> AttributeMap {
    tree.iter()
        .filter(|(name, _)| *name != EXTERNAL_ID)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Compiles a SCIM path, or otherwise an expression.
fn compile_rule(text: &str) -> Result<ProviderMappingRule, String> {
    if let Ok(path) = ScimAttributePath::parse(ResourceType::User, text) {
        return Ok(ProviderMappingRule::Path(path));
    }
    match Expression::compile(text) {
        Ok(expression) if expression.needs_uniqueness() => {
            Err("asks what a target holds (SelectUniqueValue)".to_owned())
        }
        Ok(expression) => Ok(ProviderMappingRule::Expression(expression)),
        Err(error) => Err(format!("is neither a SCIM path nor an expression: {}", error.message)),
    }
}

impl ProviderMappingRule {
    /// Evaluates the rule. `None` if it has no value, or if the expression fails.
    fn value(&self, name: &str, tree: &ResourceTree, person: &str, now: OffsetDateTime) -> Option<Value> {
        let expression = match self {
            Self::Path(path) => return multi_value(path.values(tree).into_iter().cloned().collect()),
            Self::Expression(expression) => expression,
        };
        let seed = Sha256::new().chain_update(person).chain_update([0]).chain_update(name).finalize();
        let seed = RandomSeed(seed.into());
        let environment = EvaluationEnvironment { now, seed, is_taken: &|_| false, default_domain: None };
        match expression.evaluate(&ResourceSource(tree), &environment) {
            Ok(MappingEffect::Value(value)) => json_value(&value),
            Ok(MappingEffect::IgnoreAttribute | MappingEffect::IgnoreObject | MappingEffect::Escrow) => None,
            Err(error) => {
                tracing::warn!(attribute = name, error = error.message, "an attribute is left out");
                None
            }
        }
    }
}

fn multi_value(mut values: Vec<Value>) -> Option<Value> {
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

fn json_value(value: &expression::Value<'_>) -> Option<Value> {
    match value {
        expression::Value::Null => None,
        expression::Value::Text(text) => Some(Value::String(text.to_string())),
        expression::Value::Integer(number) => Some(Value::from(*number)),
        expression::Value::Boolean(truth) => Some(Value::Bool(*truth)),
        expression::Value::Date(date) => date.format(&Rfc3339).ok().map(Value::String),
        expression::Value::List(values) => Some(values.iter().filter_map(json_value).collect()),
    }
}

/// A SCIM resource as the source of expressions: `[name.givenName]`, `[emails[type eq "work"].value]`.
struct ResourceSource<'a>(&'a ResourceTree);

impl AttributeSource for ResourceSource<'_> {
    fn attribute(&self, name: &str) -> Option<&Value> {
        ScimAttributePath::parse(ResourceType::User, name).ok()?.values(self.0).into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn mapping(key: Option<&str>, attributes: Value) -> ProviderMapping {
        let attributes: BTreeMap<String, Option<String>> = serde_json::from_value(attributes).unwrap();
        let config = ScimConfig {
            name: "entra".into(),
            token: edge::TokenHash::of("t"),
            key: key.map(str::to_owned),
            may: None,
            attributes,
            public_url: None,
            events_per_second_max: None,
            access: edge::AccessRule::default(),
        };
        ProviderMapping::compile(&config).unwrap()
    }

    fn user() -> ResourceTree {
        let user = json!({
            "userName": "ann@example.com", "externalId": "x1", "active": true, "title": "Engineer",
            "name": {"givenName": "Ann", "familyName": "Archer"},
            "emails": [{"type": "work", "value": "ann@example.com"}, {"type": "other", "value": "a@other.org"}],
            "phoneNumbers": [{"type": "mobile", "value": "+1"}],
            "addresses": [{"type": "work", "locality": "Berlin"}, {"type": "other", "formatted": "Room 7"}],
            scim_service::ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "7", "manager": {"value": "m1"}},
        });
        let Value::Object(user) = user else { unreachable!("an object, see above") };
        user
    }

    #[test]
    fn people_get_the_names_that_entra_uses() {
        let found = mapping(None, json!({})).attributes(
            &user(),
            "x1",
            &EventLimits::default(),
            OffsetDateTime::UNIX_EPOCH,
        );
        let expected = json!({
            "userPrincipalName": "ann@example.com", "externalId": "x1", "active": true, "jobTitle": "Engineer",
            "givenName": "Ann", "surname": "Archer", "mail": "ann@example.com", "proxyAddresses": "a@other.org",
            "mobile": "+1", "city": "Berlin", "physicalDeliveryOfficeName": "Room 7", "department": "R&D",
            "employeeId": "7", "manager": "m1",
        });
        assert_eq!(serde_json::to_value(found.unwrap()).unwrap(), expected);
    }

    #[test]
    fn the_configuration_says_otherwise_by_path_and_by_expression() {
        let own = json!({
            "jobTitle": null, "mailNickname": "externalId", "label": "Join(\", \", [name.familyName], [title])",
            "work": "emails[type eq \"work\"].value", "addresses": "emails", "missing": "nickName",
        });
        let found = mapping(None, own)
            .attributes(&user(), "x1", &EventLimits::default(), OffsetDateTime::UNIX_EPOCH)
            .unwrap();
        assert!(!found.contains_key("jobTitle") && !found.contains_key("missing"));
        assert_eq!(found["mailNickname"], "x1");
        assert_eq!(found["label"], "Archer, Engineer");
        assert_eq!(found["work"], "ann@example.com");
        assert_eq!(found["addresses"], json!(["ann@example.com", "a@other.org"]));
    }

    #[test]
    fn the_key_is_what_the_provider_calls_the_person() {
        let key =
            |key: Option<&str>, kind, tree: &ResourceTree| mapping(key, json!({})).key(kind, "id-1", tree);
        assert_eq!(key(None, ResourceType::User, &user()).unwrap(), "x1");
        assert_eq!(key(None, ResourceType::User, &ResourceTree::new()).unwrap(), "id-1");
        let number = format!("{}:employeeNumber", scim_service::ENTERPRISE_USER);
        assert_eq!(key(Some(&number), ResourceType::User, &user()).unwrap(), "7");
        assert_eq!(key(Some(&number), ResourceType::User, &ResourceTree::new()).unwrap_err().status, 400);
        assert_eq!(key(Some(&number), ResourceType::Group, &ResourceTree::new()).unwrap(), "id-1");
    }
}
