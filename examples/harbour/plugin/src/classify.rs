//! Everything weighed: a lane, or none where the letter asks for no work on a ship.
//!
//! ```text
//! words of the trade + the ship + where it came from + likeness to the lanes' definitions
//!     → points a lane → probabilities → verdict
//! ```
//!
//! "No work for a yard" takes part like a lane. It starts with a few points, so that a letter which says
//! nothing of ships is refused, and no lane has to be better than nothing by itself.

use lanewright_sdk::*;

use crate::settings::Settings;
use crate::ship::{self, Said, Size};
use crate::trade::{self, Found, Tells, Work};
use crate::words::{Word, words};

/// What "no work for a yard" starts with, in points.
const NOTHING: f32 = 1.2;
/// Points of a likeness of 1 to a lane's definition or to one of its examples.
const LIKENESS: f32 = 2.0;
/// Points of a fact that leaves little doubt, such as a ship that a port has detained.
const PLAIN: f32 = 3.0;
/// Points of a fact that leans one way.
const LEANING: f32 = 1.0;
/// Tons from which a ship is no yacht.
const MERCHANT: f32 = 1_000.0;
/// Metres up to which it may be one.
const PLEASURE: f32 = 90.0;

/// Probability from which a verdict is called high; below it medium, below [`MEDIUM`] low.
const HIGH: f32 = 0.85;
const MEDIUM: f32 = 0.6;
/// The most signals that are told.
const SIGNALS: usize = 32;

/// A lane that likeness is measured to: the beginning of the text is enough to know what it is about.
const ABOUT: usize = 2 << 10;

/// The lanes' definitions and examples as vectors, one after the other in the order of [`texts`].
pub fn prepare(host: &dyn Host, lanes: &[Lane]) -> Vec<u8> {
    host.embed(&texts(lanes)).into_iter().flat_map(f32::to_le_bytes).collect()
}

/// A lane's definition, then its examples; lane by lane.
fn texts(lanes: &[Lane]) -> Vec<String> {
    lanes.iter().flat_map(|lane| std::iter::once(&lane.definition).chain(&lane.examples)).cloned().collect()
}

/// The verdict.
pub fn classify(host: &dyn Host, settings: &Settings, lead: &Lead, policy: Policy) -> Verdict {
    let words = words(&lead.text);
    let heard = Heard {
        trade: trade::listen(&words, &settings.alarm),
        vessel: ship::vessel(&lead.text, &words),
        size: ship::size(&lead.text, &words),
        port: ship::port(&words, &settings.ports),
        deadline: ship::deadline(&lead.text, &words),
        detained: flag(host, "detained"),
        // A form asks for the ship's name or number: who fills it in has a ship.
        ship_named: text(host, "vessel").is_some() || text(host, "imo").is_some(),
    };
    let points = points(&heard, lead, &likeness(host, lead, &words));
    let chances = chances(&points);
    verdict(&heard, &points, chances, policy)
}

/// Everything that was found in a letter and beside it.
struct Heard<'t> {
    trade: Vec<Found<'t>>,
    vessel: Option<Said>,
    size: Option<(Size, Said)>,
    port: Option<Said>,
    deadline: Option<Said>,
    /// The custom field of this name says that a port holds the ship.
    detained: bool,
    /// A custom field names the ship.
    ship_named: bool,
}

/// Points of a lane, or of "no work for a yard".
type Points = [(Option<Work>, f32); 5];

fn points(heard: &Heard<'_>, lead: &Lead, likeness: &[(Work, f32)]) -> Points {
    let mut points: Points = [(None, NOTHING), (None, 0.0), (None, 0.0), (None, 0.0), (None, 0.0)];
    for (place, work) in Work::ALL.into_iter().enumerate() {
        points[place + 1] = (Some(work), 0.0);
    }
    let mut add = |work: Option<Work>, more: f32| {
        points.iter_mut().filter(|(known, _)| *known == work).for_each(|(_, sum)| *sum += more);
    };

    for found in &heard.trade {
        add(found.work, found.weight);
    }
    for (work, like) in likeness {
        add(Some(*work), LIKENESS * like.max(0.0));
    }
    if heard.detained {
        add(Some(Work::Emergency), PLAIN);
    }
    if lead.source == "duty-phone" {
        add(Some(Work::Emergency), PLAIN);
    }
    if lead.source == "yacht-broker" || lead.company.industry.as_deref() == Some("yacht") {
        add(Some(Work::Yacht), 2.0 * LEANING);
    }
    match heard.size {
        Some((Size::Tons(tons), _)) if tons >= MERCHANT => {
            add(Some(Work::Drydock), LEANING);
            add(Some(Work::Yacht), -PLAIN);
        }
        Some((Size::Metres(metres), _)) if metres <= PLEASURE => add(Some(Work::Yacht), 0.5 * LEANING),
        _ => {}
    }
    if heard.vessel.is_some() || heard.ship_named {
        add(None, -LEANING);
    }
    points
}

