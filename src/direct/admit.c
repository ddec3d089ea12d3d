/* SPDX-License-Identifier: Apache-2.0 */
/* A key that is known is looked up first: what was admitted once is not judged again by what has changed since. */
#include "direct/admit.h"

#include <surewire/clock.h>
#include <surewire/provider_config.h>

enum { STATEMENT_MS = 5000 };

bool sw_direct_key_is_valid(struct sw_bytes key)
{
	for (size_t i = 0; i < key.len; i++) {
		if (key.ptr[i] < 0x20 || key.ptr[i] > 0x7e) {
			return false;
		}
	}
	return key.len >= 1 && key.len <= SW_DIRECT_KEY_BYTES_MAX;
}

static int run(struct sw_pg *pg, struct sw_diag *diag_out)
{
	return sw_pg_run(pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
}

static struct sw_bytes or_empty(struct sw_bytes text)
{
	return text.ptr ? text : sw_bytes("", 0);
}

/* ---- what is looked up ---- */

static void queue_look(struct sw_pg *pg, const struct sw_direct_asked *asked, struct sw_arena *arena)
{
	const struct sw_direct_request *request = asked->request;
	struct sw_bytes *devices = sw_arena_calloc(arena, request->user_count, sizeof(*devices));
	for (size_t i = 0; i < request->user_count; i++) {
		devices[i] = or_empty(request->kind == SW_DIRECT_DEVICE ? request->address.device : sw_bytes("", 0));
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_text(&params, asked->key);
	sw_pg_queue(pg, SW_SQL_DIRECT_KNOWN, &params);
	sw_pg_params_init(&params, arena);
	sw_pg_add_texts(&params, request->users, request->user_count);
	sw_pg_add_texts(&params, devices, request->user_count);
	sw_pg_queue(pg, SW_SQL_DIRECT_FIND, &params);
}

/* True: there is one already. */
static bool is_known(const struct sw_pg_result *rows, const struct sw_direct_asked *asked,
		     struct sw_direct_admission *out, struct sw_diag *diag_out)
{
	if (sw_pg_rows(rows) == 0) {
		return false;
	}
	struct sw_uuid hash = sw_pg_uuid(rows, 0, 1);
	out->id = sw_pg_i64(rows, 0, 0);
	out->verdict = out->id == asked->id ? SW_DIRECT_ADMITTED : SW_DIRECT_REPEATED;
	if (!sw_uuid_equal(&hash, &asked->request->hash)) {
		out->verdict = SW_DIRECT_KEY_REUSED;
		sw_diag_set(diag_out, SW_ECONFLICT, "this idempotency key was used for another request");
	}
	return true;
}

/* "apns,fcm": all of them take it. */
static bool fits(struct sw_bytes providers, const struct sw_direct_asked *asked, struct sw_diag *diag_out)
{
	for (size_t i = 0; i < asked->rules->provider_count; i++) {
		const struct sw_direct_provider *provider = &asked->rules->providers[i];
		struct sw_bytes rest = providers;
		struct sw_bytes name;
		while (sw_provider_next_item(&rest, &name)) {
			if (sw_bytes_equal_str(name, provider->name) &&
			    sw_direct_check_size(&asked->request->notification, provider, diag_out) != SW_OK) {
				return false;
			}
		}
	}
	return true;
}

/* False: somebody is not there, or cannot be sent so much. */
static bool take_users(const struct sw_pg_result *rows, const struct sw_direct_asked *asked, int64_t *users,
		       struct sw_direct_admission *out, struct sw_diag *diag_out)
{
	const struct sw_direct_request *request = asked->request;
	for (size_t i = 0; i < request->user_count; i++) {
		users[i] = sw_pg_i64(rows, i, 0);
		out->verdict = SW_DIRECT_UNKNOWN;
		if (users[i] == 0) {
			sw_diag_set(diag_out, SW_ENOTFOUND, "there is no user %.*s", SW_BYTES_FMT(request->users[i]));
			return false;
		}
		if (!sw_pg_bool(rows, i, 1)) {
			sw_diag_set(diag_out, SW_ENOTFOUND, "%.*s has no device %.*s", SW_BYTES_FMT(request->users[i]),
				    SW_BYTES_FMT(request->address.device));
			return false;
		}
		if (!fits(sw_pg_bytes(rows, i, 2), asked, diag_out)) {
			out->verdict = SW_DIRECT_TOO_LARGE;
			return false;
		}
	}
	return true;
}

/* ---- what is stored ---- */

static void queue_add(struct sw_pg *pg, const struct sw_direct_asked *asked, const int64_t *users,
		      struct sw_arena *arena)
{
	const struct sw_direct_request *r = asked->request;
	const struct sw_direct_address *to = &r->address;
	struct sw_pg_params p;
	sw_pg_params_init(&p, arena);
	sw_pg_add_i64(&p, asked->id);
	sw_pg_add_text(&p, asked->key);
	sw_pg_add_uuid(&p, &r->hash);
	sw_pg_add_text(&p, sw_bytes_str(asked->operator));
	sw_pg_add_text(&p, sw_bytes_str(sw_direct_kind_name(r->kind)));
	sw_pg_add_i64s(&p, users, r->user_count);
	sw_pg_add_text(&p, or_empty(to->device));
	sw_pg_add_text(&p, or_empty(r->topic));
	sw_pg_add_text(&p, or_empty(to->provider));
	sw_pg_add_text(&p, or_empty(to->app));
	sw_pg_add_text(&p, or_empty(to->token));
	sw_pg_add_bool(&p, to->sandbox);
	sw_pg_add_text(&p, r->title);
	sw_pg_add_text(&p, r->body);
	sw_pg_add_text(&p, r->content);
	sw_pg_add_bool(&p, r->urgent);
	sw_pg_add_i64(&p, r->created_at_ms);
	sw_pg_add_i64(&p, r->expires_at_ms);
	sw_pg_queue(pg, SW_SQL_DIRECT_ADD, &p);
	sw_pg_params_init(&p, arena);
	sw_pg_add_i64(&p, asked->id);
	sw_pg_add_text(&p, asked->key);
	sw_pg_queue(pg, SW_SQL_DIRECT_ADDED, &p);
}

int sw_direct_admit(struct sw_pg *pg, const struct sw_direct_asked *asked, struct sw_arena *arena,
		    struct sw_direct_admission *out, struct sw_diag *diag_out)
{
	*out = (struct sw_direct_admission){.verdict = SW_DIRECT_ADMITTED, .id = asked->id};
	sw_pg_begin(pg);
	queue_look(pg, asked, arena);
	int err = run(pg, diag_out);
	if (err || is_known(sw_pg_result(pg, 0), asked, out, diag_out)) {
		return err;
	}
	int64_t *users = sw_arena_calloc(arena, asked->request->user_count, sizeof(*users));
	if (!take_users(sw_pg_result(pg, 1), asked, users, out, diag_out)) {
		return SW_OK;
	}
	sw_pg_begin(pg);
	queue_add(pg, asked, users, arena);
	err = run(pg, diag_out);
	if (err == SW_OK && !is_known(sw_pg_result(pg, 1), asked, out, diag_out)) {
		err = sw_diag_set(diag_out, SW_ESQL, "the request is not where it was stored");
	}
	return err;
}
