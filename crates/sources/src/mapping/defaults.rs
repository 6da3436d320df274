//! The default attribute mappings of each vendor.
//!
//! They use the names that the vendor's webhooks and API have for a person. Attribute names are Entra's, as in policies.

/// The attributes and their expressions.
pub(crate) type DefaultTable = &'static [(&'static str, &'static str)];

/// The field names of BambooHR's field-based webhooks, and those of its API.
pub(crate) const BAMBOOHR: DefaultTable = &[
    ("employeeId", "Coalesce([Employee #], [employeeNumber])"),
    ("givenName", "Coalesce([First Name], [firstName])"),
    ("surname", "Coalesce([Last Name], [lastName])"),
    (
        "displayName",
        "IgnoreFlowIfNullOrEmpty(Coalesce([displayName], IIF(IsPresent(Coalesce([First Name], [firstName])), \
         IIF(IsPresent(Coalesce([Last Name], [lastName])), \
         Join(\" \", Coalesce([First Name], [firstName]), Coalesce([Last Name], [lastName])), \"\"), \"\")))",
    ),
    ("preferredName", "Coalesce([Preferred Name], [preferredName])"),
    ("userPrincipalName", "Coalesce([Work Email], [workEmail])"),
    ("mail", "Coalesce([Work Email], [workEmail])"),
    ("jobTitle", "Coalesce([Job Title], [jobTitle])"),
    ("department", "Coalesce([Department], [department])"),
    ("division", "Coalesce([Division], [division])"),
    ("officeLocation", "Coalesce([Location], [location])"),
    // Not `Reporting to`, which is a name: a manager is a key.
    ("manager", "[supervisorEid]"),
    ("startDate", "Coalesce([Hire Date], [hireDate])"),
    ("endDate", "Coalesce([Termination Date], [terminationDate])"),
    ("telephoneNumber", "Coalesce([Work Phone], [workPhone])"),
    ("mobile", "Coalesce([Mobile Phone], [mobilePhone])"),
];

/// The names of HiBob's people API.
pub(crate) const HIBOB: DefaultTable = &[
    ("employeeId", "Coalesce([work.employeeIdInCompany], [employeeIdInCompany])"),
    ("givenName", "[firstName]"),
    ("surname", "[surname]"),
    ("displayName", "[displayName]"),
    ("userPrincipalName", "[email]"),
    ("mail", "[email]"),
    ("jobTitle", "[work.title]"),
    ("department", "[work.department]"),
    ("officeLocation", "[work.site]"),
    ("manager", "[work.reportsTo.id]"),
    ("startDate", "[work.startDate]"),
    ("endDate", "Coalesce([internal.terminationDate], [employment.terminationDate])"),
];

/// The names of Personio's persons API.
pub(crate) const PERSONIO: DefaultTable = &[
    ("givenName", "[first_name]"),
    ("surname", "[last_name]"),
    ("displayName", "[display_name]"),
    ("preferredName", "[preferred_name]"),
    ("userPrincipalName", "[email]"),
    ("mail", "[email]"),
    ("jobTitle", "Coalesce([position.title], [position])"),
    ("department", "[department.name]"),
    ("officeLocation", "[office.name]"),
    ("manager", "[supervisor.id]"),
    ("startDate", "Coalesce([employment_start_date], [hire_date])"),
    ("endDate", "Coalesce([employment_end_date], [termination_date])"),
];

/// The names of Gusto's employees API.
pub(crate) const GUSTO: DefaultTable = &[
    ("employeeId", "[employee_code]"),
    ("givenName", "[first_name]"),
    ("surname", "[last_name]"),
    ("displayName", "Join(\" \", [first_name], [last_name])"),
    ("preferredName", "[preferred_first_name]"),
    ("userPrincipalName", "Coalesce([work_email], [email])"),
    ("mail", "Coalesce([work_email], [email])"),
    ("jobTitle", "Coalesce([title], [jobs.0.title])"),
    ("department", "[department]"),
    ("manager", "[manager_uuid]"),
    ("startDate", "[jobs.0.hire_date]"),
    ("endDate", "[terminations.0.effective_date]"),
];

