//! Runs `usher export` and `usher versions`.

use lifecycle::{PolicyText, PolicyVersions};

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, print_json, print_text, show_answer};
use crate::cli::{ExportArgs, VersionsArgs};
use crate::render;

/// Runs `usher export`: prints the policy byte for byte as it was applied, so that it can be applied again.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn export_policy(args: &ExportArgs) -> anyhow::Result<CommandEnd> {
    let query: Vec<(&str, String)> =
        args.version.map(|version| ("version", version.to_string())).into_iter().collect();
    let answer = OperatorClient::new(&args.operator)?.get(&["policies", &args.target], &query).await?;
    if args.operator.json {
        return print_json(&answer);
    }
    let text: PolicyText = read_answer(&answer)?;
    print_text(&text.policy) // byte for byte: it may be the input of another program
}

/// Runs `usher versions`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn list_versions(args: &VersionsArgs) -> anyhow::Result<CommandEnd> {
    let path = ["policies", &args.target, "versions"];
    let answer = OperatorClient::new(&args.operator)?.get(&path, &[]).await?;
    show_answer(&args.operator, &answer, |versions: &PolicyVersions| {
        render::policy::render_versions(versions)
    })
}
