//! Conditions that are asked for or not.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::QueryAs;
use sqlx::{Any, AnyPool, AssertSqlSafe, FromRow};

/// A value of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// A statement that grows by conditions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    text: String,
    values: Vec<Value>,
}

impl Filter {
    /// Begins with the text up to and with a first condition that holds for the tenant alone.
    pub(super) fn of(text: &str, tenant: &str) -> Self {
        Self { text: format!("{text} WHERE tenant = $1"), values: vec![tenant.into()] }
    }

    /// And this, where there is a value; `?` stands for it.
    pub(super) fn and<V: Into<Value>>(self, condition: &str, value: Option<V>) -> Self {
        match value {
            Some(value) => self.and_all(condition, [value.into()]),
            None => self,
        }
    }

    /// And this; each `?` stands for the next value.
    pub(super) fn and_all(mut self, condition: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.text.push_str(" AND (");
        let mut parts = condition.split('?');
        self.text.push_str(parts.next().unwrap_or_default());
        for (value, part) in values.into_iter().zip(parts) {
            self.values.push(value);
            self.text.push_str(&format!("${}{part}", self.values.len()));
        }
        self.text.push(')');
        self
    }

    /// The end of the statement: its order, and how many rows at most.
    pub(super) fn ordered(mut self, order: &str, most: i64) -> Self {
        self.values.push(Value::Int(most));
        self.text.push_str(&format!(" ORDER BY {order} LIMIT ${}", self.values.len()));
        self
    }

    /// The rows.
    pub(super) async fn rows<R>(self, pool: &AnyPool) -> Result<Vec<R>, sqlx::Error>
    where
        R: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let mut query: QueryAs<'_, Any, R, AnyArguments> = sqlx::query_as(AssertSqlSafe(self.text));
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
            };
        }
        query.fetch_all(pool).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_numbered() {
        let filter = Filter::of("SELECT a FROM t", "acme")
            .and("b = ?", Some("x"))
            .and("c = ?", None::<&str>)
            .and_all("d < ? OR (d = ? AND e < ?)", [1.into(), 1.into(), 2.into()])
            .ordered("d DESC", 10);
        let text = "SELECT a FROM t WHERE tenant = $1 AND (b = $2) AND (d < $3 OR (d = $4 AND e < $5)) \
                    ORDER BY d DESC LIMIT $6";
        let values: Vec<Value> = vec!["acme".into(), "x".into(), 1.into(), 1.into(), 2.into(), 10.into()];
        assert_eq!(filter, Filter { text: text.to_owned(), values });
    }
}
