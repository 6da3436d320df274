//! What works and is dangerous all the same.

use verify::NoticeVerifier;

use super::GatewayConfig;
use crate::admission::authority::SourceAuthority;

/// What a broker takes in one message unless it is told otherwise (`max_payload`), in bytes.
const BROKER_PAYLOAD: usize = 1024 * 1024;

impl GatewayConfig {
    /// What the token of each source may claim as the `source` of its events, a sentence each.
    pub fn authorities(&self) -> Vec<String> {
        let authority = |source: &super::SourceConfig| {
            let of = SourceAuthority::new(&source.name, &source.ce_source, &[]);
            format!("the source {} speaks for {}", source.name, of.in_words())
        };
        self.sources.iter().map(authority).collect()
    }

    /// What works, and should be looked at.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let is_open = !self.listen.ip().is_loopback();
        if is_open && self.tls.is_none() && self.trusted_proxies.is_empty() {
            warnings.push(format!(
                "gateway.listen is {} and HTTP is plain: whoever is on the way can read tokens; set gateway.tls, or \
                 trusted_proxies if a proxy in front speaks TLS",
                self.listen
            ));
        }
        if self.trusted_proxies.iter().any(edge::Network::is_everything) {
            warnings.push(
                "gateway.trusted_proxies names every address: anybody can say where they come from"
                    .to_owned(),
            );
        }
        if self.event_bytes_max >= BROKER_PAYLOAD {
            warnings.push(format!(
                "gateway.event_bytes_max is {}: the broker's max_payload must be larger, and is 1 MiB unless it is told otherwise",
                self.event_bytes_max
            ));
        }
        for webhook in &self.webhooks {
            let name = &webhook.name;
            match &webhook.verifier {
                NoticeVerifier::None {} if webhook.access.is_open() => {
                    warnings
                        .push(format!("the webhook {name} takes everything from everybody (`scheme: none`)"));
                }
                NoticeVerifier::Bearer(_) if is_open && webhook.access.is_open() => warnings.push(format!(
                    "the webhook {name} is opened by a fixed header alone: bind it to the sender's addresses \
                     (`access.from`) if they are known"
                )),
                _ => {}
            }
        }
        self.about_certificates(&mut warnings);
        warnings
    }

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
                "gateway.tls.client_optional lets everybody in without a certificate of {authorities}, and no source asks for \
                 one: name them in `access.certificates`, or leave client_optional out"
            ));
        }
    }
}
