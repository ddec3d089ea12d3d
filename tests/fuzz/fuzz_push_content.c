/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a notification, as other systems write it. Properties: what is refused is named in printable words, what is
 * taken keeps its bounds, and what passes the check of notifications too fits its form: the same JSON again is the same. */
#include "fuzz.h"

#include "proto/push_content.h"

#include <string.h>

static struct sw_notification empty(void)
{
	return (struct sw_notification){.badge = -1,
					.created_at_ms = INT64_C(1790000000000),
					.data = {{"push", sw_bytes("1", 1)}},
					.data_count = 1};
}

static bool same_loc(const struct sw_push_loc *a, const struct sw_push_loc *b)
{
	bool same = sw_bytes_equal(a->key, b->key) && a->arg_count == b->arg_count;
	for (size_t i = 0; same && i < a->arg_count; i++) {
		same = sw_bytes_equal(a->args[i], b->args[i]);
	}
	return same;
}

static bool same(const struct sw_notification *a, const struct sw_notification *b)
{
	bool same = sw_bytes_equal(a->title, b->title) && sw_bytes_equal(a->body, b->body) && a->badge == b->badge &&
		    a->expires_at_ms == b->expires_at_ms && a->kind == b->kind && a->priority == b->priority &&
		    a->data_count == b->data_count && same_loc(&a->title_loc, &b->title_loc) &&
		    same_loc(&a->body_loc, &b->body_loc) && a->apple.type == b->apple.type &&
		    sw_bytes_equal(a->apple.activity.content_state, b->apple.activity.content_state);
	for (size_t i = 0; same && i < a->data_count; i++) {
		same = strcmp(a->data[i].name, b->data[i].name) == 0 &&
		       sw_bytes_equal(a->data[i].value, b->data[i].value);
	}
	return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_arena arena;
	struct sw_diag diag = {""};
	struct sw_notification n = empty();
	sw_arena_init(&arena);
	int err = sw_push_content_read(sw_bytes(data, size), &arena, &n, &diag);
	if (err) {
		FUZZ_CHECK(err == SW_EINVAL || err == SW_ELIMIT || err == SW_EPARSE);
		FUZZ_CHECK(diag.text[0] && fuzz_printable(diag.text));
	} else {
		struct sw_notification again = empty();
		FUZZ_CHECK(size <= SW_PUSH_CONTENT_BYTES_MAX);
		FUZZ_CHECK(n.data_count >= 1 && n.data_count <= SW_PUSH_DATA_MAX);
		FUZZ_CHECK(n.badge >= -1 && n.badge <= INT32_MAX && n.relevance_percent <= 100);
		FUZZ_CHECK(n.expires_at_ms == 0 || n.expires_at_ms > n.created_at_ms);
		FUZZ_CHECK(n.title_loc.arg_count <= SW_PUSH_LOC_ARGS_MAX &&
			   (!n.title_loc.arg_count || n.title_loc.key.len));
		FUZZ_CHECK(sw_push_content_read(sw_bytes(data, size), &arena, &again, NULL) == SW_OK);
		FUZZ_CHECK(same(&n, &again));
		err = sw_notification_check(&n, &diag);
		FUZZ_CHECK(err == SW_OK || (err == SW_EINVAL && diag.text[0]));
	}
	sw_arena_release(&arena);
	return 0;
}
