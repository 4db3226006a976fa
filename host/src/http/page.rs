//! Long lists, a page at a time: a cursor says where the last page ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Code, Problem};

/// Entries of a page, where nothing else is asked for, and at most.
const USUAL: i64 = 50;
const MOST: i64 = 500;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// `next` of the page before; nothing for the first.
    pub cursor: Option<String>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    #[serde(default, deserialize_with = "number")]
    pub limit: Option<i64>,
}

/// Numbers of a query are text; beside flattened parts serde no longer sees that by itself.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| {
        text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no whole number")))
    })
    .transpose()
}

/// The same for `true` and `false`.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let flag = |text: String| match text.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(serde::de::Error::custom(format!("{text:?} is neither true nor false"))),
    };
    text.map(flag).transpose()
}

impl Paging {
    /// How many entries, and one more that tells whether there is a next page.
    pub(super) fn most(&self) -> Result<i64, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        match (1..=MOST).contains(&limit) {
            true => Ok(limit + 1),
            false => Err(Problem::new(Code::Malformed, format!("`limit` is {limit}, and from 1 to {MOST}"))),
        }
    }

    /// Where the last page ended.
    pub(super) fn behind<C: DeserializeOwned>(&self) -> Result<Option<C>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        place.map(Some).ok_or_else(|| {
            Problem::new(Code::Malformed, "`cursor` is none").hint("send `next` of the page before, or none")
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Of what was found, one more than is wanted where there is more. The place tells where an entry stands.
    pub(super) fn of<R, C: Serialize>(
        found: Vec<R>,
        paging: &Paging,
        place: impl Fn(&R) -> C,
        entry: impl FnMut(R) -> T,
    ) -> Self {
        let wanted = usize::try_from(paging.limit.unwrap_or(USUAL)).unwrap_or(usize::MAX);
        let more = found.len() > wanted;
        let mut found = found;
        found.truncate(wanted);
        let last = found.last().filter(|_| more).map(place);
        let next =
            last.and_then(|place| serde_json::to_vec(&place).ok()).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Self { items: found.into_iter().map(entry).collect(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let all: Vec<i64> = (0..7).collect();
        let page = |cursor: Option<String>| {
            let paging = Paging { cursor, limit: Some(3) };
            let behind: Option<i64> = paging.behind().expect("a cursor");
            let most = usize::try_from(paging.most().expect("a limit")).expect("small");
            let found =
                all.iter().copied().filter(|n| behind.is_none_or(|last| *n > last)).take(most).collect();
            Page::of(found, &paging, |n| *n, |n| n)
        };
        let first = page(None);
        assert_eq!(first.items, [0, 1, 2]);
        let second = page(first.next);
        assert_eq!(second.items, [3, 4, 5]);
        let third = page(second.next);
        assert_eq!((third.items, third.next), (vec![6], None));
    }

    #[test]
    fn what_is_no_page_is_told() {
        let check = |cursor: Option<&str>, limit: i64, expect: &str| {
            let paging = Paging { cursor: cursor.map(str::to_owned), limit: Some(limit) };
            let problem = paging.most().err().or(paging.behind::<(i64, i64)>().err()).expect("a problem");
            let body = serde_json::to_value(problem.body()).expect("JSON");
            assert_eq!(body["detail"], expect);
        };
        check(None, 0, "`limit` is 0, and from 1 to 500");
        check(None, 501, "`limit` is 501, and from 1 to 500");
        check(Some("%%"), 1, "`cursor` is none");
        check(Some("WzFd"), 1, "`cursor` is none");
    }
}
