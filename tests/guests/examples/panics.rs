//! Attack 13: breaks off after a host call, with words of its own.

use lanewright_sdk::*;

struct Guest;

impl Plugin for Guest {
    type Settings = NoSettings;
}

impl Scorer for Guest {
    fn score(
        host: &dyn Host,
        _: &Lead,
        _: &Verdict,
        _: &Context,
        candidates: &[Candidate],
    ) -> Result<Scores, Failure> {
        host.log(Level::Info, "about to break off");
        let beyond = candidates.len() + 7;
        Ok(Scores { factors: Vec::new(), rows: vec![candidates[beyond].load] })
    }
}

register!(Guest: scorer);
