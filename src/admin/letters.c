/* SPDX-License-Identifier: Apache-2.0 */
/* Reading is lenient on purpose: a dead letter that is refused here would come again for ever. */
#include "admin/letters.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "proto/envelope.h"

#include <stdio.h>
#include <string.h>

void sw_letters_init(struct sw_letters *letters, struct sw_arena *arena, int deliveries_max)
{
	*letters = (struct sw_letters){.arena = arena, .deliveries_max = deliveries_max};
}

struct sw_bytes sw_letter_text(struct sw_arena *arena, struct sw_bytes bytes)
{
	if (bytes.len == 0) {
		return sw_bytes("", 0);
	}
	bool clean = sw_utf8_valid(bytes) && !memchr(bytes.ptr, 0, bytes.len);
	if (clean) {
		return sw_utf8_cut(bytes, SW_LETTER_TEXT_MAX);
	}
	size_t len = bytes.len < SW_LETTER_TEXT_MAX ? bytes.len : SW_LETTER_TEXT_MAX;
	uint8_t *copy = sw_arena_alloc(arena, len);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = bytes.ptr[i];
		copy[i] = c == 0 || c >= 0x80 ? '?' : c;
	}
	return sw_bytes(copy, len);
}

static struct sw_letter *add_row(struct sw_letters *letters)
{
	if (letters->count == letters->cap) {
		size_t cap = letters->cap ? letters->cap * 2 : 64;
		struct sw_letter *rows = sw_arena_calloc(letters->arena, cap, sizeof(*rows));
		if (letters->count) {
			memcpy(rows, letters->rows, letters->count * sizeof(*rows));
		}
		letters->rows = rows;
		letters->cap = cap;
	}
	return &letters->rows[letters->count++];
}

/* reason and payload become the id: the same letter delivered twice is one row. */
static void add_raw(struct sw_letters *letters, struct sw_bytes reason, struct sw_bytes payload, int64_t at_ms)
{
	const struct sw_bytes none = sw_bytes("", 0);
	struct sw_bytes letter_reason = sw_letter_text(letters->arena, reason);
	uint8_t digest[32];
	sw_hash_sha256(payload, digest);
	*add_row(letters) = (struct sw_letter){
		.job = sw_uuid_derive("surewire.dead", sw_bytes(digest, sizeof(digest)), letter_reason),
		.device = none,
		.provider = none,
		.app = none,
		.reason = letter_reason,
		.at_ms = at_ms,
		.payload = payload.ptr ? payload : none,
	};
}

static void add_job(struct sw_letters *letters, const struct sw_item_job *job, struct sw_letter letter)
{
	letter.job = job->job;
	letter.event = job->event;
	letter.user = job->user;
	letter.device = sw_letter_text(letters->arena, job->device);
	letter.provider = sw_letter_text(letters->arena, job->provider);
	letter.app = sw_letter_text(letters->arena, job->app);
	*add_row(letters) = letter;
}

static int32_t clamp_status(int64_t status)
{
	return status < INT32_MIN || status > INT32_MAX ? 0 : (int32_t)status;
}

static void add_dead(struct sw_letters *letters, const struct sw_item_dead *dead)
{
	struct sw_bytes rest = dead->job;
	struct sw_item item;
	/* The writers put whole envelopes here: those are no JOB item. */
	if (sw_item_next(&rest, letters->arena, &item) != SW_OK || item.kind != SW_ITEM_JOB || rest.len != 0) {
		add_raw(letters, dead->reason, dead->job, dead->at_ms);
		return;
	}
	add_job(letters, &item.as.job,
		(struct sw_letter){.reason = sw_letter_text(letters->arena, dead->reason),
				   .status = clamp_status(dead->status),
				   .at_ms = dead->at_ms,
				   .payload = dead->job});
}

static struct sw_bytes poison_reason(const struct sw_letters *letters)
{
	char text[48];
	int len = snprintf(text, sizeof(text), "poison: delivered %d times", letters->deliveries_max);
	return sw_arena_copy(letters->arena, sw_bytes(text, (size_t)len));
}

/* False: the rest cannot be read. */
static bool add_items(struct sw_letters *letters, struct sw_bytes items, int64_t now_ms)
{
	for (;;) {
		struct sw_bytes before = items;
		struct sw_item item;
		int err = sw_item_next(&items, letters->arena, &item);
		if (err) {
			return err == SW_EEND;
		}
		struct sw_bytes raw = sw_bytes(before.ptr, before.len - items.len);
		if (item.kind == SW_ITEM_DEAD) {
			add_dead(letters, &item.as.dead);
		} else if (item.kind == SW_ITEM_JOB) {
			add_job(letters, &item.as.job,
				(struct sw_letter){.reason = poison_reason(letters), .at_ms = now_ms, .payload = raw});
		} else {
			add_raw(letters, sw_bytes_str("not a dead letter"), raw, now_ms);
		}
	}
}

void sw_letters_add(struct sw_letters *letters, struct sw_bytes message, int64_t now_ms)
{
	size_t before = letters->count;
	struct sw_envelope_reader reader;
	struct sw_section section;
	int err = sw_envelope_open(&reader, message);
	while (err == SW_OK) {
		err = sw_envelope_next(&reader, &section);
		if (err == SW_OK && !add_items(letters, section.items, now_ms)) {
			err = SW_EPARSE;
		}
	}
	if (err != SW_EEND || letters->count == before) {
		add_raw(letters, sw_bytes_str("malformed dead letter"), message, now_ms);
	}
}
