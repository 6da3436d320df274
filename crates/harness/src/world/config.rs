//! Writes the files that `usher up` reads: the configuration and the policies.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

/// One target of the configuration.
#[derive(Debug, Clone)]
pub struct WorldTargetConfig {
    /// The name, which is also that of its policy.
    pub name: String,
    /// The base URL of its SCIM API.
    pub base_url: String,
    /// The bearer token.
    pub token: String,
    /// The name of a built-in profile, or the path of a profile file.
    pub profile: String,
    /// The target's `adoption`.
    pub adoption: Value,
    /// The target's `never`.
    pub never: Value,
}

/// Returns the `adoption` of most tests: matches by the names that the policy matches on are linked.
pub fn adopt_by_names() -> Value {
    json!({ "users": { "by": ["userName"] }, "groups": { "by": ["displayName"] } })
}

/// The ports; 0 is any free port.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorldPorts {
    /// The port of the gateway.
    pub gateway: u16,
    /// The port of the console.
    pub console: u16,
    /// The port of the admin listener.
    pub admin: u16,
}

impl WorldPorts {
    /// Any free ports.
    pub const ANY: Self = Self { gateway: 0, console: 0, admin: 0 };

    /// Returns 8080, 8081 and 9090, each only if no process listens on it now.
    pub fn usual_if_free() -> Self {
        let free = |port| if TcpListener::bind(("127.0.0.1", port)).is_ok() { port } else { 0 };
        Self { gateway: free(8080), console: free(8081), admin: free(9090) }
    }
}

/// The configuration of `usher up`. Sources and operators have its defaults, with tokens in `DIR/tokens`.
#[derive(Debug, Clone, Default)]
pub struct UpConfig {
    /// The targets.
    pub targets: Vec<WorldTargetConfig>,
    /// The URL of a PostgreSQL database for all services; `None` means one SQLite file for each in the data folder.
    pub postgres: Option<String>,
    /// The files that the gateway reads (`gateway.feeds`).
    pub feeds: Vec<Value>,
    /// The ports that the services listen on, on loopback.
    pub ports: WorldPorts,
    /// Further settings of the gateway.
    pub gateway: serde_json::Map<String, Value>,
    /// Further settings of the mapper.
    pub mapper: serde_json::Map<String, Value>,
    /// Further settings of the writer.
    pub writer: serde_json::Map<String, Value>,
    /// Further settings of the console.
    pub console: serde_json::Map<String, Value>,
}

impl UpConfig {
    /// Writes `DATA/up.yaml` and `DATA/policies/NAME.yaml`, and returns the path of the first.
    ///
    /// # Errors
    /// Fails if the folder cannot be written.
    pub fn write(&self, data: &Path, policies: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
        let folder = data.join("policies");
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        for (name, text) in policies {
            let path = folder.join(format!("{name}.yaml"));
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
        let path = data.join("up.yaml");
        // JSON is valid YAML, and quotes all characters in paths and tokens.
        let text = serde_json::to_string_pretty(&self.document(&folder)).expect("only string keys");
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Returns the configuration as JSON.
    fn document(&self, policies: &Path) -> Value {
        let listen = |port: u16| format!("127.0.0.1:{port}");
        let target = |t: &WorldTargetConfig| {
            json!({
                "name": t.name, "base_url": t.base_url, "token": t.token, "profile": t.profile,
                "adoption": t.adoption, "never": t.never,
            })
        };
        let mut document = json!({
            "gateway": { "listen": listen(self.ports.gateway), "feeds": self.feeds },
            "mapper": { "policies": policies },
            "writer": { "targets": self.targets.iter().map(target).collect::<Vec<_>>() },
            "console": { "listen": listen(self.ports.console) },
            "telemetry": { "admin_listen": listen(self.ports.admin) },
        });
        for (name, value) in &self.gateway {
            document["gateway"][name] = value.clone();
        }
        for (name, value) in &self.mapper {
            document["mapper"][name] = value.clone();
        }
        for (name, value) in &self.writer {
            document["writer"][name] = value.clone();
        }
        for (name, value) in &self.console {
            document["console"][name] = value.clone();
        }
        if let Some(url) = &self.postgres {
            for service in ["gateway", "mapper", "writer", "console"] {
                document[service]["database"] = json!(url);
            }
        }
        document
    }
}

/// The attributes of an account, and the person attributes that they come from.
const MAPPING: &[(&str, &str)] = &[
    ("userName", "userPrincipalName"),
    ("displayName", "displayName"),
    ("name.givenName", "givenName"),
    ("name.familyName", "surname"),
    ("emails[type eq \"work\"].value", "mail"),
    ("title", "jobTitle"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "department"),
];

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

/// Returns the policy that [`crate::ExpectedDirectory`] assumes: everyone is in scope, leavers are disabled.
pub fn policy_yaml(target: &str) -> String {
    let mut text = format!("target: {target}\nusers:\n  mappings:\n");
    for (path, source) in MAPPING {
        let _ = writeln!(text, "    - {{ target: '{path}', source: {source} }}");
    }
    let _ = writeln!(text, "    - {{ target: '{MANAGER}', source: manager, reference: user }}");
    text.push_str("  match: [userName]\n  leaver: { action: disable }\n");
    text.push_str("groups:\n  mappings:\n    - { target: displayName, source: displayName }\n");
    text.push_str("  match: [displayName]\n");
    text
}
