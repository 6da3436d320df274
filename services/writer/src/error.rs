//! Errors of building and running the writer.

use bus::BusError;
use recovery::RecoveryError;
use scim::ProfileError;
use store::StoreError;

/// The shortest lease in seconds. An owner renews its lease several times within the term.
pub(crate) const LEASE_SECONDS_MIN: u64 = 2;

/// The writer could not be built.
#[derive(Debug, thiserror::Error)]
pub enum WriterBuildError {
    /// The database could not be opened, migrated or read.
    #[error("the writer's database")]
    Store {
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// The database could not be compared with the records at the broker, so its state is unknown.
    #[error("compare the writer's database with what was left at the broker")]
    Recovery {
        /// The cause.
        #[source]
        source: RecoveryError,
    },
    /// The configuration of a target is invalid.
    #[error("target `{target}` in section `writer.targets`: {message}")]
    Target {
        /// The name of the target.
        target: String,
        /// The error and how to fix it.
        message: String,
    },
    /// The profile of a target could not be loaded.
    #[error("profile of target `{target}`")]
    Profile {
        /// The name of the target.
        target: String,
        /// The cause.
        #[source]
        source: ProfileError,
    },
    /// The lease is too short to be renewed in time.
    #[error("`writer.lease_seconds` is {lease_seconds}: use at least {LEASE_SECONDS_MIN}")]
    ShortLease {
        /// The configured length in seconds.
        lease_seconds: u64,
    },
}

/// The writer ended without a request to shut down.
#[derive(Debug, thiserror::Error)]
pub enum WriterRunError {
    /// The COMMANDS stream cannot be read.
    #[error("could not read commands")]
    Consume {
        /// The cause.
        #[source]
        source: BusError,
    },
    /// The control requests of operators cannot be received.
    #[error("could not subscribe to the control requests of operators")]
    Control {
        /// The cause.
        #[source]
        source: BusError,
    },
    /// A task of the writer panicked.
    #[error("a task of the writer panicked")]
    Panicked,
}
