use proptest::prelude::*;

use super::*;

fn check(found: &[Suggestion], expect: &[&str]) {
    assert_eq!(found.iter().map(|suggestion| suggestion.sentence.as_str()).collect::<Vec<_>>(), expect);
}

fn deals(rep: &str, industry: &str, won: usize, n: usize, change: fn(&mut Deal)) -> Vec<Deal> {
    let deal = |at: usize| {
        let (rep, industry) = (rep.to_owned(), industry.to_owned());
        let mut deal = Deal { rep, industry, on_profile: false, days_ago: 30, won: at < won };
        change(&mut deal);
        deal
    };
    (0..n).map(deal).collect()
}

#[test]
fn fifteen_won_deals_above_the_others_suggest_a_tag() {
    let check = |ana: Vec<Deal>, others: usize, expect: &[&str]| {
        let all = [ana, deals("ben", "retail", others, 100, |_| {})].concat();
        super::tests::check(&tags(&all), expect);
    };
    let healthcare = |won, n, change| deals("ana", "healthcare", won, n, change);
    check(
        healthcare(15, 20, |_| {}),
        10,
        &[
            "ana won 15 and lost 5 healthcare deals in a year, 75 % (53–89 %), all others 10 of 100, 10 % (6–17 %): add healthcare to the profile",
        ],
    );
    check(healthcare(14, 20, |_| {}), 10, &[]);
    check(healthcare(15, 20, |deal| deal.days_ago = 366), 10, &[]);
    check(healthcare(15, 20, |deal| deal.on_profile = true), 10, &[]);
    // Fifteen are won and most are lost.
    check(healthcare(15, 150, |_| {}), 10, &[]);
    // Everybody wins as many: ben has the tag as little.
    check(healthcare(75, 100, |_| {}), 75, &[]);
    // Nobody is there to compare with.
    super::tests::check(&tags(&healthcare(15, 20, |_| {})), &[]);
}

fn routed(segment: &str, covered: usize, other: &[End]) -> Vec<Routed> {
    let ends = std::iter::repeat_n(End::Covered, covered).chain(other.iter().copied());
    ends.map(|end| Routed { segment: segment.to_owned(), end }).collect()
}

#[test]
fn a_segment_that_nobody_covers_is_a_gap() {
    let ends: Vec<End> = [End::Unassigned, End::Fallback, End::Late].into_iter().cycle().take(15).collect();
    let leads =
        [routed("nordics", 25, &ends), routed("dach", 90, &ends[..10]), routed("tiny", 0, &ends)].concat();
    check(
        &gaps(&leads),
        &[
            "nobody covers nordics: 15 of 40, 38 % (24–53 %) of its leads end unassigned (5), in the fallback (5) or late (5), \
           and 15 % may",
        ],
    );
}

fn ruled(rule: &str, overridden: usize, won: usize, n: usize) -> Vec<Ruled> {
    let one = |at: usize| Ruled { rule: rule.to_owned(), overridden: at < overridden, won: Some(at < won) };
    (0..n).map(one).collect()
}

#[test]
fn a_rule_that_people_change_or_that_loses_is_shown() {
    let fine = [ruled("emea", 6, 15, 60), ruled("apac", 5, 14, 60), ruled("small", 3, 0, 5)].concat();
    check(&rules(&fine), &[]);
    let bad = [fine.clone(), ruled("latam", 20, 15, 60), ruled("demo", 6, 1, 60)].concat();
    check(
        &rules(&bad),
        &[
            "people change what rule latam assigns: 20 of 60, 33 % (23–46 %) overridden, other rules 20 of 185, 11 % (7–16 %)",
            "rule demo sends leads where they are lost: 59 of 60, 98 % (91–100 %) lost, other rules 141 of 185, 76 % (70–82 %)",
        ],
    );
    check(&rules(&ruled("alone", 60, 0, 60)), &[]);
}

fn predicted(rep: &str, predicted: f64, won: usize, n: usize) -> Vec<Predicted> {
    let deal = |at: usize| Predicted {
        rep: rep.to_owned(),
        segment: "fintech".to_owned(),
        predicted,
        won: at < won,
    };
    (0..n).map(deal).collect()
}

#[test]
fn a_rep_below_a_predicted_fit_is_worth_a_talk() {
    let deals =
        [predicted("ana", 0.6, 13, 40), predicted("ben", 0.6, 22, 40), predicted("cem", 0.6, 0, 19)].concat();
    check(
        &coaching(&deals),
        &[
            "ana won 13 of 40, 32 % (20–48 %) of the fintech deals, and 24 were predicted: talk about what is different there",
        ],
    );
    check(&coaching(&predicted("dora", f64::NAN, 0, 40)), &[]);
}

#[test]
fn ids_are_the_same_for_ever() {
    // Dismissals are kept by them.
    let subject = Subject::Coaching { rep: "ana".into(), segment: "fintech".into() };
    expect_test::expect!["299d753914b2b4d8"].assert_eq(&subject.id().to_string());
    let (tag, gap) =
        (Subject::Tag { rep: "a".into(), industry: "b".into() }, Subject::Gap { segment: "a".into() });
    assert!(tag.id() != gap.id() && tag.id() != subject.id());
}

proptest! {
    #[test]
    fn more_of_the_same_keeps_the_id(won in 15usize..40, more in 0usize..40) {
        let others = || deals("ben", "energy", 0, 40, |_| {});
        let ids = |n: usize| tags(&[deals("ana", "retail", n, n, |_| {}), others()].concat()).into_iter().map(|s| s.id).collect::<Vec<_>>();
        prop_assert_eq!(ids(won), ids(won + more));
    }

    #[test]
    fn order_does_not_matter(turn in 0usize..80, wins in 0usize..40) {
        let mut rows = [predicted("ana", 0.61, wins, 40), predicted("ben", 0.37, 5, 40)].concat();
        let straight = coaching(&rows);
        rows.rotate_left(turn);
        prop_assert_eq!(straight, coaching(&rows));
    }
}
