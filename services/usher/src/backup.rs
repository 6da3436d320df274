//! `usher backup` and `usher restore`: saves the data folder of `usher up` as a backup folder, and restores it.
//!
//! A backup has a copy of each database, each as of one moment, then a snapshot of each stream with its consumers, then a
//! manifest with sizes and hashes. The databases are copied first: a database that is older than the streams reads the missing
//! messages again. The copies need not be of the same moment, because decisions are compared after a restore. A restored
//! database is marked, so that the next start treats it as older although nothing in the backup contradicts it.

mod broker;
mod files;
mod manifest;
mod mark;
mod restore;
mod take;

pub use mark::mark_restored;
pub use restore::restore_backup;
pub use take::take_backup;

/// The databases of `usher up`, in the order in which they are copied. An older database is completed from later messages.
const SERVICES: [&str; 4] = ["gateway", "mapper", "writer", "console"];
/// The service that has a database only if its configuration needs one.
const MAY_HAVE_NONE: &str = "gateway";
/// Folder of the database copies in a backup.
const DATABASES: &str = "databases";
/// Folder of the stream snapshots in a backup.
const STREAMS: &str = "streams";
/// Folder of all other files of the data folder in a backup.
const FOLDER: &str = "folder";

fn database_file(service: &str) -> String {
    format!("{service}.db")
}

fn snapshot_file(stream: &str) -> String {
    format!("{stream}.snapshot")
}

/// Converts microseconds since the Unix epoch into a time in whole seconds, for operators and folder names.
fn moment_of(micros: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn in_words(micros: i64) -> String {
    moment_of(micros).format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
