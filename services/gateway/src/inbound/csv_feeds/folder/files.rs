//! The files of a folder on disk. Every operation runs on a thread that may block.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::inbound::csv_feeds::FolderConfig;

/// The maximum number of files in one scan; the rest follow once there are fewer.
const FILES_MAX: usize = 10_000;
/// The time for which a file must be unchanged before it counts as complete.
const QUIET_MIN: Duration = Duration::from_secs(2);
/// The endings of names of files that are still being written, or that belong to another file.
const NOT_FILES: [&str; 6] = [".part", ".partial", ".tmp", ".filepart", "~", ".report.json"];
/// The ending of a checksum file, appended to the file's name.
const CHECKSUM: &str = ".sha256";
/// The maximum number of bytes that are read of a checksum file.
const CHECKSUM_BYTES_MAX: u64 = 4_096;

/// A file that is complete, as far as two scans can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadyFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) modified: OffsetDateTime,
    stamp: FileStamp,
}

/// The metadata that tells whether a file is still the one that was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    /// The length in bytes.
    bytes: u64,
    /// The modification time: seconds since the Unix epoch, and nanoseconds.
    modified: (i64, i64),
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The files of earlier scans, and the time since which each is unchanged.
#[derive(Debug, Default, Clone)]
pub(super) struct SeenFiles(HashMap<String, (FileStamp, Instant)>);

/// The result of opening and hashing a file.
pub(super) enum OpenedFile {
    /// The file is longer than the maximum.
    TooLong,
    /// The SHA-256 of the file, in hexadecimal digits.
    Hash(String),
}

/// Runs blocking file operations on a thread of their own.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}

/// Returns the first file by name if it has not changed for a while. A file that still grows blocks those after it.
pub(super) async fn next_file(folder: &FolderConfig, seen: &mut SeenFiles) -> io::Result<Option<ReadyFile>> {
    let (folder, before) = (folder.clone(), seen.clone());
    let (found, now) = run_blocking(move || look_at_folder(&folder, &before)).await?;
    *seen = now;
    Ok(found)
}

/// Scans the folder and returns its first complete file, and all files that were seen.
fn look_at_folder(folder: &FolderConfig, before: &SeenFiles) -> io::Result<(Option<ReadyFile>, SeenFiles)> {
    for place in [&folder.path, &folder.done, &folder.failed] {
        fs::create_dir_all(place)?;
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder.path)?.take(FILES_MAX) {
        let entry = entry?;
        // The metadata of the entry itself: a symbolic link is ignored, wherever it points.
        let metadata = match entry.metadata() {
            Ok(metadata) if metadata.is_file() => metadata,
            _ => continue,
        };
        if let Some(name) = name_of(&entry.file_name()) {
            files.push((name, entry.path(), FileStamp::of(&metadata)));
        }
    }
    files.sort();
    let at = Instant::now();
    let since = |name: &String, stamp: &FileStamp| match before.0.get(name) {
        Some((then, since)) if then == stamp => *since,
        _ => at,
    };
    let seen = files.iter().map(|(name, _, stamp)| (name.clone(), (*stamp, since(name, stamp))));
    let now = SeenFiles(seen.collect());
    let first = files.into_iter().next();
    let found =
        first.filter(|(name, _, _)| now.0.get(name).is_some_and(|(_, since)| at - *since >= QUIET_MIN));
    Ok((found.map(|(name, path, stamp)| ReadyFile { modified: modified_at(stamp), path, name, stamp }), now))
}

impl PartialOrd for FileStamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FileStamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.inode, self.modified).cmp(&(other.inode, other.modified))
    }
}

/// Returns the file's name, or `None` for a file that must be ignored.
fn name_of(name: &OsStr) -> Option<String> {
    let name = name.to_str()?;
    let hidden = name.starts_with('.');
    let other = NOT_FILES.iter().any(|end| name.ends_with(end)) || name.ends_with(CHECKSUM);
    (!hidden && !other).then(|| name.to_owned())
}

/// Returns the modification time of a file.
fn modified_at(stamp: FileStamp) -> OffsetDateTime {
    let nanos = i128::from(stamp.modified.0) * 1_000_000_000 + i128::from(stamp.modified.1);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Opens a file if it is still the one that was scanned.
fn open_same(found: &ReadyFile) -> io::Result<Option<File>> {
    let is_same = |metadata: &Metadata| metadata.is_file() && FileStamp::of(metadata) == found.stamp;
    let here = match fs::symlink_metadata(&found.path) {
        Ok(metadata) => is_same(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !here {
        return Ok(None);
    }
    let file = File::open(&found.path)?;
    // The file may have been replaced by a link since the check above.
    Ok(is_same(&file.metadata()?).then_some(file))
}

/// Returns the hash of a file, which identifies its run, or `None` if it is no longer the file that was scanned.
pub(super) async fn hash_file(found: &ReadyFile, bytes_max: u64) -> io::Result<Option<OpenedFile>> {
    let found = found.clone();
    run_blocking(move || {
        let Some(file) = open_same(&found)? else { return Ok(None) };
        if found.stamp.bytes > bytes_max {
            return Ok(Some(OpenedFile::TooLong));
        }
        let mut hash = Sha256::new();
        io::copy(&mut file.take(bytes_max), &mut hash)?;
        Ok(Some(OpenedFile::Hash(hex::encode(hash.finalize()))))
    })
    .await
}

/// Opens the file for reading, limited to the length that was scanned.
pub(super) async fn file_reader(found: &ReadyFile) -> io::Result<impl Read + Send + 'static> {
    let found = found.clone();
    run_blocking(move || {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        Ok(open_same(&found)?.ok_or_else(gone)?.take(found.stamp.bytes))
    })
    .await
}

/// Returns the path of the checksum file for `path`.
fn checksum_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(CHECKSUM);
    PathBuf::from(name)
}

/// Reads the checksum file beside the file, if there is one.
pub(super) async fn checksum_beside(found: &ReadyFile) -> io::Result<Option<String>> {
    let path = checksum_path(&found.path);
    run_blocking(move || match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            let mut text = String::new();
            File::open(&path)?.take(CHECKSUM_BYTES_MAX).read_to_string(&mut text)?;
            Ok(Some(text))
        }
        _ => Ok(None),
    })
    .await
}

/// Writes the report, then moves the file and its checksum beside it. A file of the same name that is there already is not
/// overwritten.
pub(super) async fn put_away(to: &Path, found: &ReadyFile, report: String) -> io::Result<()> {
    let (to, found) = (to.to_owned(), found.clone());
    run_blocking(move || {
        fs::create_dir_all(&to)?;
        let name = free_name(&to, &found);
        let (fresh, path) =
            (to.join(format!(".{name}.report.json.new")), to.join(format!("{name}.report.json")));
        fs::write(&fresh, report)?;
        File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, path)?;
        // Another file may have taken its place meanwhile, and must still be read.
        if open_same(&found)?.is_none() {
            return Ok(());
        }
        let moved = fs::rename(&found.path, to.join(&name));
        let checksum = checksum_path(&found.path);
        if checksum.is_file() {
            _ = fs::rename(&checksum, to.join(format!("{name}{CHECKSUM}")));
        }
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()), // another gateway that watches the same folder was faster
        }
    })
    .await
}

/// Returns the file's name, preceded by its modification time if that name is taken.
fn free_name(to: &Path, found: &ReadyFile) -> String {
    if fs::symlink_metadata(to.join(&found.name)).is_err() {
        return found.name.clone();
    }
    format!("{}.{}", found.stamp.modified.0, found.name)
}
