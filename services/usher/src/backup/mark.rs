//! `usher admin restored`: marks databases that were restored with their own tools.

use anyhow::{Context as _, ensure};
use store::Store;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::RestoredArgs;
use crate::config::UsherConfig;
use crate::operator::CommandEnd;

/// Marks the databases of the configuration as restored.
///
/// # Errors
/// Returns an error if the configuration names no database, or if one of them cannot be used.
pub async fn mark_restored(args: &RestoredArgs) -> anyhow::Result<CommandEnd> {
    let taken_at = OffsetDateTime::parse(&args.taken_at, &Rfc3339).with_context(|| {
        format!("--taken-at {} is no time; it looks like 2026-07-01T03:00:00Z", args.taken_at)
    })?;
    let micros = i64::try_from(taken_at.unix_timestamp_nanos() / 1_000).context("--taken-at is no time")?;
    let config = UsherConfig::load(&args.config)?;
    let gateway = config.gateway.and_then(|section| section.database);
    let databases = [
        ("gateway", gateway),
        ("mapper", config.mapper.map(|section| section.database)),
        ("writer", config.writer.map(|section| section.database)),
        ("console", config.console.map(|section| section.database)),
    ];
    let mut marked = 0;
    for (service, url) in databases {
        let Some(url) = url else { continue };
        let store = Store::connect(&url).await;
        let store = store.with_context(|| format!("cannot open the {service}'s database"))?;
        let generation = recovery::mark_restored(&store, service, micros, &[]).await;
        let generation = generation.with_context(|| format!("cannot mark the {service}'s database"))?;
        store.close().await?;
        match generation {
            Some(generation) => println!("the {service}'s database is marked: generation {generation}"),
            None => println!("the {service} has never run with its database: nothing to mark"),
        }
        marked += usize::from(generation.is_some());
    }
    ensure!(
        marked > 0,
        "no database was marked: {} names none that a service has run with",
        args.config.display()
    );
    println!("start the services; {}", super::restore::WHAT_IS_LEFT);
    Ok(CommandEnd::Done)
}
