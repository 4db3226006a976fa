"""Names the lane whose words an inquiry has most of."""

import json
from collections import Counter
from string import ascii_lowercase, ascii_uppercase

from wit_world import exports
from wit_world.exports.classifier import Policy
from wit_world.exports.setup import Issue
from wit_world.imports import log, settings
from wit_world.imports.types import Confidence, Lane, Lead, Ranked, Signal, Verdict

SCHEMA = {
    "type": "object",
    "required": ["words", "otherwise"],
    "additionalProperties": False,
    "properties": {
        "words": {
            "type": "object",
            "description": "words that speak for a lane",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "otherwise": {"type": "string", "description": "the lane of an inquiry with none of them"},
    },
}

# ASCII alone, so that every character stays where it is.
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Setup(exports.Setup):
    def schema(self) -> str:
        return json.dumps(SCHEMA)

    def check(self, settings: str, lanes: list[Lane]) -> list[Issue]:
        """Everything that is wrong at once, each with a JSON pointer."""
        given = json.loads(settings)
        known = {lane.id for lane in lanes}
        issues = [Issue(f"/{key}", "is no setting") for key in given if key not in SCHEMA["properties"]]
        for lane, words in given.get("words", {}).items():
            if lane not in known:
                issues.append(Issue(f"/words/{lane}", f"there is no lane {lane}"))
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                issues.append(Issue(f"/words/{lane}", "is no list of texts"))
        otherwise = given.get("otherwise")
        if otherwise not in known:
            issues.append(Issue("/otherwise", f"there is no lane {otherwise}"))
        return issues

    def prepare(self, settings: str, lanes: list[Lane]) -> bytes:
        return b""


class Classifier(exports.Classifier):
    def classify(self, lead: Lead, policy: Policy) -> Verdict:
        given = json.loads(settings.json())
        text = lead.text.translate(LOWER)
        signals: list[Signal] = []
        hits: Counter[str] = Counter()
        for lane, words in given["words"].items():
            for word in words:
                at = text.find(word.translate(LOWER))
                if at < 0:
                    continue
                hits[lane] += 1
                # Offsets of signals count bytes of UTF-8; Python counts characters.
                start = len(text[:at].encode())
                signals.append(Signal("word", word, start, start + len(word.encode())))
        signals.sort(key=lambda signal: signal.start)
        found = len(signals)
        log.write(log.Level.DEBUG, f"{found} words found")

        ranking = [Ranked(lane, count / (found + 1)) for lane, count in hits.most_common()]
        if found == 0 and policy == Policy.BEST_MATCH:
            ranking.append(Ranked(given["otherwise"], 0.0))
        if found == 0:
            confidence = Confidence.LOW
        else:
            confidence = Confidence.HIGH if found > 1 and len(hits) == 1 else Confidence.MEDIUM
        return Verdict(
            lane=ranking[0].lane if ranking else None,
            confidence=confidence,
            ranking=ranking,
            intent=float(min(40 + 20 * found, 100)),
            signals=signals,
            complexity=None,
            reason=f"{found} of the words are there" if found else "none of the words is there",
        )
