//! Generates a company from its shape.

use std::collections::{BTreeSet, HashMap};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::names::{self, RARE};
use super::{PopulationShape, SampleGroup, SamplePerson, SamplePopulation};

/// The mail domain of the generated company (reserved for examples).
const DOMAIN: &str = "example.com";

/// The minimum size of a generated group, if there are enough people.
const GROUP_SIZE_MIN: usize = 5;

const AREAS: &[&str] = &["Engineering", "Finance", "Vertrieb", "Legal & Compliance", "研究開発", "Поддержка"];
const SITES: &[&str] = &["Berlin", "São Paulo", "東京", "Kraków", "Nairobi", "Montréal", "Bengaluru"];
const TITLES: &[&str] =
    &["Engineer", "Analyst", "Sachbearbeiterin", "Specialist II", "Técnico", "担当", "Advisor"];
const COUNTRIES: &[&str] = &["DE", "BR", "JP", "PL", "KE", "CA", "IN", "US", "TR", "VN"];
const GROUP_NAMES: &[&str] =
    &["VPN Users", "Proxy — Full", "Café Club", "採用", "On-call (24/7)", "R&D", "Ops: EU"];

/// Generates people with their managers, and groups, from the seed of the shape.
pub(super) fn generate_population(shape: PopulationShape) -> SamplePopulation {
    let mut rng = StdRng::seed_from_u64(shape.seed);
    let departments: Vec<String> = (0..shape.departments.max(1)).map(department_name).collect();
    let mut people = Vec::with_capacity(shape.people);
    let mut logins = HashMap::new();
    for index in 0..shape.people.max(1) {
        people.push(generate_person(index, &mut rng, &departments, &mut logins));
    }
    let groups = generate_groups(shape.groups, &people, &mut rng);
    SamplePopulation { people, groups, departments }
}

fn department_name(index: usize) -> String {
    let (area, site) = (AREAS[index % AREAS.len()], SITES[index / AREAS.len() % SITES.len()]);
    match index / (AREAS.len() * SITES.len()) {
        0 => format!("{area} {site}"),
        round => format!("{area} {site} {}", round + 1),
    }
}

/// Returns the key of the person with this index.
pub(super) fn person_key(index: usize) -> String {
    format!("E-{:05}", index + 1)
}

/// Generates one person. Every second person gets a rare name until all of them are used.
fn generate_person(
    index: usize,
    rng: &mut StdRng,
    departments: &[String],
    logins: &mut HashMap<String, usize>,
) -> SamplePerson {
    let (given_name, surname, login, surname_first) = match RARE.get(index / 2).filter(|_| index % 2 == 1) {
        Some(name) => {
            (name.given.to_owned(), name.surname.to_owned(), name.login.to_owned(), name.surname_first)
        }
        None => names::common_name(rng.random_range(0..1_000_000), rng.random_range(0..1_000_000)),
    };
    let display_name = match (surname.is_empty(), surname_first) {
        (true, _) => given_name.clone(),
        (false, true) => format!("{surname} {given_name}"),
        (false, false) => format!("{given_name} {surname}"),
    };
    let login = unique_login(login, logins);
    let role = company_role(index, departments.len());
    SamplePerson {
        key: person_key(index),
        display_name,
        user_principal_name: format!("{login}@{DOMAIN}"),
        mail: format!("{login}@mail.{DOMAIN}"),
        department: departments[role.department].clone(),
        job_title: role.title.unwrap_or_else(|| TITLES[rng.random_range(0..TITLES.len())]).to_owned(),
        employee_id: format!("{:06}", 100_000 + index),
        employee_type: if rng.random_range(0..10) == 0 { "Contractor" } else { "Employee" }.to_owned(),
        country: COUNTRIES[rng.random_range(0..COUNTRIES.len())].to_owned(),
        manager: role.manager.map(person_key),
        given_name,
        surname,
    }
}

/// Returns a unique login. The second person with a name gets a number,
/// and every third also a plus sign (mail tags are legal in logins).
fn unique_login(login: String, logins: &mut HashMap<String, usize>) -> String {
    let count = logins.entry(login.clone()).or_insert(0);
    *count += 1;
    match *count {
        1 => login,
        n if n % 3 == 0 => format!("{login}+{n}"),
        n => format!("{login}{n}"),
    }
}

/// The position of a person in the company.
struct CompanyRole {
    department: usize,
    title: Option<&'static str>,
    manager: Option<usize>,
}

/// Returns the role by position: the head of the company, one vice president
/// for up to eight departments, one head for each department, staff.
fn company_role(index: usize, departments: usize) -> CompanyRole {
    let vice_presidents = departments.div_ceil(8);
    let heads_start = 1 + vice_presidents;
    if index == 0 {
        return CompanyRole { department: 0, title: Some("Chief Executive Officer"), manager: None };
    }
    if index < heads_start {
        let department = (index - 1) * 8 % departments;
        return CompanyRole { department, title: Some("Vice President"), manager: Some(0) };
    }
    let department = (index - heads_start) % departments;
    if index < heads_start + departments {
        return CompanyRole {
            department,
            title: Some("Head of Department"),
            manager: Some(1 + department / 8),
        };
    }
    CompanyRole { department, title: None, manager: Some(heads_start + department) }
}

fn generate_groups(count: usize, people: &[SamplePerson], rng: &mut StdRng) -> Vec<SampleGroup> {
    (0..count).map(|index| generate_group(index, people, rng)).collect()
}

/// Generates one group. The first one contains everyone.
fn generate_group(index: usize, people: &[SamplePerson], rng: &mut StdRng) -> SampleGroup {
    let size = match index {
        0 => people.len(),
        1 => GROUP_SIZE_MIN,
        _ => rng.random_range(GROUP_SIZE_MIN..=GROUP_SIZE_MIN.max(people.len() / 8)),
    };
    let mut members: Vec<&SamplePerson> = people.sample(rng, size.min(people.len())).collect();
    members.shuffle(rng);
    let members: BTreeSet<String> = members.into_iter().map(|p| p.key.clone()).collect();
    let name = if index == 0 { "All Staff" } else { GROUP_NAMES[index % GROUP_NAMES.len()] };
    SampleGroup {
        key: format!("G-{:03}", index + 1),
        display_name: format!("{name} {:02}", index + 1),
        members,
    }
}
