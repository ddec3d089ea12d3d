/* SPDX-License-Identifier: Apache-2.0 */
/* 16-byte ids: random (version 4) or derived from others (version 8), and their text form. */
#ifndef SW_BASE_UUID_H
#define SW_BASE_UUID_H

#include <surewire/bytes.h>
#include <surewire/err.h>

enum { SW_UUID_TEXT_LEN = 36 };

struct sw_uuid {
	uint8_t bytes[16];
};

struct sw_uuid sw_uuid_random(void);
/* The same parts give the same id, on every machine and in every version: it is stored. */
struct sw_uuid sw_uuid_derive(const char *purpose, struct sw_bytes a, struct sw_bytes b);
/* The same, beginning with a time (ms, wall clock, 48 bits) as version 7 does: a key of rows in their order of time, which
 * spares an index of many rows from being written all over. */
struct sw_uuid sw_uuid_derive_at(int64_t at_ms, const char *purpose, struct sw_bytes a, struct sw_bytes b);
bool sw_uuid_equal(const struct sw_uuid *a, const struct sw_uuid *b);
/* Lower case, terminated. */
void sw_uuid_format(const struct sw_uuid *uuid, char text_out[SW_UUID_TEXT_LEN + 1]);
/* 8-4-4-4-12 hex digits of either case. */
int sw_uuid_parse(struct sw_bytes text, struct sw_uuid *uuid_out) SW_MUST_CHECK;

#endif
