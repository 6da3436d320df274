//! Files that hold secrets: written for their owner alone, and refused when others can read them.
//!
//! A secret that root mounts for the process may be readable by the process's group, as PostgreSQL permits for keys of root. What
//! a container runtime mounts below `/run/secrets` keeps the mode that the runtime gives it: Swarm writes 0444, and Compose
//! mounts a file of the host as it is there.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The folders into which container runtimes mount secrets, readable by every user of the container.
const SECRET_MOUNTS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// Permission bits of the group.
const GROUP: u32 = 0o070;
/// Permission bits of all other users.
const OTHERS: u32 = 0o007;
/// Permission bits of everybody but the owner.
const NOT_OWNER: u32 = GROUP | OTHERS;
/// The permission bit with which the group can change a file.
const GROUP_WRITE: u32 = 0o020;
/// The permission bit with which all other users can change a file.
const OTHERS_WRITE: u32 = 0o002;

/// A secret that users other than its owner can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("other users can read it (mode {mode:04o}): {}", self.remedy())]
pub struct LooseFile {
    path: PathBuf,
    mode: u32,
    is_own: bool,
}

impl LooseFile {
    fn remedy(&self) -> String {
        match self.is_own {
            true => format!("run `chmod 600 {}`", self.path.display()),
            false => "run `chmod 600` as its owner; mount a secret below /run/secrets, or with mode 0440 and a group of this \
                      process (Kubernetes: `defaultMode: 0440` and `fsGroup`)"
                .to_owned(),
        }
    }
}

/// The parts of a file's metadata that decide who can read it.
#[derive(Debug, Clone, Copy)]
struct FileAccess {
    mode: u32,
    owner: u32,
    group: u32,
}

/// The user and groups of this process.
#[derive(Debug, Clone)]
struct ProcessUser {
    user: u32,
    groups: Vec<u32>,
}

impl ProcessUser {
    fn current() -> Self {
        let more = nix::unistd::getgroups().unwrap_or_default();
        let groups = std::iter::once(nix::unistd::getegid()).chain(more).map(nix::unistd::Gid::as_raw);
        Self { user: nix::unistd::geteuid().as_raw(), groups: groups.collect() }
    }
}

/// Returns whether only those can read the file who may. Root owns what is mounted.
fn is_private(path: &Path, access: FileAccess, process: &ProcessUser) -> bool {
    if access.mode & NOT_OWNER == 0 {
        return true;
    }
    if SECRET_MOUNTS.iter().any(|folder| path.starts_with(folder)) {
        return access.mode & OTHERS_WRITE == 0;
    }
    let is_own_group = process.groups.contains(&access.group);
    access.owner == 0 && is_own_group && access.mode & (OTHERS | GROUP_WRITE) == 0
}

/// Checks that no other user can read an open file.
fn check_open_file(file: &File, path: &Path) -> anyhow::Result<()> {
    let metadata = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
    if !metadata.is_file() {
        return Ok(()); // a pipe, as from `<(...)`, has no other reader
    }
    let access = FileAccess { mode: metadata.mode() & 0o777, owner: metadata.uid(), group: metadata.gid() };
    let process = ProcessUser::current();
    if is_private(path, access, &process) {
        return Ok(());
    }
    let is_own = access.owner == process.user;
    Err(LooseFile { path: path.to_owned(), mode: access.mode, is_own }.into())
}

