//! The SCIM 2.0 client: resources and PATCH operations from flat attributes, and target profiles. No other code
//! of Usher opens a socket to a target.
//!
//! It sends one request per call (a lookup may need more pages). It never retries, never waits, and never
//! decides the desired state of a target. It never exposes a secret or a masked personal value in an error, a
//! log or a [`RequestExchange`]. A failure is classified here, where the error is understood: see
//! [`ScimFailure::class`].
//!
//! To support another kind of target, write a profile: copy `profiles/generic.yaml`, keep the lines that
//! differ, state the source of each figure, and name the file in the target's configuration. To ship it, put it
//! in `profiles/` and add it to the list in `profile.rs`. If no field can express the behaviour of a target: 1.
//! add the field, its unit and its default to [`TargetProfile`], 2. check it in `TargetProfile::validate`, 3.
//! use it in [`diff`] or in the client, never depending on the name of the profile.

mod administrators;
mod classify;
mod client;
mod constraints;
mod decode;
pub mod diff;
mod filter;
mod kind;
mod path;
mod probe;
mod profile;
mod redact;
mod resource;

pub use client::{
    ConnectError, CreatedResource, ListedPage, PageStart, ResourceSearch, ScimClient, ScimFailure, ScimReply,
    TargetConnection,
};
pub use constraints::profile_violation;
pub use decode::FoundResource;
pub use diff::{MemberChunk, PatchOp};
pub use kind::ScimKind;
pub use lifecycle::{AttemptClass, AttributeMap, RequestExchange};
pub use outbound::{CredentialConfig, HiddenSecret, SourceCredential};
pub use path::{PathError, check_path};
pub use probe::{ProbeReport, probe_server};
pub use profile::{
    AdministratorMark, BucketKind, DeleteMethod, DoneAnswer, KindPair, ListPaging, LookupAttributes,
    MembershipForm, NestedGroups, OpCase, PatchForm, ProfileEndpoints, ProfileError, RateLimitBucket,
    ReadBack, RemoveForm, RequestRateLimit, RequiredTargetAttribute, TargetProfile, UpdateMethod,
    UrnSeparator,
};
pub use reqwest::Url;
pub use resource::{observe_resource, overlay_resource, with_members};
