//! Probes the capabilities of a server: its description of itself and, with consent,
//! its behaviour with an account that is created for this purpose and deleted again.

mod groups;

use std::time::Duration;

use lifecycle::{AttemptClass, AttributeMap};
use serde_json::{Value, json};

use crate::{
    ConnectError, DeleteMethod, KindPair, ListPaging, LookupAttributes, PatchOp, ReadBack,
    RequiredTargetAttribute, ScimClient, ScimKind, ScimReply, TargetConnection, TargetProfile, UpdateMethod,
    observe_resource,
};

/// The maximum page size that a profile requests, even if a server offers more.
const PAGE_MAX: u64 = 1_000;

/// The number of requests per second if the profile has no limit: that of the slowest known target.
const UNKNOWN_RATE: f64 = 5.0;
/// The maximum number of attempts for one request, and of lookups for a created resource that does not show up.
const TRIES_MAX: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The result of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// The profile with the results.
    pub profile: TargetProfile,
    /// One line for each capability that was probed.
    pub notes: Vec<String>,
}

/// Probes the server of `connection`, starting from its profile. With `account`, an unused account
/// name, that account and a group are created, changed and deleted; otherwise nothing is changed.
///
/// # Errors
/// Fails if the connection cannot be used at all. A request that the server refuses becomes a note.
pub async fn probe_server(
    connection: TargetConnection,
    account: Option<&str>,
) -> Result<ProbeReport, ConnectError> {
    let client = ScimClient::new(connection.clone())?;
    let mut probe = ProbeRun {
        probed: ProbeReport { profile: connection.profile.clone(), notes: Vec::new() },
        connection,
        client,
    };
    probe.config().await;
    probe.resource_types().await;
    probe.schemas().await;
    probe.renew()?;
    match account {
        Some(account) => {
            probe.accounts(account).await?;
            probe.groups(account).await;
        }
        None => probe.note("accounts and groups: not tried, because no account may be created and deleted"),
    }
    Ok(probe.probed)
}

struct ProbeRun {
    probed: ProbeReport,
    connection: TargetConnection,
    client: ScimClient,
}

impl ProbeRun {
    fn note(&mut self, text: impl Into<String>) {
        self.probed.notes.push(text.into());
    }

    /// Creates the client again, with the profile as it is known so far.
    fn renew(&mut self) -> Result<(), ConnectError> {
        let profile = self.probed.profile.clone();
        self.client = ScimClient::new(TargetConnection { profile, ..self.connection.clone() })?;
        Ok(())
    }

    /// Sends a request at the profile's rate, and repeats it while the server is busy, so that load does not affect the result.
    async fn ask<T>(&self, request: impl AsyncFn(&ScimClient) -> ScimReply<T>) -> ScimReply<T> {
        let per_second = self.connection.profile.rate.requests_per_second.unwrap_or(UNKNOWN_RATE);
        for failures in 1_u32.. {
            tokio::time::sleep(Duration::from_secs_f64(1.0 / per_second)).await;
            let reply = request(&self.client).await;
            let is_busy = matches!(
                reply.class(),
                AttemptClass::Throttled | AttemptClass::Unavailable | AttemptClass::Transient
            );
            if !is_busy || failures == TRIES_MAX {
                return reply;
            }
            let pause = reply.outcome.err().and_then(|failure| failure.retry_after);
            tokio::time::sleep(pause.unwrap_or(RETRY_PAUSE * failures).min(PAUSE_MAX)).await;
        }
        unreachable!("the last try returns")
    }

    async fn document(&mut self, name: &'static str) -> Option<Value> {
        match self.ask(async |client| client.document(name).await).await.outcome {
            Ok(document) => Some(document),
            Err(failure) => {
                self.note(format!("{name}: {failure}"));
                None
            }
        }
    }

