//! `usher config check`: checks whether every service could start with a file, and warns about risky settings.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::{ConfigFileError, UsherConfig, authority, dangers, rights};

/// The result for a file that can be used.
#[derive(Debug)]
pub struct CheckedConfig {
    verdict: String,
    /// What each sender may say, as a table.
    rights: String,
    warnings: Vec<String>,
}

impl CheckedConfig {
    /// Returns warnings about valid settings that an operator should check.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Display for CheckedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verdict)?;
        if !self.rights.is_empty() {
            write!(f, "\n\n{}", self.rights)?;
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

/// Reads `path` as any process would, with the policies, mappings, expressions, profiles and certificates that it names, and
/// returns the processes that can use it. It makes no connections.
///
/// # Errors
/// Returns an error if no process could use the file, or if a process with a section in it could not start.
pub fn check_config(path: &Path) -> Result<CheckedConfig, ConfigFileError> {
    let shown = path.display();
    let (config, verdict, is_for_up) = match UsherConfig::load(path) {
        Ok(config) => (config, format!("{shown} is fine"), false),
        Err(alone) => {
            let nowhere = crate::data_folder::config_defaults(Path::new("."), "", "");
            let verdict =
                format!("{shown} is fine for `usher up`; for a service of its own more is needed: {alone}");
            (UsherConfig::load_over(path, Some(&nowhere))?, verdict, true)
        }
    };
    if let Some(gateway) = &config.gateway {
        gateway.check().map_err(|message| ConfigFileError::Gateway { path: path.to_owned(), message })?;
    }
    if let Some(message) = authority::fault(&config) {
        return Err(ConfigFileError::Authority { path: path.to_owned(), message });
    }
    if let Some(message) = config.console.as_ref().and_then(console::ConsoleConfig::fault) {
        return Err(ConfigFileError::Console { path: path.to_owned(), message });
    }
    if let Some(writer) = &config.writer {
        writer::check_targets(writer)
            .map_err(|source| ConfigFileError::Writer { path: path.to_owned(), source })?;
    }
    let policies = match &config.mapper {
        Some(mapper::MapperConfig { policies: Some(folder), .. }) if folder.is_dir() => {
            Some(policy_targets(folder)?)
        }
        _ => None,
    };
    let count = policies.as_ref().map_or(0, BTreeSet::len);
    let verdict = format!("{verdict} (policies checked: {count})");
    let rights = rights::render_rights(&config);
    Ok(CheckedConfig { verdict, rights, warnings: config_warnings(&config, is_for_up, policies.as_ref()) })
}

/// Reads all policies in `folder` and returns their targets.
fn policy_targets(folder: &Path) -> Result<BTreeSet<String>, ConfigFileError> {
    let failed = |path: &Path, source| ConfigFileError::Read { path: path.to_owned(), source };
    let mut targets = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
            let policy = policy::Policy::parse(&text, &path.display().to_string());
            targets.insert(policy.map_err(ConfigFileError::Policy)?.target().to_owned());
        }
    }
    Ok(targets)
}

fn config_warnings(
    config: &UsherConfig,
    is_for_up: bool,
    policies: Option<&BTreeSet<String>>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if !is_for_up {
        of_broker(&config.nats, &mut warnings);
    }
    warnings.extend(config.gateway.iter().flat_map(gateway::GatewayConfig::warnings));
    warnings.extend(authority::warnings(config));
    warnings.extend(dangers::find_dangers(config, is_for_up));
    warnings.extend(rights::warnings(config));
    if let (Some(writer), Some(policies)) = (&config.writer, policies) {
        let targets: BTreeSet<String> = writer.targets.iter().map(|target| target.name.clone()).collect();
        for target in targets.difference(policies) {
            warnings.push(format!(
                "the target {target} has no policy in the folder: no person gets an account there"
            ));
        }
        for target in policies.difference(&targets) {
            warnings.push(format!(
                "the policy for {target} has no target of that name: what it decides waits for ever"
            ));
        }
    }
    if let Some(writer) = &config.writer {
        warnings.extend(writer.targets.iter().flat_map(adoption_warnings));
    }
    if config.console.as_ref().is_some_and(|console| console.operators.is_empty()) {
        warnings.push("console.operators is empty: the operator API refuses every request".to_owned());
    }
    warnings
}

/// Warns of a target at which one value decides who gets an account or group that is there already.
fn adoption_warnings(target: &writer::TargetConfig) -> Vec<String> {
    let kinds = [("users", &target.adoption.users), ("groups", &target.adoption.groups)];
    let wide = kinds.into_iter().filter_map(|(kind, rule)| match rule {
        writer::AdoptionRule::By(paths) if paths.len() == 1 => Some((kind, &paths[0])),
        _ => None,
    });
    wide.map(|(kind, path)| {
        format!(
            "the target {} links what is there already by {path} alone (adoption.{kind}): each source that can state it decides \
             on that account; when the first sync is done, set it to `confirm`, or name two attributes",
            target.name
        )
    })
    .collect()
}

fn of_broker(nats: &bus::BusConfig, warnings: &mut Vec<String>) {
    if !nats.require_sync_always {
        warnings.push(
            "nats.require_sync_always is off: events that were answered may be lost when the broker's machine fails; \
             turn it on, with monitor_url"
                .to_owned(),
        );
    }
    if nats.ack_wait_seconds.saturating_mul(1_000) <= nats.publish_timeout_ms {
        warnings.push(format!(
            "nats.ack_wait_seconds ({}) is not longer than publish_timeout_ms ({}): messages come again while they are \
             still worked on",
            nats.ack_wait_seconds, nats.publish_timeout_ms
        ));
    }
    if nats.url.contains(',') && nats.replicas == 1 {
        warnings.push(
            "nats.url names a cluster and nats.replicas is 1: each stream lies on one server only".to_owned(),
        );
    }
}