/// How like the letter is to each lane: to its definition or to one of its examples, whichever is nearest.
fn likeness(host: &dyn Host, lead: &Lead, words: &[Word]) -> Vec<(Work, f32)> {
    if words.is_empty() {
        return Vec::new();
    }
    let about = &lead.text[..lead.text.floor_char_boundary(ABOUT)];
    let letter = host.embed(&[about.to_owned()]);
    let known: Vec<f32> =
        host.prepared().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let mut vectors = known.chunks_exact(letter.len().max(1));
    let mut likeness = Vec::new();
    for lane in host.lanes() {
        let nearest = vectors
            .by_ref()
            .take(1 + lane.examples.len())
            .map(|vector| vector.iter().zip(&letter).map(|(a, b)| a * b).sum::<f32>())
            .fold(0.0, f32::max);
        if let Some(work) = Work::ALL.into_iter().find(|work| work.lane() == lane.id) {
            likeness.push((work, nearest));
        }
    }
    likeness
}

/// Points as probabilities, best first; they add up to 1.
fn chances(points: &Points) -> Points {
    let most = points.iter().map(|(_, sum)| *sum).fold(f32::NEG_INFINITY, f32::max);
    let mut chances = points.map(|(work, sum)| (work, (sum - most).exp()));
    let all: f32 = chances.iter().map(|(_, chance)| chance).sum();
    chances.iter_mut().for_each(|(_, chance)| *chance /= all);
    chances.sort_by(|a, b| b.1.total_cmp(&a.1));
    chances
}

fn verdict(heard: &Heard<'_>, points: &Points, chances: Points, policy: Policy) -> Verdict {
    let (best, chance) = match policy {
        Policy::Strict => chances[0],
        // Some lane always wins: the likeliest of them, among themselves.
        Policy::BestMatch => {
            let lanes = chances.iter().filter(|(work, _)| work.is_some());
            let all: f32 = lanes.clone().map(|(_, chance)| chance).sum();
            lanes.clone().next().map_or(chances[0], |(work, chance)| (*work, chance / all))
        }
    };
    let ranking = chances
        .iter()
        .filter_map(|(work, score)| Some(Ranked { lane: work.as_ref()?.lane().to_owned(), score: *score }))
        .collect();
    Verdict {
        lane: best.map(|work| work.lane().to_owned()),
        confidence: confidence(heard, best, chance),
        ranking,
        intent: intent(heard, best),
        signals: signals(heard),
        complexity: None,
        reason: reason(heard, points, best),
    }
}

/// As sure as the words make us: a letter without a word of the trade that speaks for what was chosen is
/// never more than a guess.
fn confidence(heard: &Heard<'_>, best: Option<Work>, chance: f32) -> Confidence {
    let spoken = heard.trade.iter().any(|found| found.work == best && found.weight > 0.0)
        || (best == Some(Work::Emergency) && heard.detained);
    match chance {
        _ if !spoken => Confidence::Low,
        HIGH.. => Confidence::High,
        MEDIUM.. => Confidence::Medium,
        _ => Confidence::Low,
    }
}

/// How near to an order it is: who names ship, work and date has planned; who cannot sail has no choice.
fn intent(heard: &Heard<'_>, best: Option<Work>) -> f32 {
    let Some(work) = best else { return 0.0 };
    let base: f32 = if work == Work::Emergency { 60.0 } else { 25.0 };
    let facts = [
        (heard.deadline.is_some(), 20.0),
        (heard.vessel.is_some() || heard.ship_named, 10.0),
        (heard.size.is_some(), 10.0),
        (heard.port.is_some(), 5.0),
        (heard.trade.iter().any(|found| found.tells == Tells::Service), 15.0),
    ];
    let more: f32 = facts.into_iter().filter(|(is, _)| *is).map(|(_, points)| points).sum();
    (base + more).min(100.0)
}

