//! Query parameters of reads.

use axum::extract::Query;
use axum::http::Uri;
use serde::Deserialize;

use crate::ENTERPRISE_SCHEMA;
use crate::answer::SandboxRefusal;

/// As they are sent. Parameters that are not known are ignored.
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
    pub(crate) fn parse(uri: &Uri) -> Result<Self, SandboxRefusal> {
        if uri.query().is_none() {
            return Ok(Self::default());
        }
        let Query(query) = Query::<Self>::try_from_uri(uri)
            .map_err(|_| SandboxRefusal::invalid_value("the query cannot be understood"))?;
        Ok(query)
    }

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

/// Which attributes a client wants to see. Parts of complex attributes show the whole.
#[derive(Debug, Default)]
pub(crate) struct AttributeProjection {
    only: Vec<String>,
    without: Vec<String>,
}

impl AttributeProjection {
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