/// Checks that no other user can read a secret. A file that does not exist has no readers.
///
/// # Errors
/// Returns an error with the command to run if other users can read the file.
pub fn check_private(path: &Path) -> anyhow::Result<()> {
    match File::open(path) {
        Ok(file) => check_open_file(&file, path).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Reads a secret of at most `bytes_max` bytes.
///
/// # Errors
/// Returns an error if the file cannot be read or is longer, and if other users can read it.
pub fn read_private(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    let file = File::open(path)?;
    check_open_file(&file, path)?;
    let mut text = String::new();
    file.take(bytes_max + 1).read_to_string(&mut text)?;
    anyhow::ensure!(text.len() as u64 <= bytes_max, "it is larger than {bytes_max} bytes");
    Ok(text)
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Replaces a file that only its owner can read: a reader sees the new content or the old, and a crash loses neither.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn replace_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = path.with_extension("new");
    let written = || {
        let _ = std::fs::remove_file(&fresh); // its mode would stay
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a folder, and those above it, that only its owner can enter.
///
/// # Errors
/// Returns an error if the folder cannot be made.
pub fn make_private_folder(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Closes a folder of this process, and the files in it, to other users. A folder of another owner, as a mounted volume may be, stays
/// as it is: the files that this process makes in it are private.
///
/// # Errors
/// Returns an error if other users can change the folder and its permissions cannot be changed.
pub fn tighten_folder(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mode = metadata.mode() & 0o7777;
    if metadata.uid() != ProcessUser::current().user {
        anyhow::ensure!(
            mode & OTHERS_WRITE == 0,
            "other users can change {} (mode {mode:04o}): run `chmod o-rwx {}` as its owner",
            path.display(),
            path.display()
        );
        return Ok(());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    for path in files.map(|entry| entry.path()) {
        remove_access_of_others(&path)?;
    }
    if mode & NOT_OWNER != 0 {
        remove_access_of_others(path)?;
        eprintln!("usher: closed {} to other users (its mode was {mode:04o})", path.display());
    }
    Ok(())
}

/// Takes every permission from the group and all others.
fn remove_access_of_others(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let cannot = || format!("other users can read {p}: run `chmod go-rwx {p}`", p = path.display());
    let metadata = std::fs::metadata(path).with_context(cannot)?;
    let mode = metadata.mode() & 0o7777;
    if mode & NOT_OWNER == 0 || metadata.uid() != ProcessUser::current().user {
        return Ok(());
    }
    let narrow = std::fs::Permissions::from_mode(mode & !NOT_OWNER);
    std::fs::set_permissions(path, narrow).with_context(cannot)
}

/// Lets no other user read new files of this process.
pub fn set_private_umask() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_the_command_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_private(&path, "t\n").unwrap();
        assert_eq!(read_private(&path, 10).unwrap(), "t\n");
        for mode in [0o644, 0o604, 0o640, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            if nix::unistd::geteuid().is_root() && mode == 0o640 {
                continue; // root's own group may read a file of root
            }
            let refused = format!("{:#}", read_private(&path, 10).unwrap_err());
            assert!(refused.contains(&format!("chmod 600 {}", path.display())), "{refused}");
            assert!(check_private(&path).is_err(), "{mode:o}");
        }
        assert!(check_private(&folder.path().join("none")).is_ok());
    }

    #[test]
    fn a_mounted_secret_may_be_readable_as_its_runtime_makes_it() {
        let process = ProcessUser { user: 1000, groups: vec![1000, 2000] };
        let private = |path: &str, mode, owner, group| {
            is_private(Path::new(path), FileAccess { mode, owner, group }, &process)
        };
        // path, mode, owner, group, allowed
        let table = [
            ("/etc/usher/token", 0o600, 1000, 1000, true),
            ("/etc/usher/token", 0o640, 1000, 1000, false),
            ("/etc/usher/token", 0o644, 1000, 1000, false),
            ("/etc/usher/token", 0o440, 0, 2000, true), // Kubernetes: fsGroup, defaultMode 0440
            ("/etc/usher/token", 0o440, 0, 3000, false), // a group of others
            ("/etc/usher/token", 0o444, 0, 0, false),
            ("/run/secrets/token", 0o444, 0, 0, true),    // Swarm
            ("/run/secrets/token", 0o644, 501, 20, true), // Compose: a file of the host
            ("/var/run/secrets/token", 0o440, 0, 2000, true),
            ("/run/secrets/token", 0o666, 0, 0, false),
            ("/run/secrets/token", 0o664, 1000, 1000, true), // Compose, and the container has the host's user
            ("/run/secrets-of-mine/token", 0o444, 0, 0, false),
        ];
        for (path, mode, owner, group, allowed) in table {
            assert_eq!(private(path, mode, owner, group), allowed, "{path} {mode:o} {owner}:{group}");
        }
    }

    #[test]
    fn a_folder_that_others_could_read_is_closed_with_the_files_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
        };
        let database = folder.path().join("mapper.db");
        std::fs::write(&database, "").unwrap();
        set(&database, 0o644);
        set(folder.path(), 0o755);
        tighten_folder(folder.path()).unwrap();
        assert_eq!((mode(folder.path()), mode(&database)), (0o700, 0o600));
    }

    #[test]
    fn a_replaced_file_is_private_whatever_it_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contexts.json");
        for leftover in ["contexts.json", "contexts.new"] {
            std::fs::write(folder.path().join(leftover), "old").unwrap();
            std::fs::set_permissions(folder.path().join(leftover), std::fs::Permissions::from_mode(0o644))
                .unwrap();
        }
        replace_private(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
