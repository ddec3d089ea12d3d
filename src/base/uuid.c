/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include "base/hash.h"
#include "base/rng.h"

#include <string.h>

static void stamp(struct sw_uuid *uuid, unsigned version)
{
	uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | version << 4);
	uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

struct sw_uuid sw_uuid_random(void)
{
	struct sw_uuid uuid;
	sw_rng_bytes(uuid.bytes, sizeof(uuid.bytes));
	stamp(&uuid, 4);
	return uuid;
}

struct be32 {
	uint8_t bytes[4];
};

static struct be32 length_of(struct sw_bytes run)
{
	return (struct be32){
		{(uint8_t)(run.len >> 24), (uint8_t)(run.len >> 16), (uint8_t)(run.len >> 8), (uint8_t)run.len}};
}

struct sw_uuid sw_uuid_derive(const char *purpose, struct sw_bytes a, struct sw_bytes b)
{
	/* Lengths keep ("ab","c") and ("a","bc") apart. */
	const struct be32 a_length = length_of(a);
	const struct be32 b_length = length_of(b);
	const struct sw_bytes runs[] = {sw_bytes_str(purpose), sw_bytes(a_length.bytes, sizeof(a_length.bytes)), a,
					sw_bytes(b_length.bytes, sizeof(b_length.bytes)), b};
	uint8_t sha256[32];
	sw_hash_sha256_runs(runs, sizeof(runs) / sizeof(runs[0]), sha256);
	struct sw_uuid uuid;
	memcpy(uuid.bytes, sha256, sizeof(uuid.bytes));
	stamp(&uuid, 8);
	return uuid;
}

struct sw_uuid sw_uuid_derive_at(int64_t at_ms, const char *purpose, struct sw_bytes a, struct sw_bytes b)
{
	enum { TIME_BYTES = 6 };
	struct sw_uuid uuid = sw_uuid_derive(purpose, a, b);
	for (unsigned i = 0; i < TIME_BYTES; i++) {
		uuid.bytes[i] = (uint8_t)((uint64_t)at_ms >> 8 * (TIME_BYTES - 1 - i));
	}
	return uuid;
}

bool sw_uuid_equal(const struct sw_uuid *a, const struct sw_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void sw_uuid_format(const struct sw_uuid *uuid, char text_out[SW_UUID_TEXT_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *to = text_out;
	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (dash_before(i)) {
			*to++ = '-';
		}
		*to++ = digits[uuid->bytes[i] >> 4];
		*to++ = digits[uuid->bytes[i] & 15];
	}
	*to = '\0';
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sw_uuid_parse(struct sw_bytes text, struct sw_uuid *uuid_out)
{
	if (text.len != SW_UUID_TEXT_LEN) {
		return SW_EPARSE;
	}
	const uint8_t *from = text.ptr;
	for (size_t i = 0; i < sizeof(uuid_out->bytes); i++) {
		if (dash_before(i) && *from++ != '-') {
			return SW_EPARSE;
		}
		int high = hex_value(from[0]);
		int low = hex_value(from[1]);
		if (high < 0 || low < 0) {
			return SW_EPARSE;
		}
		uuid_out->bytes[i] = (uint8_t)(high << 4 | low);
		from += 2;
	}
	return SW_OK;
}
