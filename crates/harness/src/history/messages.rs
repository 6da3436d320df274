//! Formats a person as attributes of a CloudEvent, and as a SCIM bulk operation.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::people::SamplePerson;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A CloudEvents 1.0 event, ready to be posted.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudEventMessage(Value);

impl CloudEventMessage {
    /// Creates an event of type `kind` that is dated `at`.
    pub(super) fn new(
        source: &str,
        id: &str,
        kind: &str,
        subject: &str,
        at: OffsetDateTime,
        attributes: Map<String, Value>,
        members: Option<Vec<String>>,
    ) -> Self {
        let mut data = Map::new();
        if !attributes.is_empty() {
            data.insert("attributes".to_owned(), Value::Object(attributes));
        }
        if let Some(members) = members {
            data.insert("members".to_owned(), json!(members));
        }
        Self(json!({
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": kind,
            "subject": subject,
            "time": at.format(&Rfc3339).expect("dates of tests have four-digit years"),
            "datacontenttype": "application/json",
            "data": data,
        }))
    }

    /// Returns the event as JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Returns the event as JSON, for tests that change it (a future date, a wrong field).
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl From<Value> for CloudEventMessage {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

/// Returns the person's attributes under Entra's names.
pub(super) fn person_attributes(person: &SamplePerson) -> Map<String, Value> {
    let mut attributes = Map::new();
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            attributes.insert(name.to_owned(), json!(value));
        }
    };
    say("givenName", &person.given_name);
    say("surname", &person.surname);
    say("displayName", &person.display_name);
    say("userPrincipalName", &person.user_principal_name);
    say("mail", &person.mail);
    say("department", &person.department);
    say("jobTitle", &person.job_title);
    say("employeeId", &person.employee_id);
    say("employeeType", &person.employee_type);
    say("country", &person.country);
    if let Some(manager) = &person.manager {
        say("manager", manager);
    }
    attributes
}

/// Returns the operation that creates this person, in the form of Entra's inbound provisioning API.
pub(super) fn bulk_operation(person: &SamplePerson) -> Value {
    let mut name = json!({ "givenName": person.given_name, "formatted": person.display_name });
    if !person.surname.is_empty() {
        name["familyName"] = json!(person.surname);
    }
    let mut enterprise = json!({ "employeeNumber": person.employee_id, "department": person.department });
    if let Some(manager) = &person.manager {
        enterprise["manager"] = json!({ "value": manager });
    }
    json!({
        "method": "POST",
        "bulkId": person.key,
        "path": "/Users",
        "data": {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "externalId": person.key,
            "userName": person.user_principal_name,
            "name": name,
            "displayName": person.display_name,
            "emails": [{ "value": person.mail, "type": "work", "primary": true }],
            "addresses": [{ "type": "work", "country": person.country }],
            "userType": person.employee_type,
            "title": person.job_title,
            "active": true,
            (ENTERPRISE): enterprise,
        },
    })
}
