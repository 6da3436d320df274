//! Starts the real parts and feeds them: a made-up company, an `usher` process, a target, and an independent opinion
//! of what the target must look like in the end. The demo, the end-to-end tests and the benchmark are built on it.
//!
//! It never imports a service and never reads a service's database: like any outsider it sees processes, HTTP and
//! what lies at the target. Its model of the outcome ([`CompanyHistory`]) shares no code with the parts that it judges.
//!
//! To add a kind of event to the made-up history: 1. a method on [`CompanyHistory`] that changes the model and returns the
//! message, 2. if it changes what a target must look like, the rule in `CompanyHistory::expected`.
//! To add an independent SCIM server: a case in `interop.rs` and its own few lines in `interop/`.

pub mod bench;
pub mod demo;
mod expected;
mod history;
pub mod interop;
pub mod people;
pub mod reader;
pub mod world;

pub use expected::{
    DIFFERENCES_SHOWN_MAX, DirectoryDifferences, ExpectedDirectory, ExpectedPresence, ExpectedUser,
};
pub use history::{CloudEventMessage, CompanyHistory};
pub use people::{PopulationShape, SamplePopulation};
pub use world::{UsherWorld, WorldOptions};

/// An HTTP client for the loopback: no proxy, and a time limit on every request.
///
/// # Panics
/// When the platform cannot give a TLS stack, which nothing here can do without.
pub fn http_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error means: already installed
    reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .expect("no option above can be refused")
}
