//! The names under which events can arrive.

use super::GatewayConfig;
use crate::intake::admission::authority::SourceAuthority;

impl GatewayConfig {
    /// Returns the names of all senders, as the configuration of people uses them: the
    /// sources that tokens may claim, webhooks, feeds, polls and identity providers.
    pub fn senders(&self) -> Vec<String> {
        let tokens = self.sources.iter().flat_map(|source| {
            let own = if source.ce_source.is_empty() {
                std::slice::from_ref(&source.name)
            } else {
                &source.ce_source
            };
            own.iter().map(|own| own.trim_matches('/').to_owned())
        });
        tokens.chain(self.fixed_senders()).collect()
    }

    /// Returns the senders whose name is fixed: webhooks, feeds, polls and identity providers.
    pub fn fixed_senders(&self) -> Vec<String> {
        let webhooks = self.webhooks.iter().map(|webhook| format!("webhooks/{}", webhook.name));
        let feeds = self.feeds.iter().map(|feed| format!("feeds/{}", feed.name));
        let polls = self.polls.iter().map(|poll| format!("polls/{}", poll.name));
        let providers = self.scim.iter().map(|provider| format!("{}/scim", provider.name));
        webhooks.chain(feeds).chain(polls).chain(providers).collect()
    }

    /// Returns whether an event can arrive whose source or sender is known by `name`.
    pub fn can_speak(&self, name: &str) -> bool {
        let is_token = self.sources.iter().any(|source| {
            let authority = SourceAuthority::new(&source.name, &source.ce_source, &[]);
            source.name == name || authority.covers(name)
        });
        let is_above = |sender: &String| {
            sender.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        is_token || self.senders().iter().any(is_above)
    }
}