/// What of the text speaks for it, in the order of the text.
fn signals(heard: &Heard<'_>) -> Vec<Signal> {
    let said = |kind: &str, said: &Said| Signal {
        kind: kind.to_owned(),
        value: said.value.clone(),
        start: said.start as u32,
        end: said.end as u32,
    };
    let mut signals: Vec<Signal> = Vec::new();
    signals.extend(heard.vessel.iter().map(|vessel| said("vessel", vessel)));
    signals.extend(heard.size.iter().map(|(_, size)| said("size", size)));
    signals.extend(heard.port.iter().map(|port| said("port", port)));
    signals.extend(heard.deadline.iter().map(|deadline| said("deadline", deadline)));
    for found in &heard.trade {
        let kind = match found.tells {
            Tells::Pain => "pain",
            Tells::Service => "product",
            Tells::Leaning => continue,
        };
        let (start, end) = (found.start as u32, found.end as u32);
        signals.push(Signal { kind: kind.to_owned(), value: found.phrase.replace('*', ""), start, end });
    }
    signals.sort_by_key(|signal| (signal.start, signal.end));
    signals.truncate(SIGNALS);
    signals
}

/// One sentence for a person: the words that spoke loudest.
fn reason(heard: &Heard<'_>, points: &Points, best: Option<Work>) -> String {
    let mut spoke: Vec<&Found<'_>> =
        heard.trade.iter().filter(|found| found.work == best && found.weight > 0.0).collect();
    spoke.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.start.cmp(&b.start)));
    let mut facts: Vec<String> = Vec::new();
    if best == Some(Work::Emergency) && heard.detained {
        facts.push("the ship is detained".to_owned());
    }
    facts.extend(spoke.iter().take(3).map(|found| format!("\"{}\"", found.phrase.replace('*', ""))));
    let name = match best {
        None => "no work for a yard",
        Some(Work::Emergency) => "a ship in trouble",
        Some(Work::Drydock) => "a docking planned ahead",
        Some(Work::Survey) => "an inspection",
        Some(Work::Yacht) => "a yacht",
    };
    if facts.is_empty() {
        let sum = points.iter().find(|(work, _)| *work == best).map_or(0.0, |(_, sum)| *sum);
        return format!("{name}, by likeness alone ({sum:.1} points)");
    }
    format!("{name}: {}", facts.join(", "))
}

/// A custom field that is yes or no.
pub fn flag(host: &dyn Host, name: &str) -> bool {
    matches!(host.field(name), Some(Value::Flag(true)))
}

