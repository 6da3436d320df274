//! The core schema of users (RFC 7643, 4.1).

use super::{AttributeType, SchemaAttribute};

pub(super) const ATTRIBUTES: &[SchemaAttribute] = &[
    SchemaAttribute {
        required: true,
        unique: true,
        ..SchemaAttribute::text("userName", "The login name, unique without regard to case")
    },
    SchemaAttribute::complex("name", "The person's name in parts", NAME),
    SchemaAttribute::text("displayName", "The person's name, for others to see"),
    SchemaAttribute::text("nickName", "The nickname"),
    SchemaAttribute::reference("profileUrl", "A page about the person", &["external"]),
    SchemaAttribute::text("title", "The job title"),
    SchemaAttribute::text("userType", "The relation to the organisation"),
    SchemaAttribute::text("preferredLanguage", "The language that the person prefers"),
    SchemaAttribute::text("locale", "The locale for dates and numbers"),
    SchemaAttribute::text("timezone", "The time zone"),
    SchemaAttribute::of(AttributeType::Boolean, "active", "False for a person who left or is switched off"),
    SchemaAttribute::list(
        "emails",
        "Mail addresses",
        &plain_attribute("A mail address", &["work", "home", "other"]),
    ),
    SchemaAttribute::list(
        "phoneNumbers",
        "Telephone numbers",
        &plain_attribute("A telephone number", PHONES),
    ),
    SchemaAttribute::list(
        "ims",
        "Addresses of messengers",
        &plain_attribute("An address of a messenger", &[]),
    ),
    SchemaAttribute::list("photos", "Pictures", PHOTO),
    SchemaAttribute::list("addresses", "Postal addresses", ADDRESS),
    SchemaAttribute::list("entitlements", "Entitlements", &plain_attribute("An entitlement", &[])),
    SchemaAttribute::list("roles", "Roles", &plain_attribute("A role", &[])),
    SchemaAttribute::list("x509Certificates", "Certificates", CERTIFICATE),
];

const NAME: &[SchemaAttribute] = &[
    SchemaAttribute::text("formatted", "The whole name"),
    SchemaAttribute::text("familyName", "The family name"),
    SchemaAttribute::text("givenName", "The given name"),
    SchemaAttribute::text("middleName", "The middle names"),
    SchemaAttribute::text("honorificPrefix", "The title before the name"),
    SchemaAttribute::text("honorificSuffix", "The title after the name"),
];

const PHONES: &[&str] = &["work", "home", "mobile", "fax", "pager", "other"];
const PRIMARY: SchemaAttribute =
    SchemaAttribute::of(AttributeType::Boolean, "primary", "True for the preferred value");
const DISPLAY: SchemaAttribute = SchemaAttribute::text("display", "How it is shown");

const fn type_of(canonical: &'static [&'static str]) -> SchemaAttribute {
    SchemaAttribute::text("type", "What it is for").canonical(canonical)
}

const fn plain_attribute(about: &'static str, types: &'static [&'static str]) -> [SchemaAttribute; 4] {
    [SchemaAttribute::text("value", about), DISPLAY, type_of(types), PRIMARY]
}

const PHOTO: &[SchemaAttribute] = &[
    SchemaAttribute::reference("value", "The address of the picture", &["external"]),
    DISPLAY,
    type_of(&["photo", "thumbnail"]),
    PRIMARY,
];

const ADDRESS: &[SchemaAttribute] = &[
    SchemaAttribute::text("formatted", "The whole address"),
    SchemaAttribute::text("streetAddress", "Street and house"),
    SchemaAttribute::text("locality", "City"),
    SchemaAttribute::text("region", "State or region"),
    SchemaAttribute::text("postalCode", "Postal code"),
    SchemaAttribute::text("country", "Country"),
    type_of(&["work", "home", "other"]),
    PRIMARY,
];

const CERTIFICATE: &[SchemaAttribute] = &[
    SchemaAttribute {
        case_exact: true,
        ..SchemaAttribute::of(AttributeType::Binary, "value", "A certificate, DER in base64")
    },
    DISPLAY,
    type_of(&[]),
    PRIMARY,
];
