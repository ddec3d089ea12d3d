/* SPDX-License-Identifier: Apache-2.0 */
/* hello: who is it, and from where does this device go on? The answer is welcome, then everything past the cursor. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int authenticate(struct sw_gateway *gateway, struct sw_bytes token, struct sw_token *token_out, struct sw_diag *diag)
{
	struct sw_keyset *keys = gateway_keys(gateway);
	int err = sw_token_verify(keys, &gateway->config.tokens, token, sw_clock_wall_ms(), token_out, diag);
	sw_keyset_unref(keys);
	if (err) {
		sw_metric_add(gateway->metrics.auth_failed, 1);
		SW_LOG(INFO, "gateway.auth_failed", SW_F_STR("reason", diag->text));
	}
	return err;
}

struct resume_read {
	struct gw_read read; /* first */
	char *name;
	char *device;
	int64_t asked_cursor;
	int64_t user; /* 0: no such account */
	bool disabled;
	int64_t pos;
	int64_t device_cursor;
};

static int find_account(struct resume_read *resume, struct sw_pg *pg, struct sw_arena *arena)
{
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_pg_params_init(&params, arena);
	sw_pg_add_text(&params, sw_bytes_str(resume->name));
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_FIND_ACCOUNT, &params);
	int err = sw_pg_run(pg, resume->read.job.deadline_mono_ms, &diag);
	if (!err && sw_pg_rows(sw_pg_result(pg, 0))) {
		resume->user = sw_pg_i64(sw_pg_result(pg, 0), 0, 0);
		resume->disabled = sw_pg_bool(sw_pg_result(pg, 0), 0, 1);
	}
	return err;
}

static int find_cursor(struct resume_read *resume, struct sw_pg *pg, struct sw_arena *arena)
{
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64(&params, resume->user);
	sw_pg_add_text(&params, sw_bytes_str(resume->device));
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_RESUME, &params);
	int err = sw_pg_run(pg, resume->read.job.deadline_mono_ms, &diag);
	if (!err) {
		resume->pos = sw_pg_i64(sw_pg_result(pg, 0), 0, 0);
		resume->device_cursor = sw_pg_i64(sw_pg_result(pg, 0), 0, 1);
	}
	return err;
}

/* Pool thread. */
static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct resume_read *resume = (struct resume_read *)job;
	struct sw_arena arena;
	sw_arena_init(&arena);
	resume->read.err = find_account(resume, pg, &arena);
	if (!resume->read.err && resume->user && !resume->disabled) {
		resume->read.err = find_cursor(resume, pg, &arena);
	}
	sw_arena_release(&arena);
}

static void welcome(struct session *session, const struct resume_read *resume)
{
	const struct sw_gateway_config *config = &session->loop->gateway->config;
	bool given = resume->asked_cursor >= 0;
	int64_t cursor = given ? resume->asked_cursor : resume->device_cursor;
	session->user = resume->user;
	session->sent_pos = session->acked_pos = cursor > resume->pos ? resume->pos : cursor;
	session->known_pos = resume->pos;
	session->state = SESSION_LIVE;
	sw_loop_disarm(session->loop->loop, &session->deadline);
	struct sw_buf frame;
	sw_buf_init(&frame, 4096);
	sw_buf_put_str(&frame, "{\"t\":\"welcome\",\"user\":");
	sw_json_put_cstr(&frame, session->user_name);
	sw_buf_put_str(&frame, ",\"device\":");
	sw_json_put_cstr(&frame, session->device);
	sw_buf_printf(&frame,
		      ",\"session\":\"%" PRId64 "\",\"pos\":\"%" PRId64 "\",\"cursor\":\"%" PRId64
		      "\",\"heartbeat_s\":%" PRId64 ",\"window\":%u,\"resume\":%s}",
		      session->number, resume->pos, session->sent_pos, config->ping_interval_ms / 1000, config->window,
		      given || resume->device_cursor ? "true" : "false");
	session_send(session, &frame);
	sw_buf_release(&frame);
	announce_up(session, false);
	feed_continue(session);
	session_release_held(session);
}

static void on_done(struct gw_read *read)
{
	struct resume_read *resume = (struct resume_read *)read;
	struct session *session = session_find(read->loop, read->number);
	if (session && session->state == SESSION_LOADING) {
		if (read->err) {
			session_close(session, SW_CLOSE_UNAVAILABLE, "the store is away, try again");
		} else if (!resume->user) {
			session_close(session, SW_CLOSE_FORBIDDEN, "there is no such account");
		} else if (resume->disabled) {
			session_close(session, SW_CLOSE_FORBIDDEN, "the account is disabled");
		} else {
			welcome(session, resume);
		}
	}
	free(resume->name);
	free(resume->device);
	free(resume);
}

/* Both in one piece of memory: small ones cost a lot. */
static void session_name(struct session *session, const char *user, struct sw_bytes device)
{
	size_t user_size = strlen(user) + 1;
	session->user_name = sw_xcalloc(1, user_size + device.len + 1);
	session->device = session->user_name + user_size;
	memcpy(session->user_name, user, user_size);
	memcpy(session->device, device.ptr, device.len);
}

void on_hello(struct session *session, const struct sw_hello_frame *hello)
{
	struct sw_token token;
	struct sw_diag diag = {0};
	if (authenticate(session->loop->gateway, hello->token, &token, &diag) != SW_OK) {
		session_close(session, SW_CLOSE_UNAUTHORIZED, diag.text);
		return;
	}
	if (!sw_device_name_valid(hello->device)) {
		session_close(session, SW_CLOSE_BAD_FRAME, "device: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
		return;
	}
	if (token.device[0] && !sw_bytes_equal_str(hello->device, token.device)) {
		session_close(session, SW_CLOSE_UNAUTHORIZED, "the token is for another device");
		return;
	}
	session->state = SESSION_LOADING;
	session->active = hello->active;
	session_name(session, token.user, hello->device);
	struct resume_read *resume = sw_xcalloc(1, sizeof(*resume));
	resume->read.number = session->number;
	resume->read.job.run = on_run;
	resume->read.done = on_done;
	resume->name = sw_xstrdup(session->user_name);
	resume->device = sw_xstrdup(session->device);
	resume->asked_cursor = hello->cursor;
	if (read_start(session->loop, &resume->read) != SW_OK) {
		resume->read.err = SW_EUNAVAILABLE;
		resume->read.loop = session->loop;
		on_done(&resume->read);
	}
}
