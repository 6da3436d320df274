//! Starts the real services and feeds them: a generated company, an `usher` process, a target, and an independent model of
//! the expected content of the target. The demo, the end-to-end tests and the benchmark are built on it.
//!
//! It never imports a service and never reads a service's database. Like an external client it sees processes, HTTP and the
//! content of the target. Its model of the outcome ([`CompanyHistory`]) shares no code with the services that it tests.
//!
//! To add a kind of event to the generated history: 1. a method on [`CompanyHistory`] that changes the model and returns
//! the message, 2. if it changes the expected content of a target, the rule in `CompanyHistory::expected`. To add an
//! independent SCIM server: a case in `interop.rs` and its own few lines in `interop/`.

pub mod bench;
pub mod demo;
mod expected;
mod history;
pub mod interop;
pub mod people;
pub mod reader;
pub mod world;

use outbound::{HttpClientOptions, build_http_client};

pub use expected::{
    DIFFERENCES_SHOWN_MAX, DirectoryDifferences, ExpectedDirectory, ExpectedPresence, ExpectedUser,
};
pub use history::{CloudEventMessage, CompanyHistory};
pub use people::{PopulationShape, SamplePopulation};
pub use world::{UsherWorld, WorldOptions};

/// Returns an HTTP client for loopback: no proxy, and a timeout for every request.
///
/// # Panics
/// Panics if the platform provides no TLS stack, which is required here.
pub fn http_client() -> reqwest::Client {
    let options = HttpClientOptions::for_own_services(std::time::Duration::from_secs(60));
    build_http_client(options).expect("no option above can be refused")
}
