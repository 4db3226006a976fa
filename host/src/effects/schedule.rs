//! When an effect is tried again, when it is given up, and how long a destination is left alone: data, and
//! what follows from it. Nothing is left to luck: what is spread is spread by the effect's id.

use jiff::{SignedDuration, Timestamp};

use super::{Met, effect_id};
use crate::digest::Digest;
use crate::store::{Health, Mark, OutboxRow};

const fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// How long after the first attempt, the second and so on the next one follows, less or more a tenth: the
/// schedule that Standard Webhooks recommends.
pub const RETRIES: [SignedDuration; 9] = [
    seconds(5),
    seconds(30),
    seconds(2 * MINUTE),
    seconds(10 * MINUTE),
    seconds(30 * MINUTE),
    seconds(2 * HOUR),
    seconds(5 * HOUR),
    seconds(10 * HOUR),
    seconds(10 * HOUR),
];
/// Attempts in all.
pub const ATTEMPTS: i64 = RETRIES.len() as i64 + 1;
/// Attempts where the destination says that it will not take it: a person may have set it right by then.
const ATTEMPTS_WHERE_REFUSED: i64 = 3;
/// After that long it is given up, whatever became of the attempts.
pub const DEADLINE: SignedDuration = seconds(72 * HOUR);
/// After that long without an attempt too.
pub const EXPIRES: SignedDuration = DEADLINE;
/// `Retry-After` counts within these.
const RETRY_AFTER: (SignedDuration, SignedDuration) = (seconds(1), seconds(HOUR));
/// How long a destination is left alone after so many turns in a row in which nothing arrived.
pub const RESTS: [SignedDuration; 7] = [
    seconds(0),
    seconds(0),
    seconds(5),
    seconds(30),
    seconds(2 * MINUTE),
    seconds(5 * MINUTE),
    seconds(10 * MINUTE),
];
/// After that long without anything that arrived a destination is turned off.
const OFF: SignedDuration = seconds(120 * HOUR);

/// What becomes of an effect, whose `attempts` hold the one that met with this.
pub(super) fn mark(now: Timestamp, effect: &OutboxRow, met: &Met) -> Mark {
    let Some(why) = met.why() else { return Mark::Done };
    let (most, asked) = match met {
        Met::Failed { after, .. } => (ATTEMPTS, *after),
        _ => (ATTEMPTS_WHERE_REFUSED, None),
    };
    let again = retry(now, effect, asked);
    let since = effect.resent_at.unwrap_or(effect.at);
    if effect.attempts >= most || again > since.saturating_add(millis(DEADLINE)) {
        return Mark::Dead { error: why.to_owned() };
    }
    Mark::Again { at: again, error: why.to_owned() }
}

/// When the next attempt is made.
fn retry(now: Timestamp, effect: &OutboxRow, asked: Option<Timestamp>) -> i64 {
    let tried = usize::try_from(effect.attempts).unwrap_or_default();
    let after = RETRIES[tried.clamp(1, RETRIES.len()) - 1];
    let own = now.as_millisecond() + spread(millis(after), effect);
    asked.map_or(own, |asked| own.max(bounded(now, asked)))
}

fn bounded(now: Timestamp, asked: Timestamp) -> i64 {
    let (least, most) = RETRY_AFTER;
    let now = now.as_millisecond();
    asked.as_millisecond().clamp(now + millis(least), now + millis(most))
}

/// Nine tenths to eleven tenths of it, so that what failed together does not come back together.
fn spread(millis: i64, effect: &OutboxRow) -> i64 {
    let id = effect_id(effect);
    let digest = Digest::of_parts([id.as_bytes(), effect.attempts.to_be_bytes().as_slice()]);
    let draw = i64::from(u16::from_be_bytes([digest.bytes()[0], digest.bytes()[1]]));
    millis - millis / 10 + millis / 5 * draw / i64::from(u16::MAX)
}

/// How a destination fares after a turn that met with this.
pub(super) fn health(now: Timestamp, before: Health, met: &[Met]) -> Health {
    let at = now.as_millisecond();
    let asked = met.iter().filter_map(|met| match met {
        Met::Failed { after, .. } => after.map(|after| bounded(now, after)),
        _ => None,
    });
    let asked = asked.max().unwrap_or(0);
    if met.contains(&Met::Delivered) {
        return Health { rests_until: asked, ..Health::default() };
    }
    let failures = before.failures + 1;
    let turn = usize::try_from(failures).unwrap_or(RESTS.len()).clamp(1, RESTS.len());
    Health {
        failures,
        failing_since: Some(before.failing_since.unwrap_or(at)),
        rests_until: asked.max(at + millis(RESTS[turn - 1])),
    }
}

