/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/subscribe.h"

#include <surewire/clock.h>

enum { BODY_DEPTH_MAX = 4, STATEMENT_MS = 5000 };

/* ---- the body ---- */

static int take_one(const json_t *value, const struct sw_direct_rules *rules, struct sw_arena *arena,
		    struct sw_direct_address *address_out, struct sw_diag *diag_out)
{
	if (!json_is_string(value)) {
		return sw_direct_address_read(rules, value, arena, address_out, diag_out);
	}
	json_t *object = json_pack("{s:O}", "user", value);
	int err = sw_direct_address_read(rules, object, arena, address_out, diag_out);
	json_decref(object);
	return err;
}

static int take_list(const json_t *root, const char *name, const struct sw_direct_rules *rules, struct sw_arena *arena,
		     struct sw_direct_list *list, struct sw_diag *diag_out)
{
	const json_t *values = json_object_get(root, name);
	size_t i;
	const json_t *value;
	list->count = json_array_size(values);
	if (values && !json_is_array(values)) {
		return sw_diag_set(diag_out, SW_EINVAL, "%s: expected a list", name);
	}
	if (list->count > SW_DIRECT_NAMES_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "%s: expected at most %d", name, SW_DIRECT_NAMES_MAX);
	}
	list->rows = sw_arena_calloc(arena, list->count, sizeof(*list->rows));
	json_array_foreach (values, i, value) {
		struct sw_diag why = {""};
		int err = take_one(value, rules, arena, &list->rows[i], &why);
		if (err) {
			return sw_diag_set(diag_out, err, "%s[%zu]: %.200s", name, i, why.text);
		}
	}
	return SW_OK;
}

int sw_topic_change_parse(struct sw_bytes body, const struct sw_direct_rules *rules, struct sw_arena *arena,
			  struct sw_topic_change *change_out, struct sw_diag *diag_out)
{
	json_t *root = NULL;
	*change_out = (struct sw_topic_change){0};
	int err = sw_json_parse(body, BODY_DEPTH_MAX, &root, diag_out);
	size_t known = (json_object_get(root, "add") != NULL) + (json_object_get(root, "remove") != NULL);
	if (!err && (known == 0 || json_object_size(root) != known)) {
		err = sw_diag_set(diag_out, SW_EINVAL, "the body: expected {\"add\": […], \"remove\": […]}");
	}
	err = err ? err : take_list(root, "add", rules, arena, &change_out->add, diag_out);
	err = err ? err : take_list(root, "remove", rules, arena, &change_out->remove, diag_out);
	json_decref(root);
	return err;
}

/* ---- the store ---- */

/* A list as columns. */
struct columns {
	size_t count;
	int64_t *users;
	struct sw_bytes *names, *devices, *providers, *apps, *tokens;
	bool *sandboxes;
};

static struct sw_bytes or_empty(struct sw_bytes text)
{
	return text.ptr ? text : sw_bytes("", 0);
}

/* In the place of a device's name: the same token is one subscriber. */
static struct sw_bytes digest_of(const struct sw_direct_address *address, struct sw_arena *arena)
{
	struct sw_buf key;
	char text[SW_UUID_TEXT_LEN + 1];
	sw_buf_init(&key, SW_DIRECT_TOKEN_BYTES_MAX + 1024);
	sw_buf_put_bytes(&key, address->provider);
	sw_buf_put_char(&key, '\0');
	sw_buf_put_bytes(&key, address->app);
	sw_buf_put_char(&key, '\0');
	struct sw_uuid id = sw_uuid_derive("surewire.subscriber", sw_buf_bytes(&key), address->token);
	sw_buf_release(&key);
	sw_uuid_format(&id, text);
	return sw_arena_copy(arena, sw_bytes_str(text));
}

