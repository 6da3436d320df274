//! The users of the broker: `usher admin nats`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use bus::{BrokerIdentity, BrokerKey, ServerCredential, users_configuration};

use crate::cli::NatsUsersArgs;

/// The name of the file with the users, which the configuration of the server includes.
const USERS_FILE: &str = "users.conf";

/// Writes the users of the server and, unless they have passwords, a key for each. Returns a description for the operator.
///
/// # Errors
/// Returns an error if a file cannot be written, or an existing key cannot be read.
pub fn write_users(args: &NatsUsersArgs) -> anyhow::Result<String> {
    for name in &args.rotate {
        let is_known = BrokerIdentity::ALL.iter().any(|identity| identity.as_str() == name);
        ensure!(is_known, "--rotate {name}: there is no such user; the users are {}", user_names());
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let mut credentials = Vec::new();
    let mut keys = String::new();
    for identity in BrokerIdentity::ALL {
        if args.passwords {
            credentials.push(ServerCredential::PasswordVariable(identity.password_variable()));
            continue;
        }
        let file = args.out.join(format!("{identity}.nk"));
        let is_replaced = args.rotate.iter().any(|name| name == identity.as_str());
        let key = key_of(&file, is_replaced)?;
        keys.push_str(&format!("{identity:8} nats.nkey_file: {}\n", file.display()));
        credentials.push(ServerCredential::PublicKey(key.public_key()));
    }
    let credential = |identity: BrokerIdentity| {
        let index = BrokerIdentity::ALL.iter().position(|one| *one == identity);
        credentials[index.expect("all identities are in the list")].clone()
    };
    let users = args.out.join(USERS_FILE);
    std::fs::write(&users, users_configuration(args.event_shards, credential))
        .with_context(|| format!("cannot write {}", users.display()))?;
    let mut text = format!("{}: include it in the configuration of nats-server\n", users.display());
    if args.passwords {
        let names = BrokerIdentity::ALL.map(BrokerIdentity::password_variable).join(", ");
        text.push_str(&format!("the server reads the passwords from {names}\n"));
    } else {
        text.push_str(&keys);
    }
    Ok(text)
}

/// Returns the key in `file`. Creates it if there is none, or if it is to be replaced.
fn key_of(file: &Path, is_replaced: bool) -> anyhow::Result<BrokerKey> {
    if !is_replaced {
        match std::fs::read_to_string(file) {
            Ok(seed) => match BrokerKey::from_seed(&seed) {
                Some(key) => return Ok(key),
                None => bail!("{} holds no key of a user; delete it to get a new one", file.display()),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }
    let key = BrokerKey::generate();
    // Another file replaces it at once: a file that exists keeps its mode.
    let fresh = file.with_extension("nk.new");
    let written = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh);
    let written = written.and_then(|mut file| {
        file.write_all(format!("{}\n", key.seed()).as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&fresh, file))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(key)
}

fn user_names() -> String {
    BrokerIdentity::ALL.map(BrokerIdentity::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn arguments(out: &Path) -> NatsUsersArgs {
        NatsUsersArgs { out: out.to_owned(), event_shards: 1, passwords: false, rotate: Vec::new() }
    }

    #[test]
    fn keys_are_kept_unless_one_is_replaced_and_nobody_else_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        write_users(&arguments(folder.path())).unwrap();
        let (users, gateway, writer) = (read("users.conf"), read("gateway.nk"), read("writer.nk"));
        assert!(users.contains(&BrokerKey::from_seed(&gateway).unwrap().public_key()));
        assert!(!users.contains(gateway.trim()));
        let mode = std::fs::metadata(folder.path().join("gateway.nk")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        write_users(&arguments(folder.path())).unwrap();
        assert_eq!(read("users.conf"), users);

        let rotate = vec!["gateway".to_owned()];
        write_users(&NatsUsersArgs { rotate, ..arguments(folder.path()) }).unwrap();
        assert_ne!(read("gateway.nk"), gateway);
        assert_eq!(read("writer.nk"), writer);
    }

    #[test]
    fn a_file_without_a_key_and_an_unknown_user_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mapper.nk"), "SOMETHING").unwrap();
        let error = write_users(&arguments(folder.path())).unwrap_err().to_string();
        assert!(error.contains("mapper.nk holds no key"), "{error}");
        let rotate = vec!["nobody".to_owned()];
        let error =
            write_users(&NatsUsersArgs { rotate, ..arguments(folder.path()) }).unwrap_err().to_string();
        assert!(error.contains("gateway, mapper, writer"), "{error}");
    }
}
