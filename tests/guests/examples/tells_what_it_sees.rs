//! Says in its answers what the newest interface tells it.

use lanewright_sdk::*;

struct Guest;

impl Plugin for Guest {
    type Settings = NoSettings;
}

impl Classifier for Guest {
    fn classify(host: &dyn Host, lead: &Lead, _: Policy) -> Result<Verdict, Failure> {
        let fields = host.fields(&["seats".to_owned(), "nothing".to_owned(), "seats".to_owned()]);
        let verdict = lanewright_guests::verdict(host, format!("{:?} {fields:?}", lead.kind));
        Ok(Verdict { complexity: (lead.kind == Kind::Deal).then_some(0.875), ..verdict })
    }
}

impl Scorer for Guest {
    fn score(
        host: &dyn Host,
        _: &Lead,
        verdict: &Verdict,
        context: &Context,
        candidates: &[Candidate],
    ) -> Result<Scores, Failure> {
        let said = format!("{:?} {} {:?}", verdict.complexity, context.tier, context.segments);
        host.log(Level::Info, &said);
        let factors = vec![Factor { name: "all alike".to_owned(), weight: 1.0 }];
        Ok(Scores { factors, rows: vec![50.0; candidates.len()] })
    }
}

impl Fallback for Guest {
    fn resolve(
        _: &dyn Host,
        _: &Lead,
        verdict: Option<&Verdict>,
        situation: &Situation,
    ) -> Result<Vec<Action>, Failure> {
        let complexity = verdict.and_then(|verdict| verdict.complexity);
        Ok(vec![Action::Hold(format!("{situation:?} {complexity:?}"))])
    }
}

register!(Guest: classifier, scorer, fallback);
