//! The words of the trade, and what each speaks for.
//!
//! A weight is in points of the classifier's scale: one point makes a lane about three times as likely.
//! Start with ones and twos, look at the explanations of inquiries that went wrong, and move a word or two.

use crate::words::{Phrase, Word};

/// What a yard does: a lane of the tenant each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// A ship that cannot sail.
    Emergency,
    /// A docking planned ahead.
    Drydock,
    /// An inspection without a docking.
    Survey,
    /// Pleasure, not trade.
    Yacht,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Emergency, Self::Drydock, Self::Survey, Self::Yacht];

    /// The lane's id in `tenant.toml`.
    pub fn lane(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Drydock => "drydock",
            Self::Survey => "survey",
            Self::Yacht => "yacht",
        }
    }
}

/// What a word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// What hurts: a signal `pain`.
    Pain,
    /// What they want done: a signal `product`.
    Service,
    /// Nothing to show, but it leans one way.
    Leaning,
}

/// A word of the trade, found in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'t> {
    /// What it speaks for; `None` speaks for "no work for a yard".
    pub work: Option<Work>,
    /// How strongly, in points.
    pub weight: f32,
    /// What it tells.
    pub tells: Tells,
    /// The phrase as written here.
    pub phrase: &'t str,
    /// Bytes into the text.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// Points of a word that the tenant's settings call an alarm.
const ALARM: f32 = 3.0;

/// Every word of the trade in a text, each phrase once, where it stands first.
pub fn listen<'t>(words: &[Word], alarm: &'t [String]) -> Vec<Found<'t>> {
    let own = alarm.iter().map(|phrase| (Some(Work::Emergency), ALARM, Tells::Pain, phrase.as_str()));
    let known = TRADE.iter().flat_map(|(work, weight, tells, phrases)| {
        phrases.iter().map(move |phrase| (*work, *weight, *tells, *phrase))
    });
    let mut found: Vec<Found<'t>> = Vec::new();
    for (work, weight, tells, phrase) in own.chain(known) {
        let Some((first, last)) = Phrase::new(phrase).places(words).next() else { continue };
        let (start, end) = (first.start, last.end);
        // "Engine failure" of the settings and of the list below is one failure, not two.
        if !found.iter().any(|other| other.work == work && start < other.end && other.start < end) {
            found.push(Found { work, weight, tells, phrase, start, end });
        }
    }
    found
}

/// What phrases speak for, how strongly, and what they tell; longer phrases stand before their parts.
type Entry = (Option<Work>, f32, Tells, &'static [&'static str]);

