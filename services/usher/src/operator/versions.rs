//! `usher export` and `usher versions`.

use lifecycle::{PolicyText, PolicyVersions};

use super::client::{Console, understood};
use super::{Ended, print, print_json, show};
use crate::cli::{ExportArgs, VersionsArgs};
use crate::render;

/// `usher export`: the policy byte by byte as it was applied, so that it can be applied again.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn export(args: &ExportArgs) -> anyhow::Result<Ended> {
    let query: Vec<(&str, String)> =
        args.version.map(|version| ("version", version.to_string())).into_iter().collect();
    let answer = Console::new(&args.operator)?.get(&["policies", &args.target], &query).await?;
    if args.operator.json {
        return print_json(&answer);
    }
    let text: PolicyText = understood(&answer)?;
    print(&text.policy)
}

/// `usher versions`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn versions(args: &VersionsArgs) -> anyhow::Result<Ended> {
    let path = ["policies", &args.target, "versions"];
    let answer = Console::new(&args.operator)?.get(&path, &[]).await?;
    show(&args.operator, &answer, |versions: &PolicyVersions| render::policy::versions(versions))
}
