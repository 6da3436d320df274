//! TLS of an HTTP server: its own certificate and the certificates of its callers. Files are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use telemetry::chain;
use tokio_rustls::TlsAcceptor;

/// The minimum interval between two checks of the files.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The prefix of the hash of a certificate.
const HASH: &str = "sha256:";

/// The files of a server's TLS, all PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate and the intermediate certificates.
    pub cert: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The authorities that sign the certificates of callers. Without it, callers are not asked for a certificate.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// `true` if callers without a certificate are accepted. `access.certificates` of a source may still require one.
    #[serde(default)]
    pub client_optional: bool,
}

/// The reason that TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or does not contain the required item.
    #[error("gateway.tls: {path} cannot be used: it must be PEM with {needed}")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The required content.
        needed: &'static str,
        /// The error of the parser.
        #[source]
        source: Option<pem::Error>,
    },
    /// The certificate and the key do not match.
    #[error("gateway.tls: the certificate and the key cannot be used together")]
    Pair(#[source] rustls::Error),
    /// The authorities cannot be used.
    #[error("gateway.tls: client_ca cannot be used")]
    Authorities(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The current TLS settings. They are reloaded when the files change.
#[derive(Debug)]
pub struct TlsSettings {
    config: TlsConfig,
    now: Mutex<LoadedCertificates>,
}

/// The loaded certificates, and the state of their files.
#[derive(Debug)]
struct LoadedCertificates {
    server: Arc<ServerConfig>,
    stamps: Vec<Option<(SystemTime, u64)>>,
    looked_at: Option<Instant>,
}

impl TlsSettings {
    /// Reads the files.
    ///
    /// # Errors
    /// Returns an error if one of them cannot be used.
    pub fn open(config: TlsConfig) -> Result<Self, TlsError> {
        let stamps = config.stamps();
        let server = config.load()?;
        Ok(Self { config, now: Mutex::new(LoadedCertificates { server, stamps, looked_at: None }) })
    }

    /// Returns the acceptor for the next connection. Changed files are read again; if they cannot be used, the earlier settings stay.
    pub(crate) fn acceptor(&self, now: Instant) -> TlsAcceptor {
        let mut loaded = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = loaded.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= LOOK_EVERY);
        if is_due {
            loaded.looked_at = Some(now);
            let stamps = self.config.stamps();
            if stamps != loaded.stamps {
                match self.config.load() {
                    Ok(server) => {
                        (loaded.server, loaded.stamps) = (server, stamps);
                        tracing::info!("the certificates were read again");
                    }
                    // A file may be incomplete while it is written: it is read again later.
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "the certificates changed and cannot be used")
                    }
                }
            }
        }
        TlsAcceptor::from(Arc::clone(&loaded.server))
    }
}

impl TlsConfig {
    fn files(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }

    fn stamps(&self) -> Vec<Option<(SystemTime, u64)>> {
        let stamp = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        self.files().map(stamp).collect()
    }

    fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|source| TlsError::File {
            path: self.key.clone(),
            needed: "a private key",
            source: Some(source),
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut authorities = RootCertStore::empty();
                for authority in load_certificates(path)? {
                    authorities.add(authority).map_err(|error| TlsError::Authorities(Box::new(error)))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
                let verifier = if self.client_optional { verifier.allow_unauthenticated() } else { verifier };
                let verifier = verifier.build().map_err(|error| TlsError::Authorities(Box::new(error)))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut server =
            builder.with_single_cert(load_certificates(&self.cert)?, key).map_err(TlsError::Pair)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(server))
    }
}

/// Reads the certificates in a PEM file; at least one.
fn load_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| TlsError::File { path: path.to_owned(), needed: "a certificate", source };
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(Some(error)))?.collect();
    let all = all.map_err(|error| wrong(Some(error)))?;
    if all.is_empty() { Err(wrong(None)) } else { Ok(all) }
}

/// The certificate of a client that proved to own it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate(CertificateDer<'static>);

impl ClientCertificate {
    pub(crate) fn of(connection: &rustls::ServerConnection) -> Option<Self> {
        connection.peer_certificates()?.first().map(|certificate| Self(certificate.clone().into_owned()))
    }

    /// Returns whether the certificate has this hash or this name.
    pub fn is(&self, name: &CertificateName) -> bool {
        match name {
            CertificateName::Hash(hash) => Sha256::digest(&self.0)[..] == hash[..],
            CertificateName::Name(name) => ParsedCertificate::try_from(&self.0)
                .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, name).is_ok()),
        }
    }
}

/// The requirement for a certificate: a DNS name or an address among its subject alternative names, or a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateName {
    /// A name such as `hr.example.com`, or an address.
    Name(ServerName<'static>),
    /// The hash of the certificate: `sha256:` and hexadecimal digits.
    Hash([u8; 32]),
}

impl<'de> Deserialize<'de> for CertificateName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || {
            serde::de::Error::custom(format!(
                "{text:?} is neither a DNS name or address, as among a certificate's subject alternative names, nor \
                 `sha256:` and 64 hexadecimal digits"
            ))
        };
        if let Some(digits) = text.strip_prefix(HASH) {
            let digits: String = digits.chars().filter(|c| *c != ':').collect();
            let hash: Option<Vec<u8>> = (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
                .collect();
            return hash.and_then(|hash| hash.try_into().ok()).map(Self::Hash).ok_or_else(wrong);
        }
        ServerName::try_from(text.clone()).map(Self::Name).map_err(|_| wrong())
    }
}
