//! Runs `usher target probe`: finds the capabilities of a SCIM server and prints a matching profile.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use scim::{HiddenSecret, SourceCredential, TargetConnection, TargetProfile};

use super::{CommandEnd, print_text};
use crate::cli::ProbeArgs;
use crate::render;

/// Runs `usher target probe`.
///
/// # Errors
/// Returns an error if the URL, the token or the profile cannot be used, or if the file cannot be written.
pub async fn run_probe(args: &ProbeArgs) -> anyhow::Result<CommandEnd> {
    let secret = match (&args.token, &args.token_file) {
        (Some(token), _) => HiddenSecret::Text(token.clone()),
        (None, Some(file)) => HiddenSecret::File(file.clone()),
        (None, None) => {
            bail!("a token is needed: --token-file FILE, or USHER_TARGET_TOKEN in the environment")
        }
    };
    let profile = TargetProfile::load(&args.profile)?;
    let connection = TargetConnection {
        base_url: args.url.parse().with_context(|| format!("{} is no URL", args.url))?,
        credential: SourceCredential::Bearer(secret),
        timeout: Duration::from_secs(profile.timeout_seconds),
        profile,
    };
    let account = format!("usher-probe-{}@{}", uuid::Uuid::now_v7().simple(), args.domain);
    let probed = scim::probe_server(connection, args.write.then_some(account.as_str())).await?;
    for note in &probed.notes {
        eprintln!("{}", render::clean_text(note));
    }
    let name =
        args.out.as_deref().and_then(Path::file_stem).and_then(|name| name.to_str()).unwrap_or("probed");
    let profile = TargetProfile { name: name.to_owned(), ..probed.profile };
    let yaml = format!(
        "# Found out by `usher target probe`; limits of rate and size are not part of what a server says.\n{}",
        profile.to_yaml()
    );
    match &args.out {
        None => print_text(&yaml),
        Some(file) => {
            let mut out = std::fs::File::create_new(file)
                .with_context(|| format!("cannot write {}", file.display()))?;
            out.write_all(yaml.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
            print_text(&format!("written to {}\n", render::clean_text(&file.display().to_string())))
        }
    }
}