/// The names of Rippling's employees API.
pub(crate) const RIPPLING: DefaultTable = &[
    ("employeeId", "Coalesce([employeeNumber], [number])"),
    ("givenName", "Coalesce([firstName], [first_name])"),
    ("surname", "Coalesce([lastName], [last_name])"),
    ("displayName", "Coalesce([name], [display_name])"),
    ("userPrincipalName", "Coalesce([workEmail], [work_email])"),
    ("mail", "Coalesce([workEmail], [work_email])"),
    ("jobTitle", "[title]"),
    ("department", "Coalesce([department.name], [department])"),
    ("manager", "Coalesce([manager.id], [manager_id], [manager])"),
    ("startDate", "Coalesce([startDate], [start_date])"),
    ("endDate", "Coalesce([endDate], [end_date])"),
];

/// The names of Merge's common model of an employee.
pub(crate) const MERGE: DefaultTable = &[
    ("employeeId", "[employee_number]"),
    ("givenName", "[first_name]"),
    ("surname", "[last_name]"),
    (
        "displayName",
        "IgnoreFlowIfNullOrEmpty(Coalesce([display_full_name], Join(\" \", [first_name], [last_name])))",
    ),
    ("userPrincipalName", "Coalesce([username], [work_email])"),
    ("mail", "[work_email]"),
    ("manager", "Coalesce([manager.id], [manager])"),
    ("startDate", "[start_date]"),
    ("endDate", "[termination_date]"),
    ("mobile", "[mobile_phone_number]"),
];

/// The names of Finch's unified individual and employment.
pub(crate) const FINCH: DefaultTable = &[
    ("givenName", "[first_name]"),
    ("surname", "[last_name]"),
    ("displayName", "Join(\" \", [first_name], [last_name])"),
    ("preferredName", "[preferred_name]"),
    ("userPrincipalName", "[emails.0.data]"),
    ("mail", "[emails.0.data]"),
    ("jobTitle", "[title]"),
    ("department", "[department.name]"),
    ("manager", "[manager.id]"),
    ("startDate", "[start_date]"),
    ("endDate", "[end_date]"),
];

/// The names in the profile of an Okta user.
pub(crate) const OKTA: DefaultTable = &[
    ("employeeId", "[profile.employeeNumber]"),
    ("givenName", "[profile.firstName]"),
    ("surname", "[profile.lastName]"),
    (
        "displayName",
        "IgnoreFlowIfNullOrEmpty(Coalesce([profile.displayName], Join(\" \", [profile.firstName], [profile.lastName])))",
    ),
    ("userPrincipalName", "[profile.login]"),
    ("mail", "[profile.email]"),
    ("jobTitle", "[profile.title]"),
    ("department", "[profile.department]"),
    ("division", "[profile.division]"),
    ("costCenter", "[profile.costCenter]"),
    ("companyName", "[profile.organization]"),
    ("manager", "[profile.managerId]"),
    ("mobile", "[profile.mobilePhone]"),
    ("telephoneNumber", "[profile.primaryPhone]"),
];

/// The names that senders of custom webhooks often choose.
pub(crate) const STANDARD_WEBHOOKS: DefaultTable = &[
    ("employeeId", "Coalesce([employeeId], [employee_number], [employeeNumber])"),
    ("givenName", "Coalesce([givenName], [given_name], [firstName], [first_name])"),
    ("surname", "Coalesce([surname], [familyName], [family_name], [lastName], [last_name])"),
    ("displayName", "Coalesce([displayName], [display_name], [fullName], [full_name])"),
    (
        "userPrincipalName",
        "Coalesce([userPrincipalName], [userName], [username], [workEmail], [work_email], [email])",
    ),
    ("mail", "Coalesce([mail], [workEmail], [work_email], [email])"),
    ("jobTitle", "Coalesce([jobTitle], [job_title], [title])"),
    ("department", "Coalesce([department.name], [department])"),
    ("manager", "Coalesce([managerId], [manager_id], [manager.id], [manager])"),
    ("startDate", "Coalesce([startDate], [start_date], [hireDate], [hire_date])"),
    ("endDate", "Coalesce([endDate], [end_date], [terminationDate], [termination_date])"),
];
