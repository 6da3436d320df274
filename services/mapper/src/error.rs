//! Errors of building and running the mapper.

use bus::BusError;
use recovery::RecoveryError;
use store::StoreError;

use crate::orders::OrdersError;
use crate::policies::PoliciesError;
use crate::subjects::SeedsError;
use crate::tombstones::TombstoneError;

/// Errors of [`crate::build_mapper`].
#[derive(Debug, thiserror::Error)]
pub enum MapperBuildError {
    /// The database could not be opened or read.
    #[error("could not open the mapper's database")]
    Store {
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// The file of tombstones could not be read, so it is not known which people were erased.
    #[error("could not load the tombstone file (`mapper.tombstones`)")]
    Tombstones {
        /// The cause.
        #[source]
        source: TombstoneError,
    },
    /// The database could not be compared with the position that was recorded at the broker.
    #[error("could not compare the mapper's database with its position at the broker")]
    Recovery {
        /// The cause.
        #[source]
        source: RecoveryError,
    },
    /// Orders of operators that the database lacks could not be given again.
    #[error("could not give orders of operators again that JOURNAL holds")]
    Orders {
        /// The cause.
        #[source]
        source: OrdersError,
    },
    /// The policies could not be loaded.
    #[error("could not load the policies in `mapper.policies`")]
    Policies {
        /// The cause.
        #[source]
        source: PoliciesError,
    },
    /// The configuration of sources (`mapper.people`) is not valid.
    #[error("`mapper.people`: {fault}")]
    People {
        /// The fault, and the value that is expected instead.
        fault: String,
    },
    /// The secret behind random values could not be loaded.
    #[error("could not load the secret for random values")]
    Seeds {
        /// The cause.
        #[source]
        source: SeedsError,
    },
}

/// The mapper ended without a request to shut down.
#[derive(Debug, thiserror::Error)]
pub enum MapperRunError {
    /// The EVENTS stream cannot be read.
    #[error("could not read events")]
    Consume {
        /// The cause.
        #[source]
        source: BusError,
    },
    /// Control requests of operators cannot be received.
    #[error("could not listen for control requests")]
    Control {
        /// The cause.
        #[source]
        source: BusError,
    },
    /// A task of the mapper panicked.
    #[error("a task of the mapper panicked")]
    Panicked,
}