static void fill(struct columns *c, const struct sw_direct_list *list, struct sw_arena *arena)
{
	size_t n = c->count = list->count;
	struct sw_bytes **const texts[] = {&c->names, &c->devices, &c->providers, &c->apps, &c->tokens};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = sw_arena_calloc(arena, n, sizeof(struct sw_bytes));
	}
	c->users = sw_arena_calloc(arena, n, sizeof(*c->users));
	c->sandboxes = sw_arena_calloc(arena, n, sizeof(*c->sandboxes));
	for (size_t i = 0; i < n; i++) {
		const struct sw_direct_address *a = &list->rows[i];
		c->names[i] = or_empty(a->user);
		c->devices[i] = a->token.ptr ? digest_of(a, arena) : or_empty(a->device);
		c->providers[i] = or_empty(a->provider);
		c->apps[i] = or_empty(a->app);
		c->tokens[i] = or_empty(a->token);
		c->sandboxes[i] = a->sandbox;
	}
}

static void queue_find(struct sw_pg *pg, const struct columns *c, struct sw_arena *arena)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_texts(&params, c->names, c->count);
	sw_pg_add_texts(&params, c->devices, c->count);
	sw_pg_queue(pg, SW_SQL_DIRECT_FIND, &params);
}

/* A user that is not there cannot subscribe, but may be taken off; a device only has to be there to be added. */
static const char *take_users(const struct sw_pg_result *rows, struct columns *c, bool devices,
			      struct sw_diag *diag_out)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->tokens[i].len) {
			continue;
		}
		c->users[i] = sw_pg_i64(rows, i, 0);
		if (c->users[i] == 0) {
			sw_diag_set(diag_out, SW_ENOTFOUND, "there is no user %.*s", SW_BYTES_FMT(c->names[i]));
			return "user";
		}
		if (devices && !sw_pg_bool(rows, i, 1)) {
			sw_diag_set(diag_out, SW_ENOTFOUND, "%.*s has no device %.*s", SW_BYTES_FMT(c->names[i]),
				    SW_BYTES_FMT(c->devices[i]));
			return "device";
		}
	}
	return NULL;
}

static void queue_change(struct sw_pg *pg, const struct sw_topic_change *change, const struct columns columns[2],
			 struct sw_arena *arena)
{
	const struct columns *remove = &columns[1];
	const struct columns *add = &columns[0];
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_text(&params, change->topic);
	sw_pg_add_i64s(&params, remove->users, remove->count);
	sw_pg_add_texts(&params, remove->devices, remove->count);
	sw_pg_queue(pg, SW_SQL_DIRECT_UNSUBSCRIBE, &params);
	sw_pg_params_init(&params, arena);
	sw_pg_add_text(&params, change->topic);
	sw_pg_add_i64s(&params, add->users, add->count);
	sw_pg_add_texts(&params, add->devices, add->count);
	sw_pg_add_texts(&params, add->providers, add->count);
	sw_pg_add_texts(&params, add->apps, add->count);
	sw_pg_add_texts(&params, add->tokens, add->count);
	sw_pg_add_bools(&params, add->sandboxes, add->count);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_queue(pg, SW_SQL_DIRECT_SUBSCRIBE, &params);
}

int sw_topic_change(struct sw_pg *pg, const struct sw_topic_change *change, struct sw_arena *arena,
		    struct sw_topic_result *result_out, struct sw_diag *diag_out)
{
	struct columns columns[2];
	*result_out = (struct sw_topic_result){0};
	fill(&columns[0], &change->add, arena);
	fill(&columns[1], &change->remove, arena);
	sw_pg_begin(pg);
	queue_find(pg, &columns[0], arena);
	queue_find(pg, &columns[1], arena);
	int err = sw_pg_run(pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
	if (err) {
		return err;
	}
	result_out->unknown = take_users(sw_pg_result(pg, 0), &columns[0], true, diag_out);
	if (!result_out->unknown) {
		result_out->unknown = take_users(sw_pg_result(pg, 1), &columns[1], false, diag_out);
	}
	if (result_out->unknown) {
		return SW_OK;
	}
	sw_pg_begin(pg);
	queue_change(pg, change, columns, arena);
	err = sw_pg_run(pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
	if (err) {
		return err;
	}
	result_out->removed = (int64_t)sw_pg_affected(sw_pg_result(pg, 0));
	const struct sw_pg_result *added = sw_pg_result(pg, 1);
	for (size_t i = 0; i < sw_pg_rows(added); i++) {
		result_out->added += sw_pg_bool(added, i, 0);
	}
	return SW_OK;
}
