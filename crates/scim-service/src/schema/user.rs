//! The core schema of users (RFC 7643, 4.1).

use super::{Attribute, Type};

pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        required: true,
        unique: true,
        ..Attribute::text("userName", "What the person signs in with, unique without regard to case")
    },
    Attribute::complex("name", "The person's name in parts", NAME),
    Attribute::text("displayName", "The person's name, for others to see"),
    Attribute::text("nickName", "What the person is called"),
    Attribute::reference("profileUrl", "A page about the person", &["external"]),
    Attribute::text("title", "The job title"),
    Attribute::text("userType", "How the person relates to the organisation"),
    Attribute::text("preferredLanguage", "The language that the person prefers"),
    Attribute::text("locale", "Where the person is, to write dates and numbers"),
    Attribute::text("timezone", "The time zone"),
    Attribute::of(Type::Boolean, "active", "False for whoever left or is switched off"),
    Attribute::list("emails", "Mail addresses", &plain("A mail address", &["work", "home", "other"])),
    Attribute::list("phoneNumbers", "Telephone numbers", &plain("A telephone number", PHONES)),
    Attribute::list("ims", "Addresses of messengers", &plain("An address of a messenger", &[])),
    Attribute::list("photos", "Pictures", PHOTO),
    Attribute::list("addresses", "Postal addresses", ADDRESS),
    Attribute::list("entitlements", "Entitlements", &plain("An entitlement", &[])),
    Attribute::list("roles", "Roles", &plain("A role", &[])),
    Attribute::list("x509Certificates", "Certificates", CERTIFICATE),
];

const NAME: &[Attribute] = &[
    Attribute::text("formatted", "The whole name"),
    Attribute::text("familyName", "The family name"),
    Attribute::text("givenName", "The given name"),
    Attribute::text("middleName", "The middle names"),
    Attribute::text("honorificPrefix", "What stands before the name"),
    Attribute::text("honorificSuffix", "What stands behind the name"),
];

const PHONES: &[&str] = &["work", "home", "mobile", "fax", "pager", "other"];
const PRIMARY: Attribute = Attribute::of(Type::Boolean, "primary", "Whether it is the one to use");
const DISPLAY: Attribute = Attribute::text("display", "How it is shown");

const fn type_of(canonical: &'static [&'static str]) -> Attribute {
    Attribute::text("type", "What it is for").canonical(canonical)
}

const fn plain(about: &'static str, types: &'static [&'static str]) -> [Attribute; 4] {
    [Attribute::text("value", about), DISPLAY, type_of(types), PRIMARY]
}

const PHOTO: &[Attribute] = &[
    Attribute::reference("value", "Where the picture is", &["external"]),
    DISPLAY,
    type_of(&["photo", "thumbnail"]),
    PRIMARY,
];

const ADDRESS: &[Attribute] = &[
    Attribute::text("formatted", "The whole address"),
    Attribute::text("streetAddress", "Street and house"),
    Attribute::text("locality", "City"),
    Attribute::text("region", "State or region"),
    Attribute::text("postalCode", "Postal code"),
    Attribute::text("country", "Country"),
    type_of(&["work", "home", "other"]),
    PRIMARY,
];

const CERTIFICATE: &[Attribute] = &[
    Attribute { case_exact: true, ..Attribute::of(Type::Binary, "value", "A certificate, DER in base64") },
    DISPLAY,
    type_of(&[]),
    PRIMARY,
];
