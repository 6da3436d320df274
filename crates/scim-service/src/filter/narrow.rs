//! What of a filter a database can answer, so that not every resource has to be looked at.

use super::{Comparison, Filter, Literal, Operand};
use crate::{Kind, ScimError};

/// A condition that every resource fulfils that fulfils the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Narrowed {
    /// It has this `id`.
    Id(String),
    /// Its name (`userName`, or a group's `displayName`) is this one, without regard to case.
    Name(String),
    /// It has this `externalId`.
    ExternalId(String),
    /// The group has this member.
    Member(String),
}

/// What a filter has to know of the members of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberTerms {
    /// Whether these are members.
    pub values: Vec<String>,
    /// Whether there is any.
    pub any: bool,
}

impl Filter {
    /// The most selective condition that a database can answer.
    pub fn narrowed(&self, kind: Kind) -> Option<Narrowed> {
        let mut found: Vec<Narrowed> = match self {
            Self::And(all) => all.iter().filter_map(|one| one.narrowed(kind)).collect(),
            one => one.condition(kind).into_iter().collect(),
        };
        found.sort_by_key(|condition| match condition {
            Narrowed::Id(_) => 0,
            Narrowed::Name(_) => 1,
            Narrowed::ExternalId(_) => 2,
            Narrowed::Member(_) => 3,
        });
        found.into_iter().next()
    }

    fn condition(&self, kind: Kind) -> Option<Narrowed> {
        if kind == Kind::Group
            && let Some(value) = self.member()
        {
            return Some(Narrowed::Member(value));
        }
        let Self::Compare(operand, Comparison::Eq, Literal::Text(value)) = self else { return None };
        if operand.part.is_some() {
            return None;
        }
        let value = value.clone();
        match operand {
            o if o.is_core("id") => Some(Narrowed::Id(value)),
            o if o.is_core(kind.name_attribute()) => Some(Narrowed::Name(value)),
            o if o.is_core("externalId") => Some(Narrowed::ExternalId(value)),
            _ => None,
        }
    }

    /// The one member that this term asks for.
    fn member(&self) -> Option<String> {
        let text = |literal: &Literal| match literal {
            Literal::Text(value) => Some(value.clone()),
            _ => None,
        };
        match self {
            Self::Compare(operand, Comparison::Eq, literal) if is_member_value(operand) => text(literal),
            Self::Element(operand, inner) if operand.is_core("members") => match inner.as_ref() {
                Self::Compare(part, Comparison::Eq, literal) if part.is_core("value") => text(literal),
                _ => None,
            },
            _ => None,
        }
    }

    /// What has to be known of members to decide about a group.
    ///
    /// # Errors
    /// When it asks for more than whether somebody is a member, or anybody.
    pub fn member_terms(&self, kind: Kind) -> Result<MemberTerms, ScimError> {
        let mut terms = MemberTerms::default();
        if kind == Kind::Group {
            self.collect(&mut terms)?;
        }
        Ok(terms)
    }

    fn collect(&self, terms: &mut MemberTerms) -> Result<(), ScimError> {
        match self {
            Self::Not(inner) => inner.collect(terms),
            Self::And(list) | Self::Or(list) => list.iter().try_for_each(|one| one.collect(terms)),
            Self::Present(operand) if operand.is_core("members") => {
                terms.any = true;
                Ok(())
            }
            Self::Compare(operand, Comparison::Eq | Comparison::Ne, Literal::Text(value))
                if is_member_value(operand) =>
            {
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

    /// The values of members that it selects, if it selects by nothing else.
    pub(crate) fn selected_values(&self) -> Option<Vec<String>> {
        match self {
            Self::Compare(part, Comparison::Eq, Literal::Text(value)) if part.is_core("value") => {
                Some(vec![value.clone()])
            }
            Self::Or(any) => {
                any.iter().map(Self::selected_values).collect::<Option<Vec<_>>>().map(|v| v.concat())
            }
            _ => None,
        }
    }
}

fn values_only(filter: &Filter, values: &mut Vec<String>) -> Result<(), ScimError> {
    match filter.selected_values() {
        Some(found) => {
            values.extend(found);
            Ok(())
        }
        None => Err(members_by_value()),
    }
}

fn members_by_value() -> ScimError {
    ScimError::invalid_filter("groups can be looked for by `members.value eq`, and by `members pr`")
}

fn is_member_value(operand: &Operand) -> bool {
    operand.is_core("members") && (operand.part.is_none() || operand.has_part("value"))
}
