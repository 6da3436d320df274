//! The parts of Graph's `synchronizationSchema` that the conversion uses. Exports omit fields, so all of them are optional.

use serde::{Deserialize, Serialize};

/// Graph's `synchronizationSchema`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphSchema {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) directories: Vec<GraphDirectory>,
    pub(crate) synchronization_rules: Vec<GraphRule>,
}

/// Graph's `directoryDefinition`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphDirectory {
    pub(crate) name: String,
    pub(crate) objects: Vec<GraphObject>,
}

/// Graph's `objectDefinition`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphObject {
    pub(crate) name: String,
    pub(crate) attributes: Vec<GraphAttribute>,
}

/// Graph's `attributeDefinition`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphAttribute {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) multivalued: bool,
}

/// Graph's `synchronizationRule`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphRule {
    pub(crate) editable: bool,
    pub(crate) name: String,
    pub(crate) priority: i64,
    pub(crate) source_directory_name: Option<String>,
    pub(crate) target_directory_name: Option<String>,
    pub(crate) object_mappings: Vec<ObjectMapping>,
}

/// Graph's `objectMapping`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ObjectMapping {
    pub(crate) enabled: Option<bool>,
    pub(crate) flow_types: Option<String>,
    pub(crate) name: String,
    pub(crate) scope: Option<GraphFilter>,
    pub(crate) source_object_name: String,
    pub(crate) target_object_name: String,
    pub(crate) attribute_mappings: Vec<AttributeMapping>,
}

impl ObjectMapping {
    /// Returns the name of the mapping, or `what` if it has none.
    pub(crate) fn label<'a>(&'a self, what: &'a str) -> &'a str {
        if self.name.is_empty() { what } else { &self.name }
    }
}

/// Graph's `attributeMapping`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AttributeMapping {
    pub(crate) default_value: Option<String>,
    pub(crate) export_missing_references: bool,
    pub(crate) flow_behavior: Option<String>,
    pub(crate) flow_type: Option<String>,
    pub(crate) matching_priority: i64,
    pub(crate) source: Option<GraphMappingSource>,
    pub(crate) target_attribute_name: String,
}

/// Graph's `attributeMappingSource`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphMappingSource {
    pub(crate) expression: Option<String>,
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) parameters: Vec<GraphParameter>,
}

/// One parameter of a function.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphParameter {
    pub(crate) key: String,
    pub(crate) value: GraphMappingSource,
}

/// Graph's `filter`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GraphFilter {
    pub(crate) groups: Vec<FilterGroup>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) input_filter_groups: Vec<FilterGroup>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) category_filter_groups: Vec<FilterGroup>,
}

/// Graph's `filterGroup`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FilterGroup {
    pub(crate) name: Option<String>,
    pub(crate) clauses: Vec<FilterClause>,
}

/// Graph's `filterClause`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FilterClause {
    pub(crate) operator_name: String,
    pub(crate) source_operand_name: String,
    pub(crate) target_operand: Option<GraphOperand>,
}

/// Graph's `filterOperand`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GraphOperand {
    pub(crate) values: Vec<String>,
}
