//! What may become of a version, and by whom.

use super::super::{By, IDLE, Lock, Move, Refusal, Seen, State, Version, check};
use super::folder;

const STATES: [State; 6] =
    [State::Draft, State::Approved, State::Scheduled, State::Published, State::Replaced, State::Discarded];

#[test]
fn moves_lead_where_the_table_says() {
    let check = |made: Move, expect: [Option<State>; 6]| {
        assert_eq!(STATES.map(|state| state.after(made)), expect, "{made:?}");
    };
    use State::{Approved, Discarded, Draft, Published, Replaced, Scheduled};
    check(Move::Edit, [Some(Draft), None, None, None, None, None]);
    check(Move::Approve, [Some(Approved), None, None, None, None, None]);
    check(Move::Schedule, [Some(Scheduled), Some(Scheduled), Some(Scheduled), None, None, None]);
    check(Move::Publish, [Some(Published), Some(Published), Some(Published), None, None, None]);
    check(Move::Refuse, [None, None, Some(Draft), None, None, None]);
    check(Move::Replace, [None, None, None, Some(Replaced), None, None]);
    check(Move::Discard, [Some(Discarded), Some(Discarded), Some(Discarded), None, None, None]);
    check(Move::RollBack, [None, None, None, None, Some(Replaced), None]);
    for state in STATES {
        assert_eq!(state.as_str().parse(), Ok(state));
    }
}

fn by(actor: &str, at: i64) -> By<'_> {
    By { actor, at }
}

const LATER: i64 = IDLE + 1_000;
const TAKE_OVER: Seen = Seen { revision: None, take_over: true };

fn draft() -> Version {
    Version::draft(7, None, "new lanes".to_owned(), folder(&[("a", "1")]).digest(), by("ana", 1_000))
}

fn seen(revision: i64) -> Seen {
    Seen { revision: Some(revision), take_over: false }
}

#[test]
fn a_draft_is_its_editors_for_two_hours() {
    let check = |who: By<'_>, seen: Seen, expect: Result<(&str, i64, i64), Refusal>| {
        let mut version = draft();
        let result = version.edit(who, seen);
        let is = (version.edited.by.as_str(), version.edited.at, version.revision);
        assert_eq!(result.map(|()| is), expect, "{who:?}");
    };
    let locked = Refusal::Locked(Lock { by: "ana".to_owned(), until: LATER });
    check(by("ana", 1_500), seen(1), Ok(("ana", 1_500, 2)));
    check(by("ben", 1_500), seen(1), Err(locked.clone()));
    check(by("ben", LATER - 1), seen(1), Err(locked));
    check(by("ben", LATER), seen(1), Ok(("ben", LATER, 2)));
    check(by("ben", 1_500), TAKE_OVER, Ok(("ben", 1_500, 2)));
    check(by("ana", 1_500), seen(3), Err(Refusal::Changed { revision: 1 }));
    // An hour later it is theirs for two more.
    let mut version = draft();
    version.edit(by("ana", 3_600_000), seen(1)).unwrap();
    assert_eq!(version.lock(LATER), Some(Lock { by: "ana".to_owned(), until: 3_600_000 + IDLE }));
    // A lock is of drafts.
    version.discard(by("ana", 3_600_000), seen(2)).unwrap();
    assert_eq!(version.lock(LATER), None);
}

