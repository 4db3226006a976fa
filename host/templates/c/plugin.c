// Names the lane whose words an inquiry has most of.

#define _GNU_SOURCE // memmem, vasprintf
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "lane_plugin.h"

// The names of the interface are long; these are used here.
typedef lane_plugin_string_t text;
typedef exports_lanewright_plugin_setup_issue_t issue;
typedef exports_lanewright_plugin_setup_lane_t lane;
typedef lanewright_plugin_types_ranked_t ranked;
typedef lanewright_plugin_types_signal_t signal;

// Writes JSON as it is, without a quote escaped.
#define WRITTEN(...) #__VA_ARGS__

static const char SCHEMA[] = WRITTEN({
  "type": "object",
  "required": ["words", "otherwise"],
  "additionalProperties": false,
  "properties": {
    "words": {
      "type": "object",
      "description": "words that speak for a lane",
      "additionalProperties": { "type": "array", "items": { "type": "string" } }
    },
    "otherwise": { "type": "string", "description": "the lane of an inquiry with none of them" }
  }
});

// What is answered is given back to `free` after the call: each text has memory of its own.
static text copy(text from) {
  text to;
  lane_plugin_string_dup_n(&to, (const char *)from.ptr, from.len);
  return to;
}

// The same for a new text.
static text say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *said;
  int len = vasprintf(&said, format, arguments);
  va_end(arguments);
  if (len < 0) abort();
  return (text){(uint8_t *)said, (size_t)len};
}

// A text as `say` takes it for `%.*s`.
#define OF(text) (int)(text).len, (const char *)(text).ptr

static void *longer(void *items, size_t len, size_t size) {
  void *moved = realloc(items, (len + 1) * size);
  if (!moved) abort();
  return moved;
}

// The place of one more item in any list of the interface.
#define NEW(list) ((list)->ptr = longer((list)->ptr, (list)->len, sizeof *(list)->ptr), (list)->ptr + (list)->len++)

// ASCII alone, so that every byte stays where it is.
static text lower(text from) {
  uint8_t *to = malloc(from.len + 1);
  if (!to) abort();
  for (size_t i = 0; i < from.len; i++) to[i] = (uint8_t)tolower(from.ptr[i]);
  return (text){to, from.len};
}

// Where a word begins in a text of lower case; NULL where it is not in it.
static const uint8_t *find(text body, text word) {
  return memmem(body.ptr, body.len, lower(word).ptr, word.len);
}

static bool is(text some, text other) {
  return some.len == other.len && memcmp(some.ptr, other.ptr, some.len) == 0;
}

static bool known(exports_lanewright_plugin_setup_list_lane_t *lanes, text id) {
  for (size_t i = 0; i < lanes->len; i++) {
    if (is(lanes->ptr[i].id, id)) return true;
  }
  return false;
}

static bool texts(const json *list) {
  for (const json *item = list->first; item; item = item->next) {
    if (item->kind != JSON_TEXT) return false;
  }
  return list->kind == JSON_LIST;
}

void exports_lanewright_plugin_setup_schema(text *schema) {
  lane_plugin_string_dup(schema, SCHEMA);
}

// Everything that is wrong at once, each with a JSON pointer.
void exports_lanewright_plugin_setup_check(text *settings, exports_lanewright_plugin_setup_list_lane_t *lanes,
                                           exports_lanewright_plugin_setup_list_issue_t *issues) {
  const json *given = json_read(*settings);
  const json *words = json_get(given, "words"), *otherwise = json_get(given, "otherwise");
  issues->len = 0, issues->ptr = NULL;
  for (const json *other = given->first; other; other = other->next) {
    if (other == words || other == otherwise) continue;
    *NEW(issues) = (issue){say("/%.*s", OF(other->name)), say("is no setting")};
  }
  for (const json *list = words->first; list; list = list->next) {
    text name = list->name;
    if (!known(lanes, name)) {
      *NEW(issues) = (issue){say("/words/%.*s", OF(name)), say("there is no lane %.*s", OF(name))};
    }
    if (!texts(list)) *NEW(issues) = (issue){say("/words/%.*s", OF(name)), say("is no list of texts")};
  }
  if (!known(lanes, otherwise->text)) {
    *NEW(issues) = (issue){say("/otherwise"), say("there is no lane %.*s", OF(otherwise->text))};
  }
}

bool exports_lanewright_plugin_setup_prepare(text *settings, exports_lanewright_plugin_setup_list_lane_t *lanes,
                                             lane_plugin_list_u8_t *prepared,
                                             exports_lanewright_plugin_setup_failure_t *failure) {
  (void)settings, (void)lanes, (void)failure;
  prepared->len = 0, prepared->ptr = NULL;
  return true;
}

static int by_start(const void *a, const void *b) {
  uint32_t one = ((const signal *)a)->start, other = ((const signal *)b)->start;
  return (one > other) - (one < other);
}

static int by_score(const void *a, const void *b) {
  float one = ((const ranked *)a)->score, other = ((const ranked *)b)->score;
  return (one < other) - (one > other);
}

bool exports_lanewright_plugin_classifier_classify(exports_lanewright_plugin_classifier_lead_t *lead,
                                                   exports_lanewright_plugin_classifier_policy_t policy,
                                                   exports_lanewright_plugin_classifier_verdict_t *verdict,
                                                   exports_lanewright_plugin_classifier_failure_t *failure) {
  (void)failure;
  text written;
  lanewright_plugin_settings_json(&written);
  const json *settings = json_read(written);
  text body = lower(lead->text);
  *verdict = (exports_lanewright_plugin_classifier_verdict_t){0};

  for (const json *list = json_get(settings, "words")->first; list; list = list->next) {
    size_t hits = 0;
    for (const json *word = list->first; word; word = word->next) {
      const uint8_t *at = find(body, word->text);
      if (!at) continue;
      hits++;
      uint32_t start = (uint32_t)(at - body.ptr), end = start + (uint32_t)word->text.len;
      *NEW(&verdict->signals) = (signal){say("word"), copy(word->text), start, end};
    }
    if (hits) *NEW(&verdict->ranking) = (ranked){copy(list->name), (float)hits};
  }
  size_t found = verdict->signals.len, lanes = verdict->ranking.len;
  qsort(verdict->signals.ptr, found, sizeof(signal), by_start);
  qsort(verdict->ranking.ptr, lanes, sizeof(ranked), by_score);
  for (size_t i = 0; i < lanes; i++) verdict->ranking.ptr[i].score /= (float)(found + 1);

  text line = say("%zu words found", found);
  lanewright_plugin_log_write(LANEWRIGHT_PLUGIN_LOG_LEVEL_DEBUG, &line);

  if (!found && policy == EXPORTS_LANEWRIGHT_PLUGIN_CLASSIFIER_POLICY_BEST_MATCH) {
    *NEW(&verdict->ranking) = (ranked){copy(json_get(settings, "otherwise")->text), 0};
  }
  if (verdict->ranking.len) {
    verdict->lane.is_some = true;
    verdict->lane.val = copy(verdict->ranking.ptr[0].lane);
  }
  verdict->confidence = !found                   ? LANEWRIGHT_PLUGIN_TYPES_CONFIDENCE_LOW
                        : found > 1 && lanes == 1 ? LANEWRIGHT_PLUGIN_TYPES_CONFIDENCE_HIGH
                                                  : LANEWRIGHT_PLUGIN_TYPES_CONFIDENCE_MEDIUM;
  verdict->intent = found < 3 ? (float)(40 + 20 * found) : 100;
  verdict->reason = found ? say("%zu of the words are there", found) : say("none of the words is there");
  return true;
}