const TRADE: &[Entry] = &[
    // What says that nothing burns.
    (Some(Work::Emergency), -4.0, Tells::Leaning, &["not urgent", "no hurry", "no rush", "nicht eilig"]),
    // A ship that cannot sail.
    (
        Some(Work::Emergency),
        3.0,
        Tells::Pain,
        &[
            "main engine failure",
            "engine failure",
            "engine down",
            "blackout",
            "steering failure",
            "lost steering",
            "aground",
            "grounding",
            "collision",
            "taking water",
            "flooding",
            "leak*",
            "adrift",
            "drifting",
            "detained",
            "detention",
            "fouled propeller",
            "rope in the propeller",
            "cannot sail",
            "can not sail",
            "manövrierunfähig",
            "festgehalten",
            "à la dérive",
            "avería",
            "sem propulsão",
            "detido",
        ],
    ),
    (
        Some(Work::Emergency),
        1.5,
        Tells::Pain,
        &[
            "port state control",
            "condition of class",
            "fire pump",
            "lifeboat falls",
            "broken down",
            "crankcase",
        ],
    ),
    (
        Some(Work::Emergency),
        1.5,
        Tells::Leaning,
        &[
            "riding squad",
            "divers",
            "tonight",
            "urgent*",
            "at once",
            "immediately",
            "next sailing",
            "under tow",
            "tug on the way",
        ],
    ),
    // A docking planned ahead.
    (
        Some(Work::Drydock),
        2.5,
        Tells::Service,
        &[
            "docking specification",
            "special survey docking",
            "dry dock*",
            "drydock*",
            "tailshaft",
            "blasting",
            "full blast",
            "steel renewal",
            "tank coating",
            "ballast water",
            "scrubber*",
            "abgaswäscher*",
            "propeller polishing",
            "werft*",
        ],
    ),
    (
        Some(Work::Drydock),
        1.5,
        Tells::Service,
        &[
            "docking",
            "dockzeit*",
            "special survey",
            "t of steel",
            "two coats",
            "nachrüstung",
            "retrofit*",
            "doca seca",
            "dique seco",
            "cale sèche",
        ],
    ),
    (
        Some(Work::Drydock),
        0.7,
        Tells::Leaning,
        &["window", "quotation", "please quote", "budget price", "budgetpreis", "delivered"],
    ),
    // An inspection without a docking.
    (
        Some(Work::Survey),
        2.5,
        Tells::Service,
        &[
            "condition survey",
            "class survey",
            "annual survey",
            "intermediate survey",
            "thickness measurement*",
            "gauging*",
            "utm",
            "in water survey",
            "in lieu of dry docking",
            "tank inspection",
            "lifting gear",
            "pre purchase",
            "inspeção",
            "inspección",
        ],
    ),
    (
        Some(Work::Survey),
        0.8,
        Tells::Leaning,
        &["about to buy", "are buying", "inspect*", "survey*", "certificate*", "our bank"],
    ),
    // Pleasure, not trade.
    (
        Some(Work::Yacht),
        2.5,
        Tells::Leaning,
        &["yacht*", "ketch", "sloop", "schooner", "superyacht*", "sailing boat", "catamaran"],
    ),
    (
        Some(Work::Yacht),
        2.0,
        Tells::Service,
        &[
            "teak*",
            "standing rigging",
            "rigging",
            "refit",
            "faired",
            "fairing",
            "varnish*",
            "stabilisers",
            "upholstery",
            "lay up",
            "repaint",
        ],
    ),
    (
        Some(Work::Yacht),
        0.7,
        Tells::Leaning,
        &["marina", "pontoon", "relaunch*", "captain of a", "my client*", "finish"],
    ),
    // No work for a yard: people who look for work, who sell, and who cast nets.
    (
        None,
        3.0,
        Tells::Leaning,
        &[
            "my cv",
            "cv is attached",
            "look for work",
            "looking for work",
            "apply for",
            "job application",
            "vacancy",
            "lebenslauf",
            "curriculum",
        ],
    ),
    (
        None,
        3.0,
        Tells::Leaning,
        &[
            "first page of google",
            "seo",
            "your website",
            "free audit",
            "guaranteed",
            "crypto*",
            "backlinks",
            "unsubscribe",
        ],
    ),
    (
        None,
        2.5,
        Tells::Leaning,
        &[
            "we manufacture",
            "we offer",
            "offer best price",
            "best price",
            "your esteemed",
            "purchasing manager*",
            "our catalogue",
            "your purchasing",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn words_speak_for_lanes() {
        let check = |text: &str, alarm: &[&str], expect: &[(Option<Work>, &str)]| {
            let alarm: Vec<String> = alarm.iter().map(|phrase| (*phrase).to_owned()).collect();
            let found = listen(&words(text), &alarm);
            let found: Vec<_> = found.iter().map(|f| (f.work, &text[f.start..f.end])).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("Main engine failure off Sines", &[], &[(Some(Work::Emergency), "Main engine failure")]);
        // One failure, however many lists know it.
        check("ENGINE FAILURE", &["engine failure"], &[(Some(Work::Emergency), "ENGINE FAILURE")]);
        check("Kraken attack", &["kraken"], &[(Some(Work::Emergency), "Kraken")]);
        check("teak, teak, teak", &[], &[(Some(Work::Yacht), "teak")]);
        check("We manufacture teak", &[], &[(Some(Work::Yacht), "teak"), (None, "We manufacture")]);
        check("What is the weather?", &[], &[]);
    }

    #[test]
    fn every_phrase_is_heard_as_it_is_written() {
        for (_, weight, _, phrases) in TRADE {
            assert!(weight.is_finite() && *weight != 0.0);
            for phrase in *phrases {
                assert_eq!(phrase.to_lowercase(), *phrase);
                let text = phrase.replace('*', "");
                assert_eq!(Phrase::new(phrase).places(&words(&text)).count(), 1, "{phrase}");
            }
        }
    }
}
