//! From an inquiry to a verdict.
//!
//! Text → words and phrases → one embedding call → a row of features → probabilities → band, signals,
//! reason. Three sources of probability, one answer: the standard head for standard lanes, pairs of
//! text and definition for lanes a tenant invents, and the tenant's own head once it has examples.

use lanewright_sdk::{Confidence, Failure, Lead, Policy, Ranked, Signal, Verdict};

use crate::features::{DIMENSIONS, Reading, spoken};
use crate::head::softmax;
use crate::ngrams;
use crate::pack::{NO_LANE, Pack, STANDARD_CLASSES, STANDARD_LANES};
use crate::pairs::{self, FEATURES, Text};
use crate::prepare::{Embed, Meanings, Prepared, embed, own_row};
use crate::signals;

/// How much definitions still say beside a tenant's own examples.
const DEFINITION_SHARE: f32 = 0.25;
/// How much a tenant's own examples of the standard lanes say beside the standard head.
const EXAMPLE_SHARE: f32 = 0.4;

/// Says which lane an inquiry belongs to.
///
/// # Errors
/// Where the host's text model is not the one the classifier was trained with.
pub fn classify(
    prepared: &Prepared,
    pack: &Pack,
    lead: &Lead,
    policy: Policy,
    model: Embed,
) -> Result<Verdict, Failure> {
    let reading = Reading::of(lead, &pack.lexicon);
    let mut texts = vec![reading.whole().to_owned()];
    if prepared.meanings.is_some() {
        let clauses = pairs::clauses(&reading);
        texts.extend(clauses.into_iter().map(|(start, end)| lead.text[start..end].to_owned()));
    }
    let vectors = embed(model, &texts)?;
    let row = pack.layout.row(&reading, &pack.lexicon, &vectors[..DIMENSIONS]);

    let standard = pack.lanes(&row).map(|score| score * pack.sharpness);
    let own = prepared.meanings.as_ref().map(|meanings| own_scores(meanings, &reading, &vectors, pack));
    let (shares, outside) = blend(prepared, &standard, own);
    let mut intents = pack.intents(&row);
    softmax(&mut intents);

    let leaning =
        (0..STANDARD_CLASSES).max_by(|&a, &b| standard[a].total_cmp(&standard[b])).unwrap_or(NO_LANE);
    let signals =
        signals::of(&reading, &pack.lexicon, prepared.own.as_ref(), STANDARD_LANES.get(leaning).copied());
    let mut answer = decide(prepared, shares, outside, policy);
    if reading.words.tokens.is_empty() {
        // Nothing was said: whatever the fields suggest, a person looks.
        answer.confidence = Confidence::Low;
    }
    let reason = reason(prepared, &answer, &signals, &lead.text);
    Ok(Verdict {
        lane: answer.lane.map(|lane| prepared.lanes[lane].id.to_owned()),
        confidence: answer.confidence,
        ranking: answer
            .ranking
            .iter()
            .map(|&(lane, score)| Ranked { lane: prepared.lanes[lane].id.to_owned(), score })
            .collect(),
        intent: (intents[2] + 0.5 * intents[1]).clamp(0.0, 1.0) * 100.0,
        signals,
        complexity: None,
        reason,
    })
}

/// Scores of every lane from its definition, and from its examples where it has enough.
fn own_scores(meanings: &Meanings, reading: &Reading, vectors: &[f32], pack: &Pack) -> Vec<f32> {
    let counts = ngrams::counts(reading.whole());
    let spelling = ngrams::weighted(&counts, |bucket| meanings.rarity.at(bucket));
    let text = Text::new(reading, vectors, &spelling, spoken(reading, &pack.lexicon), &pack.lexicon);
    let mut scores: Vec<f32> = meanings
        .definitions
        .iter()
        .map(|definition| {
            let features = definition.compare(&text);
            (0..FEATURES).map(|at| features[at] * pack.pairs.at(at)).sum()
        })
        .collect();
    if !meanings.head.is_empty() {
        let row = own_row(&vectors[..DIMENSIONS], &spelling);
        for (score, line) in scores.iter_mut().zip(&meanings.head) {
            let learnt: f32 = row.iter().map(|&(at, value)| line.at(at as usize) * value).sum();
            *score = *score * DEFINITION_SHARE + learnt;
        }
    }
    scores
}

