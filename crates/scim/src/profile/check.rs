//! Validates the fields of a profile.

use super::{DoneAnswer, ProfileError, TargetProfile};
use crate::{PathError, ScimKind, check_path};

impl TargetProfile {
    /// Returns an error for the first invalid field.
    pub(super) fn validate(&self, file: &str) -> Result<(), ProfileError> {
        let refuse =
            |field, problem: String| Err(ProfileError::Field { file: file.to_owned(), field, problem });
        if self.name.trim().is_empty() {
            return refuse("name", "must be given".into());
        }
        if self.rate.requests_per_second.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return refuse("rate.requests_per_second", "must be above 0, or null for no known limit".into());
        }
        if !(self.rate.share > 0.0 && self.rate.share <= 1.0) {
            return refuse("rate.share", "must be above 0 and at most 1".into());
        }
        let changes = ["PUT", "PATCH", "DELETE"];
        let may_be_done = |done: &DoneAnswer| {
            changes.contains(&done.method.as_str())
                && (300..500).contains(&done.status)
                && ![401, 403, 429].contains(&done.status)
        };
        if let Some(done) = self.done.iter().find(|done| !may_be_done(done)) {
            let problem = format!(
                "names {} {}: it must be one of {} with a status of 300 to 499, but 401, 403 or 429",
                done.method,
                done.status,
                changes.join(", ")
            );
            return refuse("done", problem);
        }
        for bucket in &self.rate.buckets {
            if bucket.requests == 0 || bucket.seconds == 0 || bucket.burst == 0 {
                return refuse("rate.buckets", "must have at least 1 as requests, seconds and burst".into());
            }
            let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
            if let Some(method) = bucket.methods.iter().find(|method| !known.contains(&method.as_str())) {
                let problem = format!("names the method `{method}`; known are {}", known.join(", "));
                return refuse("rate.buckets", problem);
            }
        }
        let counts = [
            ("rate.burst", u64::from(self.rate.burst), 1),
            ("concurrency_max", u64::from(self.concurrency_max), 1),
            ("page_size", u64::from(self.page_size), 1),
            ("membership.members_per_request_max", self.membership.members_per_request_max as u64, 1),
            ("membership.operations_per_request_max", self.membership.operations_per_request_max as u64, 1),
            ("response_bytes_max", self.response_bytes_max as u64, 1024),
            ("timeout_seconds", self.timeout_seconds, 1),
            ("filter_terms_max", self.filter_terms_max.map_or(1, u64::from), 1),
            ("membership.body_bytes_max", self.membership.body_bytes_max.map_or(1024, |n| n as u64), 1024),
        ];
        if let Some((field, _, least)) = counts.into_iter().find(|(_, value, least)| value < least) {
            return refuse(field, format!("must be at least {least}"));
        }
        if let Err((field, problem)) =
            self.check_headers().and_then(|()| self.check_paths()).and_then(|()| self.check_asked_by())
        {
            return refuse(field, problem);
        }
        Ok(())
    }

    /// Checks that the value is a plain attribute path, because only an attribute can be a part of the filter.
    fn check_asked_by(&self) -> Result<(), (&'static str, String)> {
        let Some(attribute) = &self.membership.asked_by else { return Ok(()) };
        match check_path(attribute) {
            Ok(()) if !attribute.contains('[') => Ok(()),
            _ => Err(("membership.asked_by", format!("`{attribute}` is not an attribute of groups"))),
        }
    }

    /// Checks that the headers are valid and contain no credential.
    fn check_headers(&self) -> Result<(), (&'static str, String)> {
        if self.user_agent.trim().is_empty() {
            return Err(("user_agent", "must not be empty: some targets refuse requests without it".into()));
        }
        for (name, value) in &self.headers {
            if name.eq_ignore_ascii_case("authorization") {
                return Err((
                    "headers",
                    "must not hold a credential: it belongs to the target's token".into(),
                ));
            }
            let valid = reqwest::header::HeaderName::try_from(name).is_ok()
                && reqwest::header::HeaderValue::try_from(value).is_ok();
            if !valid {
                return Err(("headers", format!("`{name}` is not a valid header")));
            }
        }
        Ok(())
    }

    /// Checks all attribute paths of the profile.
    fn check_paths(&self) -> Result<(), (&'static str, String)> {
        let because = |field| move |error: PathError| (field, format!("is not valid: {error}"));
        for kind in [ScimKind::User, ScimKind::Group] {
            let lookup = self.lookups.of(kind);
            lookup
                .filterable
                .iter()
                .try_for_each(|p| check_path(p))
                .map_err(because("lookups.*.filterable"))?;
            lookup
                .unique_on
                .iter()
                .try_for_each(|p| check_path(p))
                .map_err(because("lookups.*.unique_on"))?;
            let sent = self.attributes.of(kind);
            sent.iter().try_for_each(|p| check_path(p)).map_err(because("attributes.*"))?;
            let lengths = self.lengths_max.of(kind);
            lengths.keys().try_for_each(|p| check_path(p)).map_err(because("lengths_max.*"))?;
            if self.endpoint(kind).is_empty() || self.endpoint(kind).contains(['/', '?', '#']) {
                return Err(("endpoints", "must be one path segment each".to_owned()));
            }
            let required = self.required.of(kind);
            required.iter().try_for_each(|r| check_path(&r.path)).map_err(because("required.*.path"))?;
        }
        Ok(())
    }
}
