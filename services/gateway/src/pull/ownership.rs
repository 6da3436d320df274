//! The terms under which one replica at a time asks a source.

use std::time::Duration;

use store::ownership::OwnershipTerms;

use crate::SERVICE;

/// The time after which another replica may take a source from a silent one.
const LEASE: Duration = Duration::from_secs(15);
/// The interval at which the owner renews its lease.
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// The interval at which a replica without the lease tries to claim it.
const CLAIM_EVERY: Duration = Duration::from_secs(1);
/// The maximum time for requests in flight to finish when the owner stops.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// Returns the terms of the lease `name` for this replica.
pub(super) fn source_terms(name: String, replica: &str) -> OwnershipTerms {
    OwnershipTerms {
        service: SERVICE,
        name,
        replica: replica.to_owned(),
        length: LEASE,
        renew_every: RENEW_EVERY,
        claim_every: CLAIM_EVERY,
        ending_max: ENDING_MAX,
    }
}
