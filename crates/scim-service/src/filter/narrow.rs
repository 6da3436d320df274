//! Derives the part of a filter that a database can answer, so that fewer resources need to be evaluated.

use super::{FilterComparison, FilterLiteral, FilterOperand, ScimFilter};
use crate::{ResourceType, ScimServiceError};

/// A condition that holds for every resource that fulfils the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NarrowedFilter {
    /// The resource has this `id`.
    Id(String),
    /// The name (`userName`, or a group's `displayName`) is this one, without regard to case.
    Name(String),
    /// The resource has this `externalId`.
    ExternalId(String),
    /// The group has this member.
    Member(String),
}

/// The facts about group members that a filter needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberTerms {
    /// The ids whose membership the filter tests.
    pub values: Vec<String>,
    /// `true` if the filter tests for the presence of any member.
    pub any: bool,
}

impl ScimFilter {
    /// Returns the most selective condition that a database can answer.
    pub fn narrowed(&self, kind: ResourceType) -> Option<NarrowedFilter> {
        let mut found: Vec<NarrowedFilter> = match self {
            Self::And(all) => all.iter().filter_map(|one| one.narrowed(kind)).collect(),
            one => one.condition(kind).into_iter().collect(),
        };
        found.sort_by_key(|condition| match condition {
            NarrowedFilter::Id(_) => 0,
            NarrowedFilter::Name(_) => 1,
            NarrowedFilter::ExternalId(_) => 2,
            NarrowedFilter::Member(_) => 3,
        });
        found.into_iter().next()
    }

    /// Returns the condition of a term that a database can answer.
    fn condition(&self, kind: ResourceType) -> Option<NarrowedFilter> {
        if kind == ResourceType::Group
            && let Some(value) = self.member()
        {
            return Some(NarrowedFilter::Member(value));
        }
        let Self::Compare(operand, FilterComparison::Eq, FilterLiteral::Text(value)) = self else {
            return None;
        };
        if operand.part.is_some() {
            return None;
        }
        let value = value.clone();
        match operand {
            o if o.is_core("id") => Some(NarrowedFilter::Id(value)),
            o if o.is_core(kind.name_attribute()) => Some(NarrowedFilter::Name(value)),
            o if o.is_core("externalId") => Some(NarrowedFilter::ExternalId(value)),
            _ => None,
        }
    }

    /// Returns the one member that this term tests for.
    fn member(&self) -> Option<String> {
        let text = |literal: &FilterLiteral| match literal {
            FilterLiteral::Text(value) => Some(value.clone()),
            _ => None,
        };
        match self {
            Self::Compare(operand, FilterComparison::Eq, literal) if is_member_value(operand) => {
                text(literal)
            }
            Self::Element(operand, inner) if operand.is_core("members") => match inner.as_ref() {
                Self::Compare(part, FilterComparison::Eq, literal) if part.is_core("value") => text(literal),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the facts about members that are needed to evaluate the filter on a group.
    ///
    /// # Errors
    /// Fails if the filter tests for more than the membership of a resource, or the presence of any member.
    pub fn member_terms(&self, kind: ResourceType) -> Result<MemberTerms, ScimServiceError> {
        let mut terms = MemberTerms::default();
        if kind == ResourceType::Group {
            self.collect(&mut terms)?;
        }
        Ok(terms)
    }

    /// Collects the facts about members from all terms.
    fn collect(&self, terms: &mut MemberTerms) -> Result<(), ScimServiceError> {
        match self {
            Self::Not(inner) => inner.collect(terms),
            Self::And(list) | Self::Or(list) => list.iter().try_for_each(|one| one.collect(terms)),
            Self::Present(operand) if operand.is_core("members") => {
                terms.any = true;
                Ok(())
            }
            Self::Compare(
                operand,
                FilterComparison::Eq | FilterComparison::Ne,
                FilterLiteral::Text(value),
            ) if is_member_value(operand) => {
                terms.values.push(value.clone());
                Ok(())
            }
            Self::Element(operand, inner) if operand.is_core("members") => {
                values_only(inner, &mut terms.values)
            }
            Self::Compare(operand, ..) if operand.is_core("members") => Err(members_by_value()),
            _ => Ok(()),
        }
    }

    /// Returns the values of the members that the filter selects, if it has no other condition.
    pub(crate) fn selected_values(&self) -> Option<Vec<String>> {
        match self {
            Self::Compare(part, FilterComparison::Eq, FilterLiteral::Text(value))
                if part.is_core("value") =>
            {
                Some(vec![value.clone()])
            }
            Self::Or(any) => {
                any.iter().map(Self::selected_values).collect::<Option<Vec<_>>>().map(|v| v.concat())
            }
            _ => None,
        }
    }
}

fn values_only(filter: &ScimFilter, values: &mut Vec<String>) -> Result<(), ScimServiceError> {
    match filter.selected_values() {
        Some(found) => {
            values.extend(found);
            Ok(())
        }
        None => Err(members_by_value()),
    }
}

fn members_by_value() -> ScimServiceError {
    ScimServiceError::invalid_filter("groups can be looked for by `members.value eq`, and by `members pr`")
}

fn is_member_value(operand: &FilterOperand) -> bool {
    operand.is_core("members") && (operand.part.is_none() || operand.has_part("value"))
}