#[test]
fn four_eyes_are_of_two_people() {
    let checked = check(&folder(&[("a", "1")]), |_| Ok(())).unwrap();
    // Who edits besides ana, who approves, who publishes: what comes of it with four eyes, and with two.
    let check = |editor: &str, approver: Option<&str>, expect: [Result<(), Refusal>; 2]| {
        let found = [true, false].map(|four_eyes| {
            let mut version = draft();
            version.edit(by(editor, LATER), Seen::default())?;
            if let Some(approver) = approver {
                version.approve(by(approver, LATER), Seen::default(), &checked, four_eyes)?;
            }
            version.may_publish(by("ana", 2 * LATER), Seen::default(), four_eyes)
        });
        assert_eq!(found, expect, "{editor}, {approver:?}");
    };
    let own = |who: &str| Err(Refusal::OwnWork { by: who.to_owned() });
    check("ana", Some("ana"), [own("ana"), Ok(())]);
    check("ana", Some("ben"), [Ok(()), Ok(())]);
    check("ben", Some("ben"), [own("ben"), Ok(())]);
    check("ben", Some("ana"), [own("ana"), Ok(())]);
    check("ana", None, [Err(Refusal::Unapproved), Ok(())]);
    // Four eyes that were asked for after the approval.
    let mut version = draft();
    version.approve(by("ana", LATER), Seen::default(), &checked, false).unwrap();
    assert_eq!(version.may_publish(by("ben", LATER), Seen::default(), true), Err(Refusal::Unapproved));
}

#[test]
fn what_was_not_checked_is_not_approved() {
    let checked = check(&folder(&[("a", "2")]), |_| Ok(())).unwrap();
    let mut version = draft();
    assert_eq!(version.approve(by("ben", 2_000), seen(1), &checked, true), Err(Refusal::Unchecked));
    let scheduled = version.schedule(by("ana", 2_000), seen(1), &checked, false, 3_000);
    assert_eq!(scheduled, Err(Refusal::Unchecked));
    assert_eq!(version, draft());
}

#[test]
fn a_time_to_publish_is_set_moved_and_given_up() {
    let checked = check(&folder(&[("a", "1")]), |_| Ok(())).unwrap();
    let mut version = draft();
    let past = version.schedule(by("ana", 2_000), seen(1), &checked, false, 2_000);
    assert_eq!(past, Err(Refusal::Past));
    version.approve(by("ben", 2_000), seen(1), &checked, true).unwrap();
    version.schedule(by("ana", 2_000), seen(2), &checked, true, 9_000).unwrap();
    version.schedule(by("ben", 2_000), seen(3), &checked, true, 8_000).unwrap();
    assert_eq!((version.state, version.publish_at), (State::Scheduled, Some(8_000)));
    version.may_publish(by("clock", 8_000), seen(4), true).unwrap();
    version.refuse().unwrap();
    assert_eq!((version.state, version.publish_at, version.approved.clone()), (State::Draft, None, None));
    let refused = version.clone().refuse();
    assert_eq!(refused, Err(Refusal::State { state: State::Draft, made: Move::Refuse }));
    assert_eq!(refused.unwrap_err().to_string(), "a version that is draft cannot be refused");
}

#[test]
fn what_was_in_force_comes_back_as_a_new_version() {
    let checked = check(&folder(&[("a", "1")]), |_| Ok(())).unwrap();
    let mut old = draft();
    assert_eq!(
        old.roll_back(9, by("cleo", 5_000)),
        Err(Refusal::State { state: State::Draft, made: Move::RollBack }),
    );
    old.approve(by("ben", 2_000), seen(1), &checked, true).unwrap();
    old.state = State::Replaced;
    let new = old.roll_back(9, by("cleo", 5_000)).unwrap();
    assert_eq!((new.version, new.base, new.state, new.digest), (9, Some(7), State::Approved, old.digest));
    assert_eq!((new.made.by.as_str(), &new.approved), ("cleo", &old.approved));
    new.may_publish(by("cleo", 5_000), seen(1), true).unwrap();
    // Of what nobody approved, four eyes ask for it now.
    let again = Version { approved: None, ..old }.roll_back(9, by("cleo", 5_000)).unwrap();
    assert_eq!(again.state, State::Draft);
    again.may_publish(by("cleo", 5_000), seen(1), false).unwrap();
    assert_eq!(again.may_publish(by("cleo", 5_000), seen(1), true), Err(Refusal::Unapproved));
}
