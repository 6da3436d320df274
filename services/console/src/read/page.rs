//! Pages of lists.

use sea_orm::DbErr;

/// Maximum number of rows per page.
pub(crate) const PAGE_MAX: u64 = 1_000;

/// The position after which a page begins; opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageCursor {
    pub(super) at: i64,
    pub(super) step: i16,
    pub(super) id: String,
}

impl PageCursor {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (at, step, id) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { at: at.parse().ok()?, step: step.parse().ok()?, id: id.to_owned() })
    }

    pub(crate) fn text(&self) -> String {
        format!("{}.{}.{}", self.at, self.step, self.id)
    }
}

/// The limit and start of a page.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    pub(crate) limit: u64,
    pub(crate) after: Option<PageCursor>,
}

/// The rows of a page, and the position of the next page if there is one.
#[derive(Debug)]
pub(crate) struct RowPage<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<PageCursor>,
}

/// Removes the extra row that shows whether there is a next page.
pub(super) fn cut_page<M, T>(
    mut rows: Vec<M>,
    limit: u64,
    read: impl Fn(M) -> Result<T, DbErr>,
    position: impl Fn(&M) -> PageCursor,
) -> Result<RowPage<T>, DbErr> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(position);
    Ok(RowPage { rows: rows.into_iter().map(read).collect::<Result<_, _>>()?, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip_through_a_client() {
        let cursor = PageCursor { at: -5, step: 1, id: "a.b".into() };
        assert_eq!(PageCursor::parse(&cursor.text()), Some(cursor));
        assert_eq!(PageCursor::parse("nonsense"), None);
        assert_eq!(PageCursor::parse("x.0.y"), None);
    }
}
