/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives in the queue `dead`, as rows of the archive. Pure. Three things come: DEAD items of the pushers with the
 * job in them, DEAD items of the writers with an envelope they could not apply, and jobs that the broker itself gave up
 * after too many deliveries. Nothing is thrown away: what cannot be read is kept as it came. */
#ifndef SW_ADMIN_LETTERS_H
#define SW_ADMIN_LETTERS_H

#include "base/uuid.h"

#include <surewire/arena.h>

enum { SW_LETTER_TEXT_MAX = 1024 };

/* Texts are valid UTF-8 without zero bytes, never NULL. */
struct sw_letter {
	struct sw_uuid job; /* derived from the contents where there is no job */
	int64_t event;
	int64_t user;
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes reason;
	int32_t status;
	int64_t at_ms;
	struct sw_bytes payload; /* the JOB item, or what could not be read */
};

/* Rows live in the arena and borrow from the messages. */
struct sw_letters {
	struct sw_arena *arena;
	int deliveries_max; /* after which the broker gives up a job: for the reason */
	struct sw_letter *rows;
	size_t count;
	size_t cap;
};

void sw_letters_init(struct sw_letters *letters, struct sw_arena *arena, int deliveries_max);
/* Adds at least one row. now_ms: for letters that do not say when. */
void sw_letters_add(struct sw_letters *letters, struct sw_bytes message, int64_t now_ms);

/* A copy that PostgreSQL takes as text: bytes of invalid UTF-8 and zeros become '?'; cut to SW_LETTER_TEXT_MAX. */
struct sw_bytes sw_letter_text(struct sw_arena *arena, struct sw_bytes bytes);

#endif
