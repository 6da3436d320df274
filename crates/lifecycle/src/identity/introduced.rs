//! The sender that introduced a person, and what it stated: for senders with limited rights (see [`crate::SenderRights`]).

use super::PersonRecord;

impl PersonRecord {
    /// Records that `sender` introduces the person, unless another one did.
    pub fn note_introduction(&mut self, sender: &str) {
        self.introduced_by.get_or_insert_with(|| sender.to_owned());
    }

    /// Returns whether `sender` introduced the person. For people who were known before that was recorded: whether all that is
    /// known of their employment was stated by this sender.
    pub fn is_introduced_by(&self, sender: &str) -> bool {
        if let Some(by) = &self.introduced_by {
            return by == sender;
        }
        let parts = || std::iter::once(self).chain(self.sources.values().map(|source| &source.said));
        let mut senders = parts().flat_map(|said| &said.employment).map(|said| said.sender.as_str());
        senders.clone().next().is_some() && senders.all(|by| by == sender)
    }

    /// Returns the attributes that the sender stated, among those that `covers` names.
    pub fn attributes_stated_by(&self, sender: &str, covers: impl Fn(&str) -> bool) -> Vec<String> {
        let parts = std::iter::once(self).chain(self.sources.values().map(|source| &source.said));
        let stated =
            parts.flat_map(|said| &said.attributes).filter(|(_, register)| register.is_said_by(sender));
        let mut names: Vec<String> =
            stated.map(|(name, _)| name.clone()).filter(|name| covers(name)).collect();
        names.sort();
        names.dedup();
        names
    }
}
