//! `usher backup`: takes a backup of a data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bus::{BackupMark, BusConfig, StreamDescription};
use recovery::DatabaseContents;
use store::Store;

use super::broker::BackupBroker;
use super::manifest::BackupManifest;
use super::{DATABASES, FOLDER, MAY_HAVE_NONE, SERVICES, STREAMS, files};
use crate::cli::BackupArgs;
use crate::config::UsherConfig;
use crate::data_folder::{self, DataFolder, RunFile};
use crate::operator::CommandEnd;
use crate::private_file::make_private_folder;

/// Writes a backup of a data folder.
///
/// # Errors
/// Returns an error if part of the data folder cannot be read, or the backup cannot be written; then there is no backup.
pub async fn take_backup(args: &BackupArgs) -> anyhow::Result<CommandEnd> {
    let source = BackupSource::open(args)?;
    ensure!(is_free(&args.to)?, "{} is not empty: choose another folder with --to", args.to.display());
    let partial = beside_path(&args.to, "partial")?;
    if partial.exists() {
        std::fs::remove_dir_all(&partial)
            .with_context(|| format!("cannot remove {}, which was not finished", partial.display()))?;
    }
    let written = source.write(&partial).await;
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&partial);
    }
    let (manifest, broker) = written?;
    if args.to.exists() {
        std::fs::remove_dir(&args.to).with_context(|| format!("cannot replace {}", args.to.display()))?;
    }
    std::fs::rename(&partial, &args.to).with_context(|| format!("cannot make {}", args.to.display()))?;
    // The mark is left only after the backup is complete and has its final name.
    let left = broker.bus.leave_backup(BackupMark { at: manifest.taken_at }).await;
    broker.stop().await?;
    left.context("the backup is written, but `usher status` cannot be notified of it")?;
    report_backup(&manifest, &args.to, &source.not_contained()?);
    Ok(CommandEnd::Done)
}

fn report_backup(manifest: &BackupManifest, to: &Path, outside: &[String]) {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    println!(
        "backed up {} as of {} to {}: {} files, {:.1} MB",
        manifest.data.display(),
        manifest.taken,
        to.display(),
        manifest.files.len(),
        bytes as f64 / 1e6
    );
    println!("it holds tokens, signing keys and data of people: keep it as safe as the data folder");
    for name in outside {
        println!("not in it: {name}");
    }
}

/// Returns whether the path does not exist or is an empty folder.
fn is_free(to: &Path) -> anyhow::Result<bool> {
    Ok(!to.exists() || (to.is_dir() && files::folder_entries(to)?.is_empty()))
}

fn beside_path(path: &Path, suffix: &str) -> anyhow::Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("{} is no name of a folder", path.display()))?;
    Ok(path.with_file_name(format!("{}.{suffix}", name.to_string_lossy())))
}

/// The data folder, running or not.
struct BackupSource {
    data: PathBuf,
    nats: BusConfig,
    config_file: PathBuf,
    /// The broker's address if `usher up` runs.
    running: Option<String>,
    /// The folder's lock while `usher up` does not run, so that it cannot be started meanwhile.
    _folder: Option<DataFolder>,
}

impl BackupSource {
    fn open(args: &BackupArgs) -> anyhow::Result<Self> {
        ensure!(
            args.data.join("nats/token").exists(),
            "there is no data folder of `usher up` in {}: name it with --data. Databases of services that run by themselves \
             are backed up with their own tools (docs/operations-backup.md)",
            args.data.display()
        );
        let run = match data_folder::is_in_use(&args.data)? {
            true => Some(RunFile::read(&args.data).context("`usher up` is starting or stopping: try again")?),
            false => None,
        };
        let held = if run.is_none() { Some(DataFolder::open(&args.data)?) } else { None };
        let data = args.data.canonicalize().with_context(|| format!("cannot use {}", args.data.display()))?;
        let of_running = run.as_ref().and_then(|run| run.config.clone());
        let config_file = args.config.clone().or(of_running).unwrap_or_else(|| data.join("usher.yaml"));
        let defaults = data_folder::config_defaults(&data, "", "");
        let config = UsherConfig::load_over(&config_file, Some(&defaults))
            .context("name the configuration that `usher up` is started with: --config FILE")?;
        refuse_other_databases(&config, &data)?;
        Ok(Self { data, nats: config.nats, config_file, running: run.map(|run| run.nats), _folder: held })
    }

    async fn write(&self, to: &Path) -> anyhow::Result<(BackupManifest, BackupBroker)> {
        for folder in [DATABASES, STREAMS, FOLDER] {
            make_private_folder(&to.join(folder))?;
        }
        let (databases, taken_at) = self.write_databases(&to.join(DATABASES)).await?;
        for path in files::beside_the_stores(&self.data)? {
            files::copy_file(&self.data.join(&path), &to.join(FOLDER).join(&path))?;
        }
        let broker = self.broker().await?;
        let streams = match write_streams(&broker, &to.join(STREAMS)).await {
            Ok(streams) => streams,
            Err(error) => {
                broker.stop().await?;
                return Err(error);
            }
        };
        let manifest = self.describe(to, taken_at, databases, streams)?;
        manifest.write(to)?;
        files::settle_folder(to)?;
        Ok((manifest, broker))
    }