/// Shares of the lanes, adding up to 1, and the probability that the inquiry belongs to none.
fn blend(prepared: &Prepared, standard: &[f32; STANDARD_CLASSES], own: Option<Vec<f32>>) -> (Vec<f32>, f32) {
    let classes: Vec<Option<usize>> = prepared.lanes.iter().map(|lane| lane.standard).collect();
    let among = |scores: &[f32; STANDARD_CLASSES]| {
        let mut shares: Vec<f32> =
            classes.iter().map(|class| class.map_or(f32::NEG_INFINITY, |class| scores[class])).collect();
        if classes.iter().any(Option::is_some) {
            softmax(&mut shares);
        }
        shares
    };
    // What the standard head calls none is weighed against the lanes this tenant has.
    let mut with_none: Vec<f32> = classes.iter().flatten().map(|&class| standard[class]).collect();
    with_none.push(standard[NO_LANE]);
    softmax(&mut with_none);
    let outside = with_none.last().copied().unwrap_or(0.0);

    let Some(mut own) = own else { return (among(standard), outside) };
    let learnt = prepared.meanings.as_ref().is_some_and(|meanings| !meanings.head.is_empty());
    if classes.iter().all(Option::is_some) {
        // Standard lanes with examples: both heads speak.
        let most = own.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (score, class) in own.iter_mut().zip(&classes) {
            *score = (*score - most) * EXAMPLE_SHARE + class.map_or(0.0, |class| standard[class]);
        }
        softmax(&mut own);
        return (own, outside);
    }
    softmax(&mut own);
    if learnt || classes.iter().all(Option::is_none) {
        return (own, 0.0);
    }
    // Invented lanes take what their definitions earn; the standard head divides the rest.
    let invented: f32 =
        own.iter().zip(&classes).filter(|(_, class)| class.is_none()).map(|(share, _)| share).sum();
    let shares = among(standard)
        .into_iter()
        .zip(own)
        .zip(&classes)
        .map(|((known, own), class)| if class.is_some() { known * (1.0 - invented) } else { own })
        .collect();
    (shares, outside * (1.0 - invented))
}

struct Answer {
    lane: Option<usize>,
    confidence: Confidence,
    ranking: Vec<(usize, f32)>,
    outside: f32,
}

fn decide(prepared: &Prepared, shares: Vec<f32>, outside: f32, policy: Policy) -> Answer {
    let strict = matches!(policy, Policy::Strict);
    let kept = if strict { 1.0 - outside } else { 1.0 };
    let mut ranking: Vec<(usize, f32)> =
        shares.into_iter().map(|share| (share * kept).clamp(0.0, 1.0)).enumerate().collect();
    ranking.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    // Rounding must not let the sum pass 1.
    let sum: f32 = ranking.iter().map(|(_, share)| share).sum();
    if sum > 1.0 {
        ranking.iter_mut().for_each(|(_, share)| *share *= (1.0 - 1e-6) / sum);
    }
    let best = ranking.first().map_or(0.0, |(_, share)| *share);
    let next = ranking.get(1).map_or(0.0, |(_, share)| *share);
    let weak = prepared.meanings.is_some() && best < prepared.refuse_below;
    // What strict would refuse: more likely outside them all than in the best of them.
    let stranger = outside > best * if strict { 1.0 } else { 1.0 - outside };
    let refused = strict && (stranger || weak);
    let (sure, rival) = match (refused, strict) {
        (true, _) => (outside, best),
        (false, true) => (best, next.max(outside)),
        (false, false) => (best, next),
    };
    let confidence = match band(prepared, sure, sure - rival) {
        // Best-match names the closest lane all the same, and a person looks.
        _ if stranger && !strict => Confidence::Low,
        band => band,
    };
    let lane = if refused { None } else { ranking.first().map(|(lane, _)| *lane) };
    Answer { lane, confidence, ranking, outside }
}

fn band(prepared: &Prepared, sure: f32, lead: f32) -> Confidence {
    if sure >= prepared.high && lead >= prepared.margin {
        Confidence::High
    } else if sure >= prepared.medium && lead >= prepared.margin / 2.0 {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

/// One sentence for a person: the lane, how sure, what in the text speaks for it, and the runner-up.
fn reason(prepared: &Prepared, answer: &Answer, signals: &[Signal], text: &str) -> String {
    let percent = |share: f32| (share * 100.0).round() as u32;
    let name = |lane: usize| {
        let lane = &prepared.lanes[lane];
        if lane.name.trim().is_empty() { lane.id } else { lane.name }
    };
    let mut quotes: Vec<String> = Vec::new();
    let telling = signals.iter().filter(|signal| signal.kind != "product" && signal.kind != "deadline");
    for signal in telling {
        let words =
            text[signal.start as usize..signal.end as usize].split_whitespace().collect::<Vec<_>>().join(" ");
        let quote = format!("“{}”", pairs::cut(&words, 60));
        if quotes.len() < 3 && !quotes.contains(&quote) {
            quotes.push(quote);
        }
    }
    let because = match quotes.as_slice() {
        [] => "going by the wording as a whole".to_owned(),
        quotes => format!("it says {}", quotes.join(", ")),
    };
    let next = answer.ranking.iter().find(|(lane, _)| Some(*lane) != answer.lane);
    match (answer.lane, answer.ranking.first()) {
        (Some(lane), Some((_, share))) => {
            let rival = next.map_or(String::new(), |(lane, share)| {
                format!("; next is {} at {} %", name(*lane), percent(*share))
            });
            format!("{} at {} %: {because}{rival}.", name(lane), percent(*share))
        }
        (None, Some((lane, share))) => format!(
            "No lane fits ({} % outside them all); the closest is {} at {} %.",
            percent(answer.outside),
            name(*lane),
            percent(*share)
        ),
        _ => "There are no lanes.".to_owned(),
    }
}