/// Why a destination is turned off, where it is.
pub(super) fn off(now: Timestamp, health: Health, met: &[Met]) -> Option<String> {
    if met.contains(&Met::Gone) {
        return Some("it answered 410: it is gone".to_owned());
    }
    let since = health.failing_since?;
    let days = millis(OFF) / (24 * HOUR * 1000);
    (now.as_millisecond() - since >= millis(OFF)).then(|| format!("nothing arrived there for {days} days"))
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(attempts: i64, at: i64) -> OutboxRow {
        OutboxRow {
            tenant: "acme".to_owned(),
            head: 7,
            place: 0,
            destination: "crm".to_owned(),
            at,
            lead: "L-1".to_owned(),
            number: 1,
            kind: "task".to_owned(),
            body: String::new(),
            state: "open".to_owned(),
            attempts,
            next_at: at,
            ended_at: None,
            error: None,
            resent_at: None,
        }
    }

    const NOW: i64 = 1_772_445_600_000;

    fn now() -> Timestamp {
        Timestamp::from_millisecond(NOW).expect("a time")
    }

    #[test]
    fn the_schedule() {
        let failed = Met::failed("it answered 500");
        for (attempts, after) in (1..).zip(RETRIES) {
            let Mark::Again { at, error } = mark(now(), &effect(attempts, NOW), &failed) else {
                panic!("attempt {attempts} was the last");
            };
            let (after, waits) = (millis(after), at - NOW);
            assert!((after * 9 / 10..=after * 11 / 10).contains(&waits), "{attempts}: {waits} of {after}");
            assert_eq!(error, "it answered 500");
        }
        let dead = |error: &str| Mark::Dead { error: error.to_owned() };
        assert_eq!(mark(now(), &effect(ATTEMPTS, NOW), &failed), dead("it answered 500"));
        assert_eq!(mark(now(), &effect(ATTEMPTS, NOW), &Met::Delivered), Mark::Done);

        // What is refused is given up soon.
        let refused = Met::Refused { why: "it answered 400".to_owned() };
        assert!(matches!(mark(now(), &effect(2, NOW), &refused), Mark::Again { .. }));
        assert_eq!(mark(now(), &effect(3, NOW), &refused), dead("it answered 400"));

        // What would come after the deadline does not come; sending it again starts anew.
        let old = NOW - millis(DEADLINE) + 10_000;
        assert!(matches!(mark(now(), &effect(1, old), &failed), Mark::Again { .. }));
        assert_eq!(mark(now(), &effect(2, old), &failed), dead("it answered 500"));
        let resent = OutboxRow { resent_at: Some(NOW), ..effect(2, old) };
        assert!(matches!(mark(now(), &resent, &failed), Mark::Again { .. }));
    }

    #[test]
    fn a_destination_may_ask_for_time() {
        let check = |asked: i64, expect: i64| {
            let after = Timestamp::from_second(NOW / 1000 + asked).ok();
            let met = Met::Failed { why: String::new(), after };
            let Mark::Again { at, .. } = mark(now(), &effect(1, NOW), &met) else { panic!("given up") };
            let rests = health(now(), Health::default(), &[met]).rests_until;
            assert_eq!((at - NOW) / 1000, expect, "{asked}");
            assert_eq!(rests - NOW, asked.clamp(1, HOUR) * 1000, "{asked}");
        };
        check(600, 600);
        check(7 * HOUR, HOUR);
        // Never sooner than the schedule has it.
        let Mark::Again { at, .. } = mark(now(), &effect(1, NOW), &Met::failed("")) else { panic!() };
        check(-5, (at - NOW) / 1000);
    }

    #[test]
    fn a_destination_that_fails_is_left_alone_longer_and_longer() {
        let failed = [Met::failed("")];
        let mut fares = Health::default();
        for rest in RESTS.into_iter().chain([RESTS[6]]) {
            fares = health(now(), fares, &failed);
            assert_eq!(fares.rests_until - NOW, millis(rest));
        }
        assert_eq!((fares.failures, fares.failing_since), (8, Some(NOW)));
        let some = [Met::failed(""), Met::Delivered];
        assert_eq!(health(now(), fares, &some), Health::default());
    }

    #[test]
    fn when_a_destination_is_turned_off() {
        let check = |met: Met, failing_for: Option<i64>, expect: Option<&str>| {
            let failing_since = failing_for.map(|hours| NOW - hours * HOUR * 1000);
            let fares = Health { failures: 1, failing_since, rests_until: 0 };
            assert_eq!(off(now(), fares, &[met]).as_deref(), expect);
        };
        check(Met::Gone, None, Some("it answered 410: it is gone"));
        check(Met::failed(""), Some(119), None);
        check(Met::failed(""), Some(120), Some("nothing arrived there for 5 days"));
    }
}