fn text(host: &dyn Host, name: &str) -> Option<String> {
    match host.field(name) {
        Some(Value::Text(text)) if !text.trim().is_empty() && text != "unknown" => Some(text),
        _ => None,
    }
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The yard's lanes, in few words.
    pub fn lanes() -> Vec<Lane> {
        let lane = |id: &str, team: &str| Lane {
            id: id.to_owned(),
            name: id.to_owned(),
            definition: format!("about {id}"),
            examples: Vec::new(),
            team: Some(team.to_owned()),
        };
        vec![
            lane("emergency", "response"),
            lane("drydock", "docking"),
            lane("survey", "docking"),
            lane("yacht", "yachts"),
        ]
    }

    /// A letter without anything but text.
    pub fn letter(text: &str) -> Lead {
        Lead { id: "l".to_owned(), source: "email".to_owned(), text: text.to_owned(), ..Lead::default() }
    }

    /// A host whose text model knows nothing, so that words alone speak.
    pub fn host(fields: &[(&str, Value)]) -> TestHost {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        TestHost {
            lanes: lanes(),
            fields: fields.collect::<BTreeMap<_, _>>(),
            embedding: |_| vec![0.0; 4],
            ..TestHost::default()
        }
    }

    fn ask(host: &TestHost, lead: &Lead, policy: Policy) -> Verdict {
        let settings = Settings { ports: vec!["Sines".to_owned()], ..Settings::default() };
        let verdict = classify(host, &settings, lead, policy);
        // What any host asks of an answer.
        let all: f32 = verdict.ranking.iter().map(|ranked| ranked.score).sum();
        assert!(all <= 1.001 && verdict.ranking.is_sorted_by(|a, b| a.score >= b.score), "{verdict:?}");
        assert!((0.0..=100.0).contains(&verdict.intent));
        for signal in &verdict.signals {
            let stretch = lead.text.get(signal.start as usize..signal.end as usize);
            assert!(stretch.is_some_and(|stretch| !stretch.is_empty()), "{signal:?}");
        }
        verdict
    }

    #[test]
    fn letters_find_their_lane() {
        use Confidence::{High, Low, Medium};
        let check = |text: &str, lane: Option<&str>, confidence: Confidence| {
            let found = ask(&host(&[]), &letter(text), Policy::Strict);
            assert_eq!((found.lane.as_deref(), found.confidence), (lane, confidence), "{text}: {found:?}");
        };
        check(
            "MT Corvina, main engine failure off Sines, tug on the way. Riding squad?",
            Some("emergency"),
            High,
        );
        check("Please quote the docking specification, tailshaft and blasting.", Some("drydock"), High);
        check("Annual class survey in April, tanks and gaugings.", Some("survey"), High);
        check("My client's 34 m ketch needs a teak deck and standing rigging.", Some("yacht"), High);
        check("price docking??", Some("drydock"), Low);
        check("Docking of MV Ada, please quote", Some("drydock"), Medium);
        check("I am a welder and look for work. My CV is attached.", None, High);
        check("FIRST PAGE OF GOOGLE GUARANTEED!!!", None, High);
        check("We manufacture marine coatings, best price", None, High);
        check("What is the weather?", None, Low);
        check("", None, Low);
    }

    #[test]
    fn fields_and_sources_speak_too() {
        let check = |text: &str, source: &str, fields: &[(&str, Value)], lane: Option<&str>| {
            let lead = Lead { source: source.to_owned(), ..letter(text) };
            assert_eq!(ask(&host(fields), &lead, Policy::Strict).lane.as_deref(), lane, "{text} {source}");
        };
        check("Who can help?", "email", &[], None);
        check("Who can help?", "email", &[("detained", Value::Flag(true))], Some("emergency"));
        check("Who can help?", "email", &[("detained", Value::Flag(false))], None);
        check("Who can help?", "duty-phone", &[], Some("emergency"));
        check("Who can help?", "yacht-broker", &[], Some("yacht"));
        // A bulker of the same words is no yacht.
        check("57,000 dwt, teak deck, docking", "email", &[], Some("drydock"));
        check("22 m, teak deck, docking", "email", &[], Some("yacht"));
    }

    #[test]
    fn best_match_never_refuses() {
        for text in ["", "?", "FIRST PAGE OF GOOGLE GUARANTEED!!!", "My CV is attached"] {
            let found = ask(&host(&[]), &letter(text), Policy::BestMatch);
            assert!(found.lane.is_some() && found.confidence == Confidence::Low, "{text}: {found:?}");
        }
    }

    #[test]
    fn signals_quote_the_text() {
        let text = "MV Ada, 57,000 dwt, Sines: tailshaft before Easter, engine failure";
        let found = ask(&host(&[]), &letter(text), Policy::Strict);
        let quoted: Vec<_> = found
            .signals
            .iter()
            .map(|s| (s.kind.as_str(), &text[s.start as usize..s.end as usize]))
            .collect();
        assert_eq!(
            quoted,
            [
                ("vessel", "MV Ada"),
                ("size", "57,000 dwt"),
                ("port", "Sines"),
                ("product", "tailshaft"),
                ("deadline", "before Easter"),
                ("pain", "engine failure"),
            ]
        );
    }

    #[test]
    fn likeness_to_a_definition_counts() {
        // A model that knows one word.
        let embedding = |text: &str| vec![if text.contains("survey") { 1.0 } else { 0.0 }, 0.0];
        let mut host = TestHost { embedding, ..host(&[]) };
        host.prepared = prepare(&host, &host.lanes);
        let found = ask(&host, &letter("surveyor wanted on MV Ada"), Policy::Strict);
        assert_eq!(found.lane.as_deref(), Some("survey"));
    }
}
