//! What somebody most likely meant: "did you mean …?" for every name a person can get wrong.

/// The known name nearest to a written one, where one is near: at most a third of its letters away,
/// a swap of two neighbours counting once, upper and lower case not at all.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let letters = written.chars().count();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name))
        .filter(|(distance, name)| {
            let (long, short) = (name.chars().count().max(letters), name.chars().count().min(letters));
            *distance <= (short / 3).max(1) && *distance < long
        })
        // The first of several, so that the answer does not depend on their order by chance.
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names() {
        #[track_caller]
        fn check(written: &str, expected: Option<&str>) {
            assert_eq!(
                nearest(written, ["employees", "industry", "name", "team", "id"]),
                expected,
                "{written}"
            );
        }
        check("employes", Some("employees"));
        check("Employees", Some("employees"));
        check("emploeyes", Some("employees"));
        check("industri", Some("industry"));
        check("taem", Some("team"));
        check("i", Some("id"));
        check("x", None);
        check("size", None);
    }
}
