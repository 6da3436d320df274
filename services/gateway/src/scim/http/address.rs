//! What a path below `/scim/v2` means, and how the service is addressed from outside.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};
use scim_service::Kind;

const ROOT: &str = "/scim/v2";
/// Longest `Host` that is repeated in addresses.
const HOST_BYTES_MAX: usize = 255;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    List(Kind),
    One(Kind, String),
    Search(Vec<Kind>),
    Bulk,
    ServiceProviderConfig,
    Schemas(Option<String>),
    ResourceTypes(Option<String>),
    Me,
}

impl Place {
    /// What can be done there.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::List(_) => "GET, POST",
            Self::One(..) => "GET, PUT, PATCH, DELETE",
            Self::Search(_) | Self::Bulk => "POST",
            Self::ServiceProviderConfig | Self::Schemas(_) | Self::ResourceTypes(_) => "GET",
            Self::Me => "",
        }
    }
}

/// A path, taken apart.
#[derive(Debug)]
pub(super) struct Address {
    provider: Option<String>,
    place: Option<Place>,
}

impl Address {
    /// The first word names a provider, if one is called so.
    pub(super) fn of(uri: &Uri, is_provider: impl Fn(&str) -> bool) -> Self {
        let path = uri.path().strip_prefix(ROOT).unwrap_or_default();
        let words = path.split('/').filter(|word| !word.is_empty()).map(decoded).collect::<Option<Vec<_>>>();
        let Some(mut words) = words else { return Self { provider: None, place: None } };
        let provider = words.first().filter(|name| is_provider(name)).cloned();
        if provider.is_some() {
            words.remove(0);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Self { provider, place: place(&words) }
    }

    pub(super) fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    pub(super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The address of the service as the client sees it, without a slash at its end.
    pub(super) fn base(&self, public_url: Option<&str>, headers: &HeaderMap) -> String {
        let origin = public_url.map_or_else(|| origin(headers), str::to_owned);
        match &self.provider {
            Some(name) => format!("{origin}{ROOT}/{name}"),
            None => format!("{origin}{ROOT}"),
        }
    }
}

fn place(words: &[&str]) -> Option<Place> {
    match words {
        [".search"] => Some(Place::Search(Kind::ALL.to_vec())),
        ["Bulk"] => Some(Place::Bulk),
        ["Me", ..] => Some(Place::Me),
        ["ServiceProviderConfig" | "ServiceProviderConfigs"] => Some(Place::ServiceProviderConfig),
        ["Schemas"] => Some(Place::Schemas(None)),
        ["Schemas", id] => Some(Place::Schemas(Some((*id).to_owned()))),
        ["ResourceTypes"] => Some(Place::ResourceTypes(None)),
        ["ResourceTypes", id] => Some(Place::ResourceTypes(Some((*id).to_owned()))),
        [list] => Kind::at(list).map(Place::List),
        [list, ".search"] => Kind::at(list).map(|kind| Place::Search(vec![kind])),
        [list, id] => Kind::at(list).map(|kind| Place::One(kind, (*id).to_owned())),
        _ => None,
    }
}

fn decoded(word: &str) -> Option<String> {
    crate::scim_bulk::percent_decoded(word)
}

/// As the request says; a proxy that ends TLS says so in `X-Forwarded-Proto`.
fn origin(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fits = |host: &&str| {
        host.len() <= HOST_BYTES_MAX
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
    };
    let host = text(HOST.as_str()).filter(fits).unwrap_or("localhost");
    let secure = text("x-forwarded-proto").is_some_and(|proto| proto.split(',').next() == Some("https"));
    format!("{}://{host}", if secure { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Address {
        Address::of(&path.parse().unwrap(), |name| name == "entra")
    }

    #[test]
    fn the_first_word_may_name_the_provider() {
        let one = of("/scim/v2/entra/Users/a%20b");
        assert_eq!(one.provider(), Some("entra"));
        assert_eq!(one.place(), Some(&Place::One(Kind::User, "a b".into())));
        assert_eq!(of("/scim/v2/Users").place(), Some(&Place::List(Kind::User)));
        assert_eq!(of("/scim/v2/okta/Users").place(), None, "nobody is called so");
        assert_eq!(of("/scim/v2/entra/Groups/.search").place(), Some(&Place::Search(vec![Kind::Group])));
        assert_eq!(of("/scim/v2/entra").place(), None);
        assert_eq!(of("/scim/v2/Users/%ff").place(), None);
    }

    #[test]
    fn addresses_are_those_that_the_client_uses() {
        let headers = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| {
                    (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap())
                })
                .collect()
        };
        let address = of("/scim/v2/entra/Users");
        assert_eq!(
            address.base(None, &headers(&[("host", "usher:8080")])),
            "http://usher:8080/scim/v2/entra"
        );
        let behind = headers(&[("host", "usher.example.com"), ("x-forwarded-proto", "https")]);
        assert_eq!(of("/scim/v2/Users").base(None, &behind), "https://usher.example.com/scim/v2");
        assert_eq!(address.base(Some("https://u"), &behind), "https://u/scim/v2/entra");
        assert_eq!(address.base(None, &headers(&[("host", "a\"b")])), "http://localhost/scim/v2/entra");
    }
}
