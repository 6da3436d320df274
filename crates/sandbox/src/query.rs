//! Query parameters of reads.

use axum::extract::Query;
use axum::http::Uri;
use serde::Deserialize;

use crate::ENTERPRISE_SCHEMA;
use crate::answer::SandboxRefusal;

/// The parameters as they are sent. Unknown parameters are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReadQuery {
    pub filter: Option<String>,
    pub start_index: Option<i64>,
    pub count: Option<i64>,
    pub cursor: Option<String>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

impl ReadQuery {
    /// Parses the query of a URI.
    pub(crate) fn parse(uri: &Uri) -> Result<Self, SandboxRefusal> {
        if uri.query().is_none() {
            return Ok(Self::default());
        }
        let Query(query) = Query::<Self>::try_from_uri(uri)
            .map_err(|_| SandboxRefusal::invalid_value("the query cannot be understood"))?;
        Ok(query)
    }

    /// Returns the requested attributes.
    pub(crate) fn projection(&self) -> AttributeProjection {
        let names = |text: &Option<String>| {
            text.iter()
                .flat_map(|text| text.split(','))
                .map(top_level)
                .filter(|name| !name.is_empty())
                .collect()
        };
        AttributeProjection { only: names(&self.attributes), without: names(&self.excluded_attributes) }
    }
}

/// The attributes that a client requests. A part of a complex attribute selects the whole attribute.
#[derive(Debug, Default)]
pub(crate) struct AttributeProjection {
    only: Vec<String>,
    without: Vec<String>,
}

impl AttributeProjection {
    /// Returns `true` if the attribute is requested.
    pub(crate) fn shows(&self, name: &str) -> bool {
        let among = |names: &[String]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        (self.only.is_empty() || among(&self.only)) && !among(&self.without)
    }
}

fn top_level(path: &str) -> String {
    let path = path.trim();
    let is_enterprise =
        path.get(..ENTERPRISE_SCHEMA.len()).is_some_and(|head| head.eq_ignore_ascii_case(ENTERPRISE_SCHEMA));
    if is_enterprise {
        return ENTERPRISE_SCHEMA.to_owned();
    }
    let name = path.rsplit(':').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name).to_owned()
}
