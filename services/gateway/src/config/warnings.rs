//! Warnings about settings that are valid but dangerous.

use verify::NoticeVerifier;

use super::GatewayConfig;

/// The broker's default maximum message size (`max_payload`), in bytes.
const BROKER_PAYLOAD: usize = 1024 * 1024;

/// The minimum length of a secret that cannot be guessed, in characters.
const SECRET_CHARS_MIN: usize = 16;

impl GatewayConfig {
    /// Returns warnings about settings that are valid but need attention.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let is_open = !self.listen.ip().is_loopback();
        if is_open && self.tls.is_none() && self.trusted_proxies.is_empty() {
            warnings.push(format!(
                "gateway.listen is {} and HTTP is plain: tokens can be read in transit; set gateway.tls, or \
                 trusted_proxies if a proxy in front speaks TLS",
                self.listen
            ));
        }
        if self.trusted_proxies.iter().any(edge::Network::is_everything) {
            warnings.push(
                "gateway.trusted_proxies names every address: every caller can forge its address".to_owned(),
            );
        }
        if self.event_bytes_max >= BROKER_PAYLOAD {
            warnings.push(format!(
                "gateway.event_bytes_max is {}: the broker's max_payload must be larger, and is 1 MiB by default",
                self.event_bytes_max
            ));
        }
        for webhook in &self.webhooks {
            let name = &webhook.name;
            if webhook.verifier.shortest_secret().is_some_and(|length| length < SECRET_CHARS_MIN) {
                warnings.push(format!(
                    "the webhook {name} has a secret of fewer than {SECRET_CHARS_MIN} characters, which can be guessed"
                ));
            }
            match &webhook.verifier {
                NoticeVerifier::None {} if webhook.access.is_open() => {
                    warnings
                        .push(format!("the webhook {name} accepts every notice from every caller (`scheme: none`)"));
                }
                NoticeVerifier::Bearer(_) if is_open && webhook.access.is_open() => warnings.push(format!(
                    "the webhook {name} is protected only by a fixed header: restrict it to the sender's addresses \
                     (`access.from`) if they are known"
                )),
                _ => {}
            }
        }
        self.about_certificates(&mut warnings);
        warnings
    }

    /// Adds a warning if client certificates are optional and no source requires one.
    fn about_certificates(&self, warnings: &mut Vec<String>) {
        let Some(tls) = self.tls.as_ref().filter(|tls| tls.client_ca.is_some() && tls.client_optional) else {
            return;
        };
        let sources = self.sources.iter().map(|source| &source.access);
        let webhooks = self.webhooks.iter().map(|webhook| &webhook.access);
        let feeds = self.feeds.iter().map(|feed| &feed.access);
        let providers = self.scim.iter().map(|provider| &provider.access);
        let mut all = sources.chain(webhooks).chain(feeds).chain(providers);
        if all.all(|access| access.certificates.is_empty()) {
            let authorities = tls.client_ca.as_deref().unwrap_or_else(|| "".as_ref()).display();
            warnings.push(format!(
                "gateway.tls.client_optional admits callers without a certificate of {authorities}, and no source \
                 requires one: name certificates in `access.certificates`, or leave client_optional out"
            ));
        }
    }
}
