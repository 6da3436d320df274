//! Parses a path below `/scim/v2`, and builds the external address of the service.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};
use scim_service::ResourceType;

const ROOT: &str = "/scim/v2";
/// The maximum length of a `Host` header that is repeated in addresses, in bytes.
const HOST_BYTES_MAX: usize = 255;

/// The SCIM endpoint that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ScimLocation {
    /// All resources of a type.
    List(ResourceType),
    /// The resource of a type with this id.
    One(ResourceType, String),
    /// A search over these resource types.
    Search(Vec<ResourceType>),
    /// The bulk endpoint.
    Bulk,
    ServiceProviderConfig,
    /// The schemas, or the one with this id.
    Schemas(Option<String>),
    /// The resource types, or the one with this id.
    ResourceTypes(Option<String>),
    /// The resource of the authenticated user, which is not supported.
    Me,
}

impl ScimLocation {
    /// Returns the methods that the endpoint supports.
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

/// A parsed path: the provider that it names, and the endpoint.
#[derive(Debug)]
pub(super) struct ScimAddress {
    /// The provider that the path names.
    provider: Option<String>,
    /// The endpoint. `None` if there is nothing at this path.
    place: Option<ScimLocation>,
}

impl ScimAddress {
    /// Parses a path. Its first segment names a provider if there is one of this name.
    pub(super) fn of(uri: &Uri, is_provider: impl Fn(&str) -> bool) -> Self {
        let path = uri.path().strip_prefix(ROOT).unwrap_or_default();
        let words =
            path.split('/').filter(|word| !word.is_empty()).map(decode_word).collect::<Option<Vec<_>>>();
        let Some(mut words) = words else { return Self { provider: None, place: None } };
        let provider = words.first().filter(|name| is_provider(name)).cloned();
        if provider.is_some() {
            words.remove(0);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Self { provider, place: parse_place(&words) }
    }

    pub(super) fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    pub(super) fn place(&self) -> Option<&ScimLocation> {
        self.place.as_ref()
    }

    /// Returns the address of the service as the client sees it, without a trailing slash.
    pub(super) fn base(&self, public_url: Option<&str>, headers: &HeaderMap) -> String {
        let origin = public_url.map_or_else(|| request_origin(headers), str::to_owned);
        match &self.provider {
            Some(name) => format!("{origin}{ROOT}/{name}"),
            None => format!("{origin}{ROOT}"),
        }
    }
}

/// Returns the endpoint that the segments name, if there is one.
fn parse_place(words: &[&str]) -> Option<ScimLocation> {
    match words {
        [".search"] => Some(ScimLocation::Search(ResourceType::ALL.to_vec())),
        ["Bulk"] => Some(ScimLocation::Bulk),
        ["Me", ..] => Some(ScimLocation::Me),
        ["ServiceProviderConfig" | "ServiceProviderConfigs"] => Some(ScimLocation::ServiceProviderConfig),
        ["Schemas"] => Some(ScimLocation::Schemas(None)),
        ["Schemas", id] => Some(ScimLocation::Schemas(Some((*id).to_owned()))),
        ["ResourceTypes"] => Some(ScimLocation::ResourceTypes(None)),
        ["ResourceTypes", id] => Some(ScimLocation::ResourceTypes(Some((*id).to_owned()))),
        [list] => ResourceType::at(list).map(ScimLocation::List),
        [list, ".search"] => ResourceType::at(list).map(|kind| ScimLocation::Search(vec![kind])),
        [list, id] => ResourceType::at(list).map(|kind| ScimLocation::One(kind, (*id).to_owned())),
        _ => None,
    }
}

fn decode_word(word: &str) -> Option<String> {
    crate::inbound::scim_bulk::percent_decoded(word)
}

/// Returns the origin of the request. A proxy that terminates TLS reports this in `X-Forwarded-Proto`.
fn request_origin(headers: &HeaderMap) -> String {
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

    fn of(path: &str) -> ScimAddress {
        ScimAddress::of(&path.parse().unwrap(), |name| name == "entra")
    }

    #[test]
    fn the_first_word_may_name_the_provider() {
        let one = of("/scim/v2/entra/Users/a%20b");
        assert_eq!(one.provider(), Some("entra"));
        assert_eq!(one.place(), Some(&ScimLocation::One(ResourceType::User, "a b".into())));
        assert_eq!(of("/scim/v2/Users").place(), Some(&ScimLocation::List(ResourceType::User)));
        assert_eq!(of("/scim/v2/okta/Users").place(), None, "no provider has this name");
        assert_eq!(
            of("/scim/v2/entra/Groups/.search").place(),
            Some(&ScimLocation::Search(vec![ResourceType::Group]))
        );
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
