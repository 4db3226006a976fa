// The interface `lanewright:plugin` in TypeScript: types of what a plugin imports and exports.
// Made by `jco guest-types` 1.15.4 from wit/; replaced with the interface, not edited.

declare module 'lanewright:plugin/types@0.2.0' {
  /**
   * The value of a custom CRM field.
   */
  export type Value = ValueText | ValueNumber | ValueFlag | ValueInstant | ValueTexts;
  export interface ValueText {
    tag: 'text',
    val: string,
  }
  export interface ValueNumber {
    tag: 'number',
    val: number,
  }
  export interface ValueFlag {
    tag: 'flag',
    val: boolean,
  }
  /**
   * Milliseconds since the Unix epoch, UTC.
   */
  export interface ValueInstant {
    tag: 'instant',
    val: bigint,
  }
  export interface ValueTexts {
    tag: 'texts',
    val: Array<string>,
  }
  export interface Field {
    name: string,
    value: Value,
  }
  export interface Contact {
    name?: string,
    email?: string,
    title?: string,
    /**
     * BCP 47, such as `pt-BR`.
     */
    language?: string,
    /**
     * IANA name, such as `Europe/Lisbon`.
     */
    timezone?: string,
  }
  export interface Company {
    name?: string,
    /**
     * Registrable domain in lower case, such as `example.co.uk`.
     */
    domain?: string,
    industry?: string,
    employees?: number,
    /**
     * Yearly revenue in the tenant's currency.
     */
    revenue?: number,
    /**
     * ISO 3166-1 alpha-2.
     */
    country?: string,
    /**
     * ISO 3166-2 subdivision, such as `US-CA`.
     */
    region?: string,
  }
  /**
   * What is routed.
   * # Variants
   * 
   * ## `"lead"`
   * 
   * An inquiry that nobody has qualified yet.
   * ## `"deal"`
   * 
   * A qualified opportunity.
   */
  export type Kind = 'lead' | 'deal';
  /**
   * An inquiry or a deal, as every plugin sees it: normalised and enriched.
   */
  export interface Lead {
    id: string,
    kind: Kind,
    /**
     * Where it came from: `demo-request`, `web-form`, `event`, `partner-referral`, …
     */
    source: string,
    /**
     * Milliseconds since the Unix epoch, UTC.
     */
    receivedAt: bigint,
    /**
     * What the person wrote: its first 64 KiB, cut at a character.
     */
    text: string,
    contact: Contact,
    company: Company,
    /**
     * Products they named or clicked.
     */
    products: Array<string>,
    /**
     * Estimated yearly value in the tenant's currency.
     */
    value?: number,
  }
  /**
   * A place an inquiry can go, in the tenant's own words.
   */
  export interface Lane {
    id: string,
    name: string,
    /**
     * Which inquiries belong here, and by which signals.
     */
    definition: string,
    /**
     * Inquiries known to belong here.
     */
    examples: Array<string>,
    /**
     * The team it leads to; `none` where it leads to an automated track or to triage.
     */
    team?: string,
  }
  /**
   * How sure a classifier is. `high` is a promise: nearly always right.
   * # Variants
   * 
   * ## `"low"`
   * 
   * ## `"medium"`
   * 
   * ## `"high"`
   */
  export type Confidence = 'low' | 'medium' | 'high';
  export interface Ranked {
    lane: string,
    /**
     * Probability, 0 to 1; the ranking's scores add up to at most 1.
     */
    score: number,
  }
  /**
   * A stretch of the inquiry's text that speaks for the verdict.
   */
  export interface Signal {
    /**
     * `seats`, `budget`, `deadline`, `competitor`, `pain`, `security`, `procurement`, `partner`, `product`, or a kind of the plugin's own.
     */
    kind: string,
    /**
     * The normalised value: `400`, `5000 USD/month`, `end of March`, `tableau`.
     */
    value: string,
    /**
     * Byte offsets into `lead.text`, on character boundaries; `start` is less than `end`.
     */
    start: number,
    end: number,
  }
  /**
   * A classifier's answer.
   */
  export interface Verdict {
    /**
     * `none` only under `strict`.
     */
    lane?: string,
    confidence: Confidence,
    /**
     * Best first, each lane at most once; the lane chosen is among them.
     */
    ranking: Array<Ranked>,
    /**
     * How strongly the text shows an intent to buy, 0 to 100.
     */
    intent: number,
    signals: Array<Signal>,
    /**
     * How complex the deal looks, 0 (simple) to 1, as far as the text tells. `none` leaves it to the host's
     * estimate; the lead's custom field `complexity` comes before either.
     */
    complexity?: number,
    /**
     * One sentence for a person.
     */
    reason: string,
  }
  /**
   * What one of the tenant's tables of segments says of a lead.
   */
  export interface Segment {
    /**
     * The table, such as `size`.
     */
    name: string,
    /**
     * Its word, such as `large`.
     */
    value: string,
  }
  /**
   * Why a plugin could not answer. The host falls back; it never retries with other input.
   */
  export type Failure = FailureSettings | FailureInternal;
  /**
   * The tenant's settings for this plugin do not fit it.
   */
  export interface FailureSettings {
    tag: 'settings',
    val: string,
  }
  /**
   * The plugin's own fault.
   */
  export interface FailureInternal {
    tag: 'internal',
    val: string,
  }
}
declare module 'lanewright:plugin/settings@0.2.0' {
  /**
   * JSON that passed the plugin's own `setup`.
   */
  export function json(): string;
  export function lanes(): Array<Lane>;
  /**
   * What `setup.prepare` made of them; empty while `setup` itself is asked.
   */
  export function prepared(): Uint8Array;
  export type Lane = import('lanewright:plugin/types@0.2.0').Lane;
}
declare module 'lanewright:plugin/fields@0.2.0' {
  export function get(name: string): Value | undefined;
  /**
   * Several at once, in the order asked.
   */
  export function getMany(names: Array<string>): Array<Value | undefined>;
  export function names(): Array<string>;
  export type Value = import('lanewright:plugin/types@0.2.0').Value;
}
declare module 'lanewright:plugin/log@0.2.0' {
  export function write(level: Level, message: string): void;
  /**
   * # Variants
   * 
   * ## `"debug"`
   * 
   * ## `"info"`
   * 
   * ## `"warn"`
   * 
   * ## `"error"`
   */
  export type Level = 'debug' | 'info' | 'warn' | 'error';
}
declare module 'lanewright:plugin/text@0.2.0' {
  /**
   * One unit vector a text, one after the other: `dimensions` numbers each; zeros for a text without words.
   */
  export function embed(texts: Array<string>): Float32Array;
  /**
   * Numbers in one vector.
   */
  export function dimensions(): number;
  /**
   * Cosine similarity of one text to each of the others, -1 to 1.
   */
  export function similarity(text: string, others: Array<string>): Float32Array;
}
declare module 'lanewright:plugin/directory@0.2.0' {
  /**
   * In the order asked; unknown numbers are left out.
   */
  export function profiles(reps: Uint32Array): Array<Profile>;
  /**
   * Ids of the tenant's teams.
   */
  export function teams(): Array<string>;
  export interface Profile {
    /**
     * As in `candidate`.
     */
    rep: number,
    id: string,
    name: string,
    team: string,
    industries: Array<string>,
    products: Array<string>,
    languages: Array<string>,
    competitors: Array<string>,
    certifications: Array<string>,
    style?: string,
    timezone: string,
  }
}
declare module 'lanewright:plugin/setup@0.2.0' {
  /**
   * JSON Schema of the settings, for forms and editors. A description: `check` decides.
   */
  export function schema(): string;
  /**
   * What is wrong with these settings; empty where nothing is.
   */
  export function check(settings: string, lanes: Array<Lane>): Array<Issue>;
  /**
   * Work done once, with a larger budget: the bytes come back on every call through
   * `settings.prepared`. Same settings and lanes, same bytes.
   */
  export function prepare(settings: string, lanes: Array<Lane>): Uint8Array;
  export type Lane = import('lanewright:plugin/types@0.2.0').Lane;
  export type Failure = import('lanewright:plugin/types@0.2.0').Failure;
  export interface Issue {
    /**
     * JSON pointer into the settings.
     */
    path: string,
    message: string,
  }
}
declare module 'lanewright:plugin/classifier@0.2.0' {
  /**
   * Among the lanes of `settings`.
   */
  export function classify(lead: Lead, policy: Policy): Verdict;
  export type Lead = import('lanewright:plugin/types@0.2.0').Lead;
  export type Verdict = import('lanewright:plugin/types@0.2.0').Verdict;
  export type Failure = import('lanewright:plugin/types@0.2.0').Failure;
  /**
   * # Variants
   * 
   * ## `"best-match"`
   * 
   * The closest lane always wins.
   * ## `"strict"`
   * 
   * No lane, where none fits.
   */
  export type Policy = 'best-match' | 'strict';
}
declare module 'lanewright:plugin/scorer@0.2.0' {
  export function score(lead: Lead, verdict: Verdict, context: Context, candidates: Array<Candidate>): Scores;
  export type Lead = import('lanewright:plugin/types@0.2.0').Lead;
  export type Verdict = import('lanewright:plugin/types@0.2.0').Verdict;
  export type Segment = import('lanewright:plugin/types@0.2.0').Segment;
  export type Failure = import('lanewright:plugin/types@0.2.0').Failure;
  /**
   * What the model learned from past deals about this rep and leads like this one.
   */
  export interface WinEstimate {
    probability: number,
    /**
     * Lower end of the 80 % credible interval.
     */
    lower: number,
    /**
     * Effective number of deals behind it.
     */
    deals: number,
  }
  /**
   * What is the same for every candidate of this call.
   */
  export interface Context {
    /**
     * 1, 2 or 3.
     */
    tier: number,
    /**
     * By name.
     */
    segments: Array<Segment>,
    /**
     * What the columns of `fits` mean: `territory`, `industry`, `product`, `language`, `value`, `competitor`, `seniority`, `timezone`, …
     * New ones may be added at any time; a plugin finds its own by name.
     */
    fitNames: Array<string>,
    /**
     * 0 (none) to 1 (full): one row a candidate, one column a name.
     */
    fits: Float32Array,
  }
  /**
   * One rep against one lead: numbers only, so that a list of hundreds crosses the boundary as
   * one flat copy. The full profile is one `directory.profiles` away.
   */
  export interface Candidate {
    /**
     * The rep's number in this call's directory.
     */
    rep: number,
    /**
     * Open deals over the rep's maximum, before this lead; 1.0 is full.
     */
    load: number,
    /**
     * New assignments in the last seven days over the rep's weekly maximum.
     */
    weeklyLoad: number,
    /**
     * At work now and not in a meeting.
     */
    freeNow: boolean,
    /**
     * Mean time to first touch over the last 30 days, in seconds.
     */
    responseSeconds?: number,
    win?: WinEstimate,
  }
  export interface Factor {
    name: string,
    /**
     * Share of the total, 0 to 1; the weights add up to 1.
     */
    weight: number,
  }
  export interface Scores {
    /**
     * What was weighed; named once, not once a candidate.
     */
    factors: Array<Factor>,
    /**
     * 0 to 100, one row a candidate in the order given, one column a factor.
     * The host computes the weighted totals.
     */
    rows: Float32Array,
  }
}
declare module 'lanewright:plugin/fallback@0.2.0' {
  /**
   * At least one, in order of preference: the host takes the first that can be carried out, and
   * keeps the lead in a queue where none can.
   */
  export function resolve(lead: Lead, verdict: Verdict | undefined, situation: Situation): Array<Action>;
  export type Lead = import('lanewright:plugin/types@0.2.0').Lead;
  export type Verdict = import('lanewright:plugin/types@0.2.0').Verdict;
  export type Segment = import('lanewright:plugin/types@0.2.0').Segment;
  export type Failure = import('lanewright:plugin/types@0.2.0').Failure;
  /**
   * Why the fallback is asked.
   * # Variants
   * 
   * ## `"refused"`
   * 
   * A strict classifier found no lane for it.
   * ## `"no-candidate"`
   * 
   * Nobody is eligible.
   * ## `"all-at-capacity"`
   * 
   * Everybody who could take it is full.
   * ## `"below-threshold"`
   * 
   * The best match is below the tenant's threshold.
   * ## `"plugin-failed"`
   * 
   * The classifier or the scorer failed.
   */
  export type Cause = 'refused' | 'no-candidate' | 'all-at-capacity' | 'below-threshold' | 'plugin-failed';
  /**
   * The lead that nobody can simply take.
   */
  export interface Situation {
    cause: Cause,
    /**
     * 1, 2 or 3.
     */
    tier: number,
    /**
     * By name.
     */
    segments: Array<Segment>,
  }
  export type Action = ActionRoundRobin | ActionManager | ActionHold | ActionNurture;
  /**
   * The next available rep of this team.
   */
  export interface ActionRoundRobin {
    tag: 'round-robin',
    val: string,
  }
  /**
   * The manager of this team.
   */
  export interface ActionManager {
    tag: 'manager',
    val: string,
  }
  /**
   * A queue for people to pick from.
   */
  export interface ActionHold {
    tag: 'hold',
    val: string,
  }
  /**
   * An automated track. Refused by the host where confidence is low.
   */
  export interface ActionNurture {
    tag: 'nurture',
    val: string,
  }
}
declare module 'lanewright:plugin/enricher@0.2.0' {
  export function plan(lead: Lead): Array<Request>;
  /**
   * One response for each request, in their order.
   */
  export function interpret(lead: Lead, responses: Array<Response>): Array<Field>;
  export type Lead = import('lanewright:plugin/types@0.2.0').Lead;
  export type Field = import('lanewright:plugin/types@0.2.0').Field;
  export type Failure = import('lanewright:plugin/types@0.2.0').Failure;
  export interface Request {
    url: string,
    /**
     * Name and value; secrets are placeholders that the host fills in.
     */
    headers: Array<[string, string]>,
    /**
     * A body makes it a POST.
     */
    body?: Uint8Array,
  }
  export interface Response {
    /**
     * `none` where it failed, timed out or was refused.
     */
    status?: number,
    body: Uint8Array,
  }
}

// What the runtime has of the web besides the language itself.
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  decode(bytes: Uint8Array): string;
}
