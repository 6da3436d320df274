//! A generated company: the same people, managers and groups for the same [`PopulationShape`], on every machine.

mod company;
mod names;

use std::collections::BTreeSet;

/// The size of the company, and the seed that selects one of the many possible ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PopulationShape {
    /// The number of people, at least 1.
    pub people: usize,
    /// The number of departments, at least 1.
    pub departments: usize,
    /// The number of groups.
    pub groups: usize,
    /// The seed. Different seeds generate different companies.
    pub seed: u64,
}

impl PopulationShape {
    /// The company of the demo: 1,000 people in 40 departments and 25 groups.
    pub const DEMO: Self = Self { people: 1_000, departments: 40, groups: 25, seed: 42 };

    /// Returns the shape of a company of `people` people, with a matching number of departments and groups.
    pub fn of(people: usize) -> Self {
        Self { people, departments: (people / 25).clamp(1, 40), groups: (people / 40).clamp(1, 25), seed: 42 }
    }
}

/// One person, as the HR system knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePerson {
    /// The key of the person (`E-00001`), which is the subject of events about them.
    pub key: String,
    /// The given name, in its own script.
    pub given_name: String,
    /// The family name, in its own script; empty for people who have one name only.
    pub surname: String,
    /// The whole name, in the order that the person uses.
    pub display_name: String,
    /// The unique login name, in Latin letters.
    pub user_principal_name: String,
    /// The mail address.
    pub mail: String,
    /// The name of the department.
    pub department: String,
    /// The job title.
    pub job_title: String,
    /// The number in the HR system.
    pub employee_id: String,
    /// `Employee` or `Contractor`.
    pub employee_type: String,
    /// The ISO 3166-1 alpha-2 code.
    pub country: String,
    /// The key of the person they report to; `None` only for the head of the company.
    pub manager: Option<String>,
}

/// One group, as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleGroup {
    /// The key of the group (`G-001`), which is the subject of events about it.
    pub key: String,
    /// The unique name.
    pub display_name: String,
    /// The keys of the members.
    pub members: BTreeSet<String>,
}

/// A company: its people, managers before those who report to them, and its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePopulation {
    /// The people.
    pub people: Vec<SamplePerson>,
    /// The groups.
    pub groups: Vec<SampleGroup>,
    /// The names of the departments.
    pub departments: Vec<String>,
}

impl SamplePopulation {
    /// Generates the company of this shape.
    pub fn generate(shape: PopulationShape) -> Self {
        company::generate_population(shape)
    }
}

/// Returns a surname for a marriage.
pub(crate) fn new_surname(pick: usize) -> &'static str {
    names::new_surname(pick)
}

/// Returns the whole name in the usual order of the name's culture.
pub(crate) fn display_name(given: &str, surname: &str) -> String {
    if surname.is_empty() { given.to_owned() } else { format!("{given} {surname}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_shape_gives_same_company_and_another_seed_another() {
        let demo = SamplePopulation::generate(PopulationShape::DEMO);
        assert_eq!(demo, SamplePopulation::generate(PopulationShape::DEMO));
        assert_ne!(demo, SamplePopulation::generate(PopulationShape { seed: 7, ..PopulationShape::DEMO }));
    }

    #[test]
    fn login_names_are_unique_without_case_and_plain_ascii() {
        let company = SamplePopulation::generate(PopulationShape { people: 5_000, ..PopulationShape::DEMO });
        let logins: BTreeSet<_> =
            company.people.iter().map(|p| p.user_principal_name.to_ascii_lowercase()).collect();
        assert_eq!(logins.len(), 5_000);
        assert!(logins.iter().all(|l| l.is_ascii() && !l.contains(' ')));
        assert!(logins.iter().any(|l| l.contains('+')) && logins.iter().any(|l| l.contains('\'')));
    }

    #[test]
    fn managers_form_one_tree_and_come_before_their_reports() {
        let company = SamplePopulation::generate(PopulationShape::DEMO);
        let mut seen = BTreeSet::new();
        for person in &company.people {
            match &person.manager {
                None => assert!(seen.is_empty(), "only the first has no manager"),
                Some(manager) => assert!(seen.contains(manager), "{} reports to nobody known", person.key),
            }
            seen.insert(person.key.clone());
        }
    }

    #[test]
    fn every_department_has_people_and_group_sizes_run_from_five_to_everybody() {
        let company = SamplePopulation::generate(PopulationShape::DEMO);
        let used: BTreeSet<_> = company.people.iter().map(|p| &p.department).collect();
        assert_eq!(used.len(), 40);
        let sizes: Vec<_> = company.groups.iter().map(|g| g.members.len()).collect();
        assert_eq!((sizes.len(), sizes.iter().min(), sizes.iter().max()), (25, Some(&5), Some(&1_000)));
    }

    #[test]
    fn tiny_companies_are_possible() {
        for people in 1..60 {
            let company = SamplePopulation::generate(PopulationShape::of(people));
            assert_eq!(company.people.len(), people);
        }
    }
}
