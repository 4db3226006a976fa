#include "json.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  uint8_t *at;
  uint8_t *end;
} reader;

static const json *value(reader *r, lane_plugin_string_t name);

static uint8_t seen(const reader *r) {
  return r->at < r->end ? *r->at : 0;
}

static uint8_t take(reader *r) {
  if (r->at == r->end) abort();
  return *r->at++;
}

static void expect(reader *r, const char *word) {
  for (; *word; word++) {
    if (take(r) != (uint8_t)*word) abort();
  }
}

static void space(reader *r) {
  while (seen(r) && strchr(" \t\r\n", seen(r))) r->at++;
}

static uint32_t unit(reader *r) {
  char digits[5] = {0};
  for (int i = 0; i < 4; i++) digits[i] = (char)take(r);
  return (uint32_t)strtoul(digits, NULL, 16);
}

// A character beyond the first 65,536 is written as two units.
static uint32_t character(reader *r) {
  uint32_t first = unit(r);
  if (first < 0xD800 || first > 0xDBFF) return first;
  expect(r, "\\u");
  return 0x10000 + ((first - 0xD800) << 10) + (unit(r) - 0xDC00);
}

static uint8_t *utf8(uint8_t *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (uint8_t)c;
    return to;
  }
  int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const uint8_t LEAD[] = {0, 0xC0, 0xE0, 0xF0};
  *to++ = (uint8_t)(LEAD[more] | c >> (6 * more));
  while (more--) *to++ = (uint8_t)(0x80 | (c >> (6 * more) & 0x3F));
  return to;
}

static uint8_t *escape(reader *r, uint8_t *to) {
  uint8_t c = take(r);
  if (c == 'u') return utf8(to, character(r));
  static const char WRITTEN[] = "bfnrt", MEANT[] = "\b\f\n\r\t";
  const char *known = strchr(WRITTEN, c);
  *to++ = known && c ? (uint8_t)MEANT[known - WRITTEN] : c;
  return to;
}

// In place: an escape is longer than what it means.
static lane_plugin_string_t text(reader *r) {
  expect(r, "\"");
  uint8_t *start = r->at, *to = start;
  for (uint8_t c; (c = take(r)) != '"';) {
    if (c == '\\') {
      to = escape(r, to);
    } else {
      *to++ = c;
    }
  }
  return (lane_plugin_string_t){start, (size_t)(to - start)};
}

static double number(reader *r) {
  char digits[64] = {0};
  for (size_t i = 0; seen(r) && strchr("+-.eE0123456789", seen(r)); r->at++) {
    if (i < sizeof digits - 1) digits[i++] = (char)*r->at;
  }
  if (!digits[0]) abort();
  return strtod(digits, NULL);
}

static const json *members(reader *r, uint8_t close) {
  const json *first = NULL, **place = &first;
  r->at++;
  space(r);
  while (seen(r) != close) {
    lane_plugin_string_t name = {0};
    if (close == '}') {
      name = text(r);
      space(r);
      expect(r, ":");
    }
    const json *found = value(r, name);
    *place = found;
    place = &((json *)found)->next;
    if (seen(r) != close) {
      expect(r, ",");
      space(r);
    }
  }
  r->at++;
  return first;
}

static const json *value(reader *r, lane_plugin_string_t name) {
  json *found = calloc(1, sizeof *found);
  if (!found) abort();
  found->name = name;
  space(r);
  switch (seen(r)) {
    case '{':
      found->kind = JSON_OBJECT;
      found->first = members(r, '}');
      break;
    case '[':
      found->kind = JSON_LIST;
      found->first = members(r, ']');
      break;
    case '"':
      found->kind = JSON_TEXT;
      found->text = text(r);
      break;
    case 'n': expect(r, "null"); break;
    case 't':
      expect(r, "true");
      found->kind = JSON_FLAG;
      found->number = 1;
      break;
    case 'f':
      expect(r, "false");
      found->kind = JSON_FLAG;
      break;
    default:
      found->kind = JSON_NUMBER;
      found->number = number(r);
  }
  space(r);
  return found;
}

const json *json_read(lane_plugin_string_t text) {
  reader r = {text.ptr, text.ptr + text.len};
  return value(&r, (lane_plugin_string_t){0});
}

const json *json_get(const json *object, const char *name) {
  static const json NOTHING = {0};
  if (object->kind != JSON_OBJECT) return &NOTHING;
  size_t len = strlen(name);
  for (const json *member = object->first; member; member = member->next) {
    if (member->name.len == len && memcmp(member->name.ptr, name, len) == 0) return member;
  }
  return &NOTHING;
}
