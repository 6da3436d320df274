//! Builds the HTTP clients of the whole workspace, in one place.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

/// The maximum time in which a connection is opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The properties of an HTTP client.
#[derive(Debug, Clone)]
pub struct HttpClientOptions {
    /// The maximum time for a request and its answer.
    pub timeout: Duration,
    /// Headers of every request.
    pub headers: HeaderMap,
    /// The maximum number of open connections to one host that no request uses.
    pub idle_connections_max: Option<usize>,
    /// The time after which a connection that no request uses is closed.
    pub idle_timeout: Option<Duration>,
    /// `true` for an address of this installation: no proxy is between. Otherwise it belongs to somebody else.
    pub is_own: bool,
}

impl HttpClientOptions {
    /// Options for the API of another system. No redirect is followed, because a credential must not be sent to another
    /// address, and a failed request is never repeated by the client itself.
    pub fn for_others(timeout: Duration) -> Self {
        Self {
            timeout,
            headers: HeaderMap::new(),
            idle_connections_max: None,
            idle_timeout: None,
            is_own: false,
        }
    }

    /// Options for a service of this installation: without a proxy.
    pub fn for_own_services(timeout: Duration) -> Self {
        Self { is_own: true, ..Self::for_others(timeout) }
    }
}

/// Builds an HTTP client. Sends no request.
///
/// # Errors
/// Returns an error if the platform provides no TLS.
pub fn build_http_client(options: HttpClientOptions) -> Result<reqwest::Client, reqwest::Error> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may install a provider first. That is fine: one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = reqwest::Client::builder().default_headers(options.headers).timeout(options.timeout);
    // A redirect would lead credentials to an address that they are not for.
    let mut builder = builder.redirect(Policy::none());
    builder = match options.is_own {
        true => builder.no_proxy(),
        false => builder.retry(reqwest::retry::never()).connect_timeout(CONNECT_TIMEOUT.min(options.timeout)),
    };
    if let Some(idle_connections_max) = options.idle_connections_max {
        builder = builder.pool_max_idle_per_host(idle_connections_max);
    }
    if let Some(idle_timeout) = options.idle_timeout {
        builder = builder.pool_idle_timeout(idle_timeout);
    }
    builder.build()
}
