//! The request that carried a notice.

/// The parts of an HTTP request that are read.
#[derive(Debug, Clone, Copy)]
pub struct NoticeRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, byte for byte as it was received.
    pub body: &'a [u8],
}

impl<'a> NoticeRequest<'a> {
    /// Returns the first header with that name, in any case, without surrounding spaces. Returns `None` if it is empty.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the content type without parameters, in lower case.
    pub(crate) fn essence(&self) -> Option<String> {
        let declared = self.header("content-type")?;
        Some(declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }
}
