// Reads JSON, which settings are written in.

#ifndef JSON_H
#define JSON_H

#include "lane_plugin.h"

typedef enum { JSON_NULL, JSON_FLAG, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_kind;

// A value. What is in a list or an object follows one another: `first`, its `next`, and so on.
typedef struct json {
  json_kind kind;
  lane_plugin_string_t name; // in an object
  lane_plugin_string_t text; // of a text
  double number;             // of a number; of a flag, 0 or 1
  const struct json *first, *next;
} json;

// What is written in a text. The host hands over nothing that is not JSON; it would break the call off.
// Texts of the value point into this one, in which their escapes are undone.
const json *json_read(lane_plugin_string_t text);

// What an object has under a name: a null where it is no object or has nothing there.
const json *json_get(const json *object, const char *name);

#endif
