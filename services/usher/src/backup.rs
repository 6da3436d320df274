//! `usher backup` and `usher restore`: the data folder of `usher up` as a folder that can be kept elsewhere.
//!
//! A backup has a copy of each database, each as of one moment, then a snapshot of each stream with its consumers, then a
//! manifest with sizes and hashes. The databases come first: one that is older than the streams reads again what it lacks. They
//! need not be of the same moment, because what was decided is compared after a restore. A restored database is marked, so
//! that the next start knows it for an older one although nothing in the backup contradicts it.

mod broker;
mod files;
mod manifest;
mod mark;
mod restore;
mod take;

pub use mark::mark_restored;
pub use restore::restore_backup;
pub use take::take_backup;

/// The databases of `usher up`, those that are read by others later: an older one is completed from what comes after it.
const SERVICES: [&str; 4] = ["gateway", "mapper", "writer", "console"];
/// The service that runs with a database only when its configuration needs one.
const MAY_HAVE_NONE: &str = "gateway";
/// Where the copies of the databases lie in a backup.
const DATABASES: &str = "databases";
/// Where the snapshots of the streams lie in a backup.
const STREAMS: &str = "streams";
/// Where everything else of the data folder lies in a backup.
const FOLDER: &str = "folder";

fn database_file(service: &str) -> String {
    format!("{service}.db")
}

fn snapshot_file(stream: &str) -> String {
    format!("{stream}.snapshot")
}

/// A time in microseconds since the Unix epoch, for operators and names of folders.
fn moment_of(micros: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn in_words(micros: i64) -> String {
    moment_of(micros).format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