    async fn broker(&self) -> anyhow::Result<BackupBroker> {
        let nats = self.data.join("nats");
        match &self.running {
            Some(url) => BackupBroker::at(self.nats.clone(), url, &nats).await,
            None => BackupBroker::start(self.nats.clone(), &nats).await,
        }
    }

    /// Copies each database as of one moment. Returns the contents of each, and the start time of the first copy.
    async fn write_databases(&self, to: &Path) -> anyhow::Result<(BTreeMap<String, DatabaseContents>, i64)> {
        let (mut all, mut taken_at) = (BTreeMap::new(), None);
        for service in SERVICES {
            let name = super::database_file(service);
            let (from, copy) = (self.data.join(&name), to.join(&name));
            if service == MAY_HAVE_NONE && !from.exists() {
                continue;
            }
            ensure!(from.exists(), "there is no {}: was `usher up` ever started here?", from.display());
            let store = Store::connect(&format!("sqlite://{}?mode=rw", from.display())).await;
            let store = store.with_context(|| format!("cannot open {}", from.display()))?;
            let now = store.now().await.with_context(|| format!("cannot read {}", from.display()))?;
            taken_at.get_or_insert(now);
            store
                .copy_to(&copy.display().to_string())
                .await
                .with_context(|| format!("cannot copy {} to {}", from.display(), copy.display()))?;
            store.close().await?;
            files::restrict_file(&copy)?;
            if let Some(contents) = contents_of(service, &copy).await? {
                all.insert(service.to_owned(), contents);
            }
        }
        Ok((all, taken_at.context("there is no database")?))
    }

    fn describe(
        &self,
        to: &Path,
        taken_at: i64,
        databases: BTreeMap<String, DatabaseContents>,
        streams: BTreeMap<String, StreamDescription>,
    ) -> anyhow::Result<BackupManifest> {
        let mut described = Vec::new();
        let mut folders = vec![to.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in files::folder_entries(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    described.push(files::describe_file(to, path.strip_prefix(to)?)?);
                }
            }
        }
        described.sort_by(|one, other| one.path.cmp(&other.path));
        let known = databases.get("mapper").context("`usher up` has never run with the mapper's database")?;
        Ok(BackupManifest {
            format: BackupManifest::FORMAT,
            usher: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at,
            taken: super::in_words(taken_at),
            data: self.data.clone(),
            installation: known.installation.clone(),
            generation: known.generation,
            databases,
            streams,
            files: described,
        })
    }

    /// Lists the parts of the installation that lie outside the data folder.
    fn not_contained(&self) -> anyhow::Result<Vec<String>> {
        let mut outside = Vec::new();
        let config = self.config_file.canonicalize().unwrap_or_else(|_| self.config_file.clone());
        if config.parent() != Some(&self.data) {
            outside.push(format!("the configuration {}", config.display()));
        }
        let text = std::fs::read_to_string(&config).unwrap_or_default();
        if text.contains("${") {
            outside.push(
                "the environment variables and files that the configuration refers to (${...})".to_owned(),
            );
        }
        Ok(outside)
    }
}

/// Returns the contents of a copy; `None` if no service has run with it. Only the copy is read, because it is what the backup
/// keeps.
async fn contents_of(service: &str, copy: &Path) -> anyhow::Result<Option<DatabaseContents>> {
    let read = async {
        let store = Store::connect(&format!("sqlite://{}?mode=rw", copy.display())).await?;
        let contents = recovery::database_contents(&store, service).await?;
        store.close().await?;
        anyhow::Ok(contents)
    };
    let contents = read.await.with_context(|| {
        format!("cannot see what the {service}'s database contains: if an older usher wrote it, start `usher up` once first")
    })?;
    files::restrict_file(copy)?;
    Ok(contents)
}

async fn write_streams(
    broker: &BackupBroker,
    to: &Path,
) -> anyhow::Result<BTreeMap<String, StreamDescription>> {
    let mut all = BTreeMap::new();
    for stream in broker.bus.streams_to_back_up() {
        let path = to.join(super::snapshot_file(&stream));
        let mut file = tokio::fs::File::from_std(files::create_private(&path)?);
        let description = broker.bus.snapshot_stream(&stream, &mut file).await?;
        file.sync_all().await.with_context(|| format!("cannot write {}", path.display()))?;
        all.insert(stream, description);
    }
    Ok(all)
}

/// Refuses databases outside the data folder, because the backup would not contain them.
fn refuse_other_databases(config: &UsherConfig, data: &Path) -> anyhow::Result<()> {
    let gateway = config.gateway.as_ref().and_then(|section| section.database.clone());
    let configured = [
        ("gateway", gateway),
        ("mapper", config.mapper.as_ref().map(|section| section.database.clone())),
        ("writer", config.writer.as_ref().map(|section| section.database.clone())),
        ("console", config.console.as_ref().map(|section| section.database.clone())),
    ];
    for (service, url) in configured {
        let Some(url) = url else { continue };
        let path = url.strip_prefix("sqlite://").map(|rest| rest.split('?').next().unwrap_or(rest));
        if path.map(Path::new) != Some(&data.join(super::database_file(service))) {
            bail!(
                "the {service}'s database is not {} but what `{service}: database:` of the configuration says: `usher backup` \
                 copies a data folder only; docs/operations-backup.md says how other databases are backed up",
                data.join(super::database_file(service)).display()
            );
        }
    }
    Ok(())
}
