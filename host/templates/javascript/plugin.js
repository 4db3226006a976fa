// Names the lane whose words an inquiry has most of.

import { json } from 'lanewright:plugin/settings@0.2.0';
import { write } from 'lanewright:plugin/log@0.2.0';

const SCHEMA = {
  type: 'object',
  required: ['words', 'otherwise'],
  additionalProperties: false,
  properties: {
    words: {
      type: 'object',
      description: 'words that speak for a lane',
      additionalProperties: { type: 'array', items: { type: 'string' } },
    },
    otherwise: { type: 'string', description: 'the lane of an inquiry with none of them' },
  },
};

export const setup = {
  schema: () => JSON.stringify(SCHEMA),

  // Everything that is wrong at once, each with a JSON pointer.
  check(settings, lanes) {
    const { words = {}, otherwise, ...others } = JSON.parse(settings);
    const unknown = (lane) => !lanes.some(({ id }) => id === lane);
    const issues = Object.keys(others).map((key) => ({ path: `/${key}`, message: 'is no setting' }));
    for (const [lane, list] of Object.entries(words)) {
      if (unknown(lane)) issues.push({ path: `/words/${lane}`, message: `there is no lane ${lane}` });
      if (!Array.isArray(list) || !list.every((word) => typeof word === 'string')) {
        issues.push({ path: `/words/${lane}`, message: 'is no list of texts' });
      }
    }
    if (unknown(otherwise)) issues.push({ path: '/otherwise', message: `there is no lane ${otherwise}` });
    return issues;
  },

  prepare: () => new Uint8Array(),
};

export const classifier = {
  classify(lead, policy) {
    const { words, otherwise } = JSON.parse(json());
    const text = lower(lead.text);
    const signals = [];
    const hits = new Map();
    for (const [lane, list] of Object.entries(words)) {
      for (const value of list) {
        const at = text.indexOf(lower(value));
        if (at < 0) continue;
        hits.set(lane, (hits.get(lane) ?? 0) + 1);
        const start = bytes(text.slice(0, at));
        signals.push({ kind: 'word', value, start, end: start + bytes(value) });
      }
    }
    signals.sort((a, b) => a.start - b.start);
    const found = signals.length;
    write('debug', `${found} words found`);

    const ranking = [...hits].map(([lane, hits]) => ({ lane, score: hits / (found + 1) }));
    ranking.sort((a, b) => b.score - a.score);
    if (found === 0 && policy === 'best-match') ranking.push({ lane: otherwise, score: 0 });
    return {
      lane: ranking[0]?.lane,
      confidence: found === 0 ? 'low' : found > 1 && hits.size === 1 ? 'high' : 'medium',
      ranking,
      intent: Math.min(40 + 20 * found, 100),
      signals,
      reason: found === 0 ? 'none of the words is there' : `${found} of the words are there`,
    };
  },
};

// Offsets of signals count bytes of UTF-8; JavaScript counts units of UTF-16.
const bytes = (text) => new TextEncoder().encode(text).length;

// ASCII alone, so that every character stays where it is.
const lower = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
