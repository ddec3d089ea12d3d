/* SPDX-License-Identifier: Apache-2.0 */
/* The little JSON that Surewire adds to jansson: writing straight into a buffer, and reading members with a clear error. */
#ifndef SUREWIRE_JSON_H
#define SUREWIRE_JSON_H

#include <jansson.h>
#include <surewire/arena.h>
#include <surewire/buf.h>

/* A quoted, escaped JSON string. The input must be valid UTF-8. */
void sw_json_put_string(struct sw_buf *buf, struct sw_bytes text);
void sw_json_put_cstr(struct sw_buf *buf, const char *text);
/* A member of an object that is being written: a comma unless it is the first, the name, a colon. */
void sw_json_put_name(struct sw_buf *buf, const char *name);
/* … and its value. */
void sw_json_put_member(struct sw_buf *buf, const char *name, struct sw_bytes value);
/* Is it UTF-8, as the functions here need it? */
bool sw_json_is_text(struct sw_bytes text);
/* text when its JSON form takes at most budget_bytes (without the quotes), else as many whole characters as fit with an
 * ellipsis behind them, in the arena. */
struct sw_bytes sw_json_cut(struct sw_bytes text, size_t budget_bytes, struct sw_arena *arena);

/* Parses one JSON text of at most max_depth levels; trailing bytes are an error. The result is owned (json_decref). */
int sw_json_parse(struct sw_bytes text, int max_depth, json_t **value_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* The same of what a service answered: NULL when it is empty, larger than bytes_max, or no JSON of that depth. */
json_t *sw_json_of_answer(struct sw_bytes body, size_t bytes_max, int max_depth);
/* Borrowed text of a string member, or an empty run when absent or of another type. */
struct sw_bytes sw_json_get_str(const json_t *object, const char *key);

#endif
