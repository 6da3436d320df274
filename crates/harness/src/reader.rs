//! Reads a whole SCIM server with plain HTTP: without a SCIM library, and without trust in the server's own statements.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, bail};
use serde_json::Value;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The number of resources requested per page.
const PAGE: usize = 100;

/// The maximum number of pages of one list.
const PAGES_MAX: usize = 10_000;

/// One account as found. Absent texts are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerAccount {
    /// The server's id.
    pub id: String,
    /// `externalId`.
    pub external_id: String,
    /// `userName`.
    pub user_name: String,
    /// The value of `active`, if the server returns it in any form.
    pub active: Option<bool>,
    /// `name.givenName`.
    pub given_name: String,
    /// `name.familyName`.
    pub surname: String,
    /// `displayName`.
    pub display_name: String,
    /// The work address among `emails`, or the first.
    pub email: String,
    /// The department (enterprise extension).
    pub department: String,
    /// `title`.
    pub title: String,
    /// The login name of the manager (enterprise extension); `?ID` if no account has that id.
    pub manager: String,
}

/// One group as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundGroup {
    /// The server's id.
    pub id: String,
    /// `externalId`.
    pub external_id: String,
    /// The login names of the members; `?ID` if no account has that id.
    pub members: BTreeSet<String>,
}

/// The content of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerDirectory {
    /// The accounts by login name in lower case.
    pub users: BTreeMap<String, ServerAccount>,
    /// The groups by display name.
    pub groups: BTreeMap<String, FoundGroup>,
    /// Errors in the directory itself: two accounts with one name, a member listed twice.
    pub problems: Vec<String>,
}

/// Reads all users and groups of the SCIM server at `base_url`.
pub async fn read_directory(
    http: &reqwest::Client,
    base_url: &str,
    token: &str,
) -> anyhow::Result<ServerDirectory> {
    let reader = DirectoryReader { http, base_url: base_url.trim_end_matches('/'), token };
    let users = reader.walk("Users").await?;
    let mut groups = reader.walk("Groups").await?;
    for group in &mut groups {
        if group.get("members").is_none() {
            let id = group["id"].as_str().unwrap_or_default();
            *group = reader.get(&format!("Groups/{}", percent_encode(id))).await?;
        }
    }
    Ok(assemble_directory(&users, &groups))
}

/// A plain HTTP reader of one SCIM server.
struct DirectoryReader<'a> {
    http: &'a reqwest::Client,
    base_url: &'a str,
    token: &'a str,
}

impl DirectoryReader<'_> {
    /// Reads pages until one contains nothing new, because `totalResults` may
    /// be capped or wrong, and a server may repeat its last page for ever.
    async fn walk(&self, list: &str) -> anyhow::Result<Vec<Value>> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for _ in 0..PAGES_MAX {
            let start = found.len() + 1;
            let page = self.get(&format!("{list}?startIndex={start}&count={PAGE}")).await?;
            let resources = page["Resources"].as_array().cloned().unwrap_or_default();
            let before = found.len();
            found.extend(resources.into_iter().filter(|r| seen.insert(r["id"].to_string())));
            if found.len() == before {
                return Ok(found);
            }
        }
        bail!("{list} has more than {PAGES_MAX} pages")
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}/{path}", self.base_url);
        let request = self.http.get(&url).bearer_auth(self.token).header("accept", "application/scim+json");
        let response = request.send().await.with_context(|| format!("GET {url}"))?;
        let status = response.status();
        if !status.is_success() {
            bail!("GET {url} answered {status}");
        }
        response.json().await.with_context(|| format!("GET {url} did not answer JSON"))
    }
}

/// Builds the directory from all users and groups, and records its errors.
fn assemble_directory(users: &[Value], groups: &[Value]) -> ServerDirectory {
    let names: HashMap<&str, &str> =
        users.iter().filter_map(|u| Some((u["id"].as_str()?, u["userName"].as_str()?))).collect();
    let name_of = |id: &str| names.get(id).map_or_else(|| format!("?{id}"), |name| (*name).to_owned());
    let mut directory = ServerDirectory::default();
    for user in users {
        let account = read_account(user, &name_of);
        let key = account.user_name.to_lowercase();
        if directory.users.insert(key.clone(), account).is_some() {
            directory.problems.push(format!("{key}: there are two accounts of this name"));
        }
    }
    for group in groups {
        add_group(&mut directory, group, &name_of);
    }
    directory
}

/// Adds a group with the login names of its members.
fn add_group(directory: &mut ServerDirectory, group: &Value, name_of: &impl Fn(&str) -> String) {
    let name = json_text(&group["displayName"]);
    let mut members = BTreeSet::new();
    for id in group["members"].as_array().into_iter().flatten().filter_map(|m| m["value"].as_str()) {
        if !members.insert(name_of(id)) {
            directory.problems.push(format!("group {name}: {} is a member twice", name_of(id)));
        }
    }
    let found =
        FoundGroup { id: json_text(&group["id"]), external_id: json_text(&group["externalId"]), members };
    if directory.groups.insert(name.clone(), found).is_some() {
        directory.problems.push(format!("group {name}: there are two groups of this name"));
    }
}

/// Reads the attributes of one account.
fn read_account(user: &Value, name_of: &impl Fn(&str) -> String) -> ServerAccount {
    let enterprise = &user[ENTERPRISE];
    let manager = enterprise["manager"]["value"].as_str().or_else(|| enterprise["manager"].as_str());
    ServerAccount {
        id: json_text(&user["id"]),
        external_id: json_text(&user["externalId"]),
        user_name: json_text(&user["userName"]),
        active: json_truth(&user["active"]),
        given_name: json_text(&user["name"]["givenName"]),
        surname: json_text(&user["name"]["familyName"]),
        display_name: json_text(&user["displayName"]),
        email: work_email(user),
        department: json_text(&enterprise["department"]),
        title: json_text(&user["title"]),
        manager: manager.filter(|id| !id.is_empty()).map(name_of).unwrap_or_default(),
    }
}

fn work_email(user: &Value) -> String {
    let emails = user["emails"].as_array().map(Vec::as_slice).unwrap_or_default();
    let work = emails.iter().find(|e| e["type"] == "work").or(emails.first());
    work.map(|e| json_text(&e["value"])).unwrap_or_default()
}

fn json_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn json_truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(active) => Some(*active),
        Value::String(s) if s.eq_ignore_ascii_case("true") => Some(true),
        Value::String(s) if s.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Encodes an id, which may contain any characters.
fn percent_encode(id: &str) -> String {
    let keep = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    id.bytes().map(|b| if keep(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_become_names_and_oddities_become_problems() {
        let users = [
            json!({"id": "1", "userName": "Ada@x", "active": "True", (ENTERPRISE): {"manager": {"value": "9"}}}),
            json!({"id": "2", "userName": "ada@X", "active": false}),
        ];
        let groups = [json!({"id": "g", "displayName": "R&D", "members": [{"value": "1"}, {"value": "1"}]})];
        let found = assemble_directory(&users, &groups);
        assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
        assert_eq!(found.groups["R&D"].members, BTreeSet::from(["Ada@x".to_owned()]));
        assert_eq!(read_account(&users[0], &|id| format!("?{id}")).manager, "?9");
    }

    #[test]
    fn ids_of_any_kind_can_be_asked_for() {
        assert_eq!(percent_encode("a/b c+é"), "a%2Fb%20c%2B%C3%A9");
    }
}