    /// Reads `ServiceProviderConfig`: PATCH support, page size and paging.
    async fn config(&mut self) {
        let Some(config) = self.document("ServiceProviderConfig").await else { return };
        let supports = |feature: &str| config[feature]["supported"].as_bool();
        if supports("patch") == Some(false) {
            self.probed.profile.update_method = both_kinds(UpdateMethod::Put);
        }
        if let Some(most) = config["filter"]["maxResults"].as_u64().filter(|most| *most > 0) {
            self.probed.profile.page_size = u32::try_from(most.min(PAGE_MAX)).unwrap_or(100);
        }
        let pagination = &config["pagination"];
        if pagination["cursor"] == true && pagination["index"] == false {
            self.probed.profile.paging = ListPaging::Cursor;
        }
        let words = |yes: Option<bool>| match yes {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unsaid",
        };
        self.note(format!(
            "ServiceProviderConfig: patch {}, filter {}, pages of {}",
            words(supports("patch")),
            words(supports("filter")),
            self.probed.profile.page_size
        ));
    }

    /// Reads `ResourceTypes`: the endpoints.
    async fn resource_types(&mut self) {
        let Some(types) = self.document("ResourceTypes").await else { return };
        for resource in listed_resources(&types) {
            let endpoint = resource["endpoint"].as_str().and_then(|path| path.rsplit('/').next());
            let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.is_empty()) else { continue };
            match resource["name"].as_str().or(resource["id"].as_str()) {
                Some("User") => self.probed.profile.endpoints.user = endpoint.to_owned(),
                Some("Group") => self.probed.profile.endpoints.group = endpoint.to_owned(),
                _ => continue,
            }
        }
        let endpoints = self.probed.profile.endpoints.clone();
        self.note(format!("ResourceTypes: accounts at /{}, groups at /{}", endpoints.user, endpoints.group));
    }

    /// Reads `Schemas`: required and unique attributes.
    async fn schemas(&mut self) {
        let Some(schemas) = self.document("Schemas").await else { return };
        for (kind, urn) in
            [(ScimKind::User, ScimKind::User.schema()), (ScimKind::Group, ScimKind::Group.schema())]
        {
            let Some(schema) = listed_resources(&schemas).iter().find(|schema| schema["id"] == urn) else {
                continue;
            };
            let attributes = schema["attributes"].as_array().map_or(&[][..], Vec::as_slice);
            let names = |wanted: &dyn Fn(&Value) -> bool| -> Vec<String> {
                let found = attributes.iter().filter(|attribute| wanted(attribute));
                found.filter_map(|attribute| attribute["name"].as_str()).map(str::to_owned).collect()
            };
            let required = names(&|a| a["required"] == true && a["mutability"] != "readOnly");
            let unique = names(&|a| a["uniqueness"] == "server" && a["name"] != "id");
            self.note(format!(
                "Schemas: {urn} requires {}",
                if required.is_empty() { "nothing".to_owned() } else { required.join(", ") }
            ));
            let required =
                required.into_iter().map(|path| RequiredTargetAttribute { path, default: None }).collect();
            let profile = &mut self.probed.profile;
            match kind {
                ScimKind::User => {
                    profile.required.user = required;
                    profile.lookups.user.unique_on = unique;
                }
                ScimKind::Group => {
                    profile.required.group = required;
                    profile.lookups.group.unique_on = unique;
                }
            }
        }
    }

    /// Creates an account, probes lookups, uniqueness and changes, and deletes the account.
    async fn accounts(&mut self, name: &str) -> Result<(), ConnectError> {
        let key = name.split('@').next().unwrap_or(name).to_owned();
        let attributes: AttributeMap = serde_json::from_value(json!({
            "userName": name, "externalId": key, "displayName": "Usher probe", "active": true,
            "name.givenName": "Usher", "name.familyName": "Probe", r#"emails[type eq "work"].value"#: name,
        }))
        .unwrap_or_default();
        let id = match self.ask(async |client| client.create(ScimKind::User, &attributes).await).await.outcome
        {
            Ok(created) => created.id,
            Err(failure) => {
                self.note(format!("create an account: {failure}"));
                return Ok(());
            }
        };
        let filterable = self.filterable(ScimKind::User, &[("externalId", &key), ("userName", name)]).await;
        let id = match id {
            Some(id) => Some(id),
            None => self.look_for(ScimKind::User, "userName", name).await,
        };
        let Some(id) = id else {
            self.note("create an account: the answer names no id, and the account is not found: LOOK FOR IT YOURSELF");
            return Ok(());
        };
        self.note(format!("accounts are found by {}", or_nothing(&filterable)));
        let again = self.ask(async |client| client.create(ScimKind::User, &attributes).await).await;
        let is_unique = again.class() == AttemptClass::AlreadyExists;
        self.note(format!(
            "a second account of one name: {}",
            if is_unique { "refused with 409" } else { "NOT refused with 409" }
        ));
        if let Ok(second) = again.outcome
            && let Some(second) = second.id.filter(|second| *second != id)
        {
            let _ = self.ask(async |client| client.delete(ScimKind::User, &second).await).await;
        }
        self.probed.profile.lookups.user = LookupAttributes {
            filterable,
            or: false,
            unique_on: if is_unique { vec!["userName".to_owned()] } else { Vec::new() },
        };
        self.change(&id).await?;
        self.take_away(&id).await;
        Ok(())
    }

    /// Returns the id of a created resource that the answer did not name. A search may lag behind.
    async fn look_for(&self, kind: ScimKind, path: &str, value: &str) -> Option<String> {
        for _ in 0..TRIES_MAX {
            let found = self.ask(async |client| client.find(kind, path, value).await).await.outcome;
            if let Some(found) = found.ok().and_then(|found| found.into_iter().next()) {
                return Some(found.id);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        None
    }

    /// Returns the paths of the pairs that a filter finds.
    async fn filterable(&mut self, kind: ScimKind, pairs: &[(&str, &str)]) -> Vec<String> {
        let mut filterable = Vec::new();
        for (path, value) in pairs {
            match self.ask(async |client| client.find(kind, path, value).await).await.outcome {
                Ok(found) if !found.is_empty() => filterable.push((*path).to_owned()),
                Ok(_) => {}
                Err(failure) => {
                    // A filter that could not be tried keeps its value from the profile.
                    if failure.class != AttemptClass::Permanent && self.probed.profile.can_filter(kind, path)
                    {
                        filterable.push((*path).to_owned());
                    }
                    self.note(format!("a filter by {path}: {failure}"));
                }
            }
        }
        filterable
    }

    /// Tries PATCH with a path, PATCH without one, and PUT in this order, and keeps the first method that works.
    async fn change(&mut self, id: &str) -> Result<(), ConnectError> {
        let forms = [
            ("PATCH with a path", UpdateMethod::Patch, false),
            ("PATCH without a path", UpdateMethod::Patch, true),
            ("PUT", UpdateMethod::Put, false),
        ];
        for (number, (words, method, pathless)) in forms.into_iter().enumerate() {
            self.probed.profile.update_method = both_kinds(method);
            self.probed.profile.patch.pathless = pathless;
            self.renew()?;
            let name = format!("Usher probe {number}");
            let failure = match method {
                UpdateMethod::Patch => {
                    let op = PatchOp::Replace { path: "displayName".to_owned(), value: name.clone().into() };
                    self.ask(async |client| client.patch(ScimKind::User, id, std::slice::from_ref(&op)).await)
                        .await
                        .outcome
                        .err()
                }
                UpdateMethod::Put => {
                    match self.ask(async |client| client.get(ScimKind::User, id).await).await.outcome {
                        Ok(current) => {
                            let set: AttributeMap = [("displayName".to_owned(), name.clone().into())].into();
                            let whole = crate::overlay_resource(
                                &self.probed.profile,
                                ScimKind::User,
                                &current.attributes,
                                &set,
                                &[],
                            );
                            self.ask(async |client| client.replace(ScimKind::User, id, &whole, None).await)
                                .await
                                .outcome
                                .err()
                        }
                        Err(failure) => Some(failure),
                    }
                }
            };
            let path = "displayName".to_owned();
            let read = self.ask(async |client| client.get(ScimKind::User, id).await).await.outcome;
            let is_there =
                read.is_ok_and(|found| observe_resource(&found.attributes, [&path])[&path] == name);
            match failure {
                None if is_there => {
                    self.note(format!("{words}: works"));
                    return Ok(());
                }
                None => self.note(format!("{words}: is answered with success and changes NOTHING")),
                Some(failure) => self.note(format!("{words}: {failure}")),
            }
        }
        self.note("no way to change an account was found");
        Ok(())
    }

    /// Probes how an account is disabled and deleted.
    async fn take_away(&mut self, id: &str) {
        let off = PatchOp::Replace { path: "active".to_owned(), value: false.into() };
        let set: AttributeMap = [("active".to_owned(), false.into())].into();
        let disabled = match self.probed.profile.update_method.user {
            UpdateMethod::Patch => {
                self.ask(async |client| client.patch(ScimKind::User, id, std::slice::from_ref(&off)).await)
                    .await
                    .outcome
            }
            UpdateMethod::Put => {
                match self.ask(async |client| client.get(ScimKind::User, id).await).await.outcome {
                    Ok(current) => {
                        let profile = &self.probed.profile;
                        let whole =
                            crate::overlay_resource(profile, ScimKind::User, &current.attributes, &set, &[]);
                        self.ask(async |client| client.replace(ScimKind::User, id, &whole, None).await)
                            .await
                            .outcome
                    }
                    Err(failure) => Err(failure),
                }
            }
        };
        let read = self.ask(async |client| client.get(ScimKind::User, id).await).await;
        match (disabled, &read.outcome) {
            (Ok(_), Ok(found)) if found.active == Some(false) => self.note("disabling: works"),
            (Ok(_), Err(failure)) if failure.class == AttemptClass::NotFound => {
                self.probed.profile.hides_disabled = true;
                self.note("disabling: works, and a disabled account answers 404");
            }
            (Ok(_), _) => {
                self.probed.profile.read_back = ReadBack::Disable;
                self.note("disabling: is answered with success, and does not show: it will be read back");
            }
            (Err(failure), _) => self.note(format!("disabling: {failure}")),
        }
        let deleted = self.ask(async |client| client.delete(ScimKind::User, id).await).await;
        let gone = self.ask(async |client| client.get(ScimKind::User, id).await).await.class()
            == AttemptClass::NotFound;
        match deleted.outcome {
            Ok(()) if gone => {
                self.probed.profile.delete = DeleteMethod::Hard;
                self.note("deleting: the account is gone");
            }
            Ok(()) => {
                self.probed.profile.delete = DeleteMethod::Disable;
                self.note(format!(
                    "deleting: is answered with success, and account {id} is still there: remove it yourself"
                ));
            }
            Err(failure) => {
                if failure.class == AttemptClass::Permanent {
                    self.probed.profile.delete = DeleteMethod::Disable;
                }
                self.note(format!("deleting: {failure}; account {id} is disabled: remove it yourself"));
            }
        }
    }
}

fn listed_resources(list: &Value) -> &[Value] {
    let listed = list.get("Resources").or_else(|| list.get("resources")).unwrap_or(list);
    listed.as_array().map_or(&[], Vec::as_slice)
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Returns the method for both kinds. Only accounts are probed; groups are assumed to behave in the same way.
fn both_kinds(method: UpdateMethod) -> KindPair<UpdateMethod> {
    KindPair { user: method, group: method }
}
