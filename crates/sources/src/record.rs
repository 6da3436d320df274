//! A record as the source of expressions: `[work.department]` selects members of objects, `[jobs.0.title]` elements of lists. An object as
//! a whole is not a value, unless it has a member `value`: `{"id":3}` is not the name of a department.

use expression::AttributeSource;
use serde_json::Value;

/// The JSON of one person.
pub(crate) struct PersonJson<'a>(pub(crate) &'a Value);

impl AttributeSource for PersonJson<'_> {
    fn attribute(&self, name: &str) -> Option<&Value> {
        find_member(self.0, name)
            .filter(|found| found.as_object().is_none_or(|fields| fields.contains_key("value")))
    }
}

impl PersonJson<'_> {
    /// Returns whether the record contains one of these names, even if it has no value.
    pub(crate) fn speaks_of(&self, names: &[String]) -> bool {
        names.iter().any(|name| find_member(self.0, name).is_some())
    }
}

/// Finds a member by its path. A member whose name itself contains dots takes precedence.
fn find_member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let step = |name: &str| match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => None,
    };
    step(name).or_else(|| {
        let mut dots = name.match_indices('.');
        dots.find_map(|(dot, _)| find_member(step(&name[..dot])?, &name[dot + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dots_lead_into_objects_and_lists() {
        let record = json!({"a": {"b": [{"c": 1}], "x.y": 2}, "a.b": null, "e": []});
        let found = |name: &str| find_member(&record, name).cloned();
        assert_eq!(found("a.x.y"), Some(json!(2)));
        assert_eq!(found("a.b"), Some(Value::Null), "the member of that very name");
        assert_eq!(found("a.b.0.c"), Some(json!(1)), "but only where it leads on");
        for missing in ["", ".", "a.", ".a", "a.b.1", "a.b.x", "e.0", "a..b", "a.b.0.c.d"] {
            assert_eq!(found(missing), None, "{missing}");
        }
    }

    #[test]
    fn an_object_is_no_value_but_what_it_holds_may_be_one() {
        let record = json!({"department": {"id": 3}, "city": {"value": "Paris"}, "sites": [{"id": 1}]});
        let source = PersonJson(&record);
        assert_eq!(source.attribute("department"), None);
        assert!(source.speaks_of(&["department".to_owned()]));
        assert_eq!(source.attribute("department.id"), Some(&json!(3)));
        assert_eq!(source.attribute("city"), Some(&json!({"value": "Paris"})));
        assert!(source.attribute("sites").is_some());
    }
}
