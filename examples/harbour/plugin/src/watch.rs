//! The night watch: where an inquiry goes that nobody can simply take.
//!
//! A ship in trouble gets the next superintendent on watch, whatever went wrong before. A yacht whose
//! winter is far can wait on a list, if we are sure that it is one. Everything else is for people by day.

use lanewright_sdk::*;

use crate::classify::flag;
use crate::settings::Settings;
use crate::trade::{self, Work};
use crate::words::words;

/// What to do, in order of preference.
pub fn resolve(
    host: &dyn Host,
    settings: &Settings,
    lead: &Lead,
    verdict: Option<&Verdict>,
    cause: Cause,
) -> Vec<Action> {
    let queue = || Action::Hold(settings.queue.clone());
    let lane = verdict.and_then(|verdict| verdict.lane.as_deref());
    let sure = verdict.is_some_and(|verdict| verdict.confidence != Confidence::Low);
    let team =
        host.lanes().into_iter().find(|known| Some(known.id.as_str()) == lane).and_then(|lane| lane.team);

    if lane == Some(Work::Emergency.lane()) || flag(host, "detained") || is_alarm(settings, lead, cause) {
        let duty = || settings.duty_team.clone();
        return vec![Action::RoundRobin(duty()), Action::Manager(duty()), queue()];
    }
    if cause == Cause::Refused {
        return vec![Action::Hold(settings.front_desk.clone())];
    }
    let mut actions = Vec::new();
    if lane == Some(Work::Yacht.lane()) && sure && !settings.refit_months.contains(&month(lead.received_at)) {
        actions.push(Action::Nurture(settings.winter_list.clone()));
    }
    // A full team frees up by itself, and the queue drains as it does; any other cause needs a decision.
    if cause != Cause::AllAtCapacity {
        actions.extend(team.map(Action::Manager));
    }
    actions.push(queue());
    actions
}

/// Whether the words alone are an alarm, where no classifier of ours has read them.
fn is_alarm(settings: &Settings, lead: &Lead, cause: Cause) -> bool {
    let found = trade::listen(&words(&lead.text), &settings.alarm);
    let points: f32 =
        found.iter().filter(|found| found.work == Some(Work::Emergency)).map(|found| found.weight).sum();
    cause == Cause::PluginFailed && points >= 3.0
}

const DAY: u64 = 86_400_000;

/// The month, 1 to 12, of milliseconds since 1970: the days of a 400-year era counted from a 1st of March,
/// so that leap days come last.
fn month(at: u64) -> u8 {
    let day = (at / DAY + 719_468) % 146_097;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    ((from_march + 2) % 12 + 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::tests::{host, letter};

    const FEBRUARY: u64 = 1_771_000_000_000;
    const JUNE: u64 = 1_781_000_000_000;

    #[test]
    fn everything_goes_somewhere() {
        let verdict = |lane: Option<&str>, confidence| Verdict {
            lane: lane.map(str::to_owned),
            confidence,
            ranking: Vec::new(),
            intent: 0.0,
            signals: Vec::new(),
            complexity: None,
            reason: String::new(),
        };
        let check = |text: &str, at, lane: Option<&str>, confidence, cause, expect: &[Action]| {
            let lead = Lead { received_at: at, ..letter(text) };
            let verdict = verdict(lane, confidence);
            let found = resolve(&host(&[]), &Settings::default(), &lead, Some(&verdict), cause);
            assert_eq!(found, expect, "{text} {lane:?} {confidence:?} {cause:?}");
        };
        use Action::{Hold, Manager, Nurture, RoundRobin};
        use Confidence::{High, Low, Medium};
        let watch = ["response"; 2].map(str::to_owned);
        let [turn, boss] = watch;
        let watch = [RoundRobin(turn), Manager(boss), Hold("estimating".into())];
        let (desk, day) = (Hold("front-desk".into()), Hold("estimating".into()));

        check("", JUNE, Some("emergency"), High, Cause::AllAtCapacity, &watch);
        check("", JUNE, None, High, Cause::Refused, std::slice::from_ref(&desk));
        check("", JUNE, Some("drydock"), High, Cause::AllAtCapacity, std::slice::from_ref(&day));
        check("", JUNE, Some("survey"), Low, Cause::NoCandidate, &[Manager("docking".into()), day.clone()]);
        // A yacht waits for the winter, if it is one and the winter is far.
        let waits = Nurture("winter-list".into());
        check("", JUNE, Some("yacht"), Medium, Cause::AllAtCapacity, &[waits.clone(), day.clone()]);
        check(
            "",
            JUNE,
            Some("yacht"),
            High,
            Cause::NoCandidate,
            &[waits, Manager("yachts".into()), day.clone()],
        );
        check("", JUNE, Some("yacht"), Low, Cause::AllAtCapacity, std::slice::from_ref(&day));
        check("", FEBRUARY, Some("yacht"), High, Cause::AllAtCapacity, std::slice::from_ref(&day));
        // Where our classifier failed, the words themselves can still call the watch.
        check("We are aground!", JUNE, Some("yacht"), Low, Cause::PluginFailed, &watch);
        check(
            "Aground? Not urgent.",
            JUNE,
            Some("yacht"),
            Low,
            Cause::PluginFailed,
            &[Manager("yachts".into()), day],
        );
    }

    #[test]
    fn a_detained_ship_calls_the_watch_by_its_field() {
        let host = host(&[("detained", Value::Flag(true))]);
        let found = resolve(&host, &Settings::default(), &letter(""), None, Cause::Refused);
        assert_eq!(found[0], Action::RoundRobin("response".into()));
    }

    #[test]
    fn months() {
        let check = |at: u64, expect: u8| assert_eq!(month(at), expect, "{at}");
        check(0, 1);
        check(31 * DAY - 1, 1);
        check(31 * DAY, 2);
        check(FEBRUARY, 2);
        check(JUNE, 6);
        // The leap day of 2024, and the day behind it.
        check(1_709_164_800_000, 2);
        check(1_709_251_200_000, 3);
        check(1_767_225_599_999, 12);
    }
}
