//! The values of `source` that a token may claim.

/// The entry of `ce_source` that stands for every source that belongs to no other credential.
pub(crate) const ANY: &str = "*";
/// First segments of the sources of webhooks, feeds and polls, which no token may claim.
const RESERVED: [&str; 3] = ["webhooks", "feeds", "polls"];

/// The sources that a token may claim: its own name and every path below it, unless its configuration names others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceAuthority {
    /// The sources that the token may claim, as whole paths or `*`.
    own: Vec<String>,
    /// The first segments of the sources of other credentials.
    others: Vec<String>,
}

impl SourceAuthority {
    /// Creates the authority of the token `name`. `others` are the names of identity providers, whose events come from `NAME/scim`.
    pub(crate) fn new(name: &str, ce_source: &[String], others: &[String]) -> Self {
        let own = if ce_source.is_empty() { vec![name.to_owned()] } else { ce_source.to_vec() };
        Self { own, others: others.to_vec() }
    }

    /// Returns whether the token may claim `source`. The comparison is by whole segments and
    /// case-sensitive. A path that contains `.` or `..` may not be claimed by any token.
    pub(crate) fn covers(&self, source: &str) -> bool {
        let claimed = trim_source(source);
        if claimed.is_empty() || source_segments(claimed).any(|segment| segment == "." || segment == "..") {
            return false;
        }
        let first = source_segments(claimed).next().unwrap_or_default();
        let is_taken = RESERVED.contains(&first) || self.others.iter().any(|other| other == first);
        !is_taken && self.own.iter().any(|own| own == ANY || is_below(claimed, trim_source(own)))
    }

    /// Describes the sources in words, such as `/hr and below`.
    pub(crate) fn in_words(&self) -> String {
        let words = self.own.iter().map(|own| match own.as_str() {
            ANY => "any source that is not a webhook, feed, poll or identity provider".to_owned(),
            own => format!("`{own}` and below"),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Returns the reason why an entry of `ce_source` is invalid, or `None` if it is valid.
pub(crate) fn source_fault(own: &str) -> Option<String> {
    let first = source_segments(trim_source(own)).next().unwrap_or_default();
    if first.is_empty() {
        Some(format!("{own:?} names no source: write one such as `/hr`, or `\"*\"` for any"))
    } else if RESERVED.contains(&first) {
        Some(format!("{own:?} is the source of a webhook, feed or poll, which no token may claim"))
    } else {
        None
    }
}

/// Returns whether a source of this name would claim the sources of webhooks, feeds or polls.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Removes the slashes at both ends of a source.
fn trim_source(source: &str) -> &str {
    source.trim_matches('/')
}

/// Splits a source into its path segments.
fn source_segments(source: &str) -> impl Iterator<Item = &str> {
    source.split('/')
}

/// Returns whether `claimed` equals `own` or is a path below it.
fn is_below(claimed: &str, own: &str) -> bool {
    claimed.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ce_source: &[&str]) -> SourceAuthority {
        let own: Vec<String> = ce_source.iter().map(|own| (*own).to_owned()).collect();
        SourceAuthority::new("ad", &own, &["entra".to_owned()])
    }

    #[test]
    fn a_token_speaks_for_whole_segments_of_its_own() {
        for (ce_source, source, covered) in [
            (&[][..], "/ad", true),
            (&[], "ad", true),
            (&[], "/ad/emea", true),
            (&[], "/adp", false),
            (&[], "/AD", false),
            (&[], "/ad%2Fx", false),
            (&[], "/ad/../adp", false),
            (&[], "/ad/./x", false),
            (&[], "/", false),
            (&[], "/hr", false),
            (&["/hr"], "/ad", false),
            (&["/hr/"], "/hr/berlin", true),
            (&["/hr", "/ad"], "/ad", true),
            (&["https://hr.example/"], "https://hr.example/berlin", true),
            (&["https://hr.example"], "https://hr.example.net", false),
            (&["urn:hr"], "urn:hr", true),
            (&["urn:hr"], "urn:hrx", false),
        ] {
            assert_eq!(of(ce_source).covers(source), covered, "{ce_source:?} {source}");
        }
    }

    #[test]
    fn no_token_speaks_as_a_webhook_a_feed_or_an_identity_provider() {
        for source in ["webhooks/hrjson", "/webhooks/x", "feeds/people", "polls/hr", "entra/scim", "/entra"] {
            assert!(!of(&["*"]).covers(source), "{source}");
        }
        assert!(of(&["*"]).covers("/anything"));
        assert!(
            source_fault("/").is_some()
                && source_fault("").is_some()
                && source_fault("/webhooks/x").is_some()
        );
        assert_eq!((source_fault("/hr"), source_fault("*")), (None, None));
    }
}
