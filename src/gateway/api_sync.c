/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/sync: events past a cursor, waiting for the first one if there is none (long poll). The cursor is the ack of the
 * device. While it waits, the poll is a session like a socket's, so that an event wakes it. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdlib.h>

enum { SYNC_ROWS_MAX = 100, SYNC_BYTES_MAX = 8 << 20, ANSWER_BYTES_MAX = 32 << 20 };

struct sync_read {
	struct gw_read read; /* first */
	struct feed_page page;
};

/* Bits of SESSION_UP, or 0: down. */
static void announce(struct request *request, unsigned up)
{
	struct sw_gateway *gateway = request->loop->gateway;
	struct sw_item item = {.kind = up ? SW_ITEM_SESSION_UP : SW_ITEM_SESSION_DOWN};
	if (up) {
		item.as.session_up = (struct sw_item_session_up){.user = request->user,
								 .device = sw_bytes_str(request->device),
								 .node = gateway->config.node,
								 .session = request->number,
								 .active = (uint8_t)up,
								 .cursor = request->cursor};
	} else {
		item.as.session_down = (struct sw_item_session_down){
			.user = request->user, .node = gateway->config.node, .session = request->number};
	}
	(void)lane_add(request->loop, SW_ROLE_MAILBOX, sw_partition_of_user(request->user), &item, NULL, true);
}

static void finish(struct request *request, struct sw_bytes events, int64_t cursor)
{
	struct sw_buf out;
	sw_buf_init(&out, ANSWER_BYTES_MAX + 128);
	sw_buf_printf(&out, "{\"cursor\":\"%" PRId64 "\",\"events\":", cursor);
	sw_buf_put_bytes(&out, events);
	sw_buf_put_char(&out, '}');
	sw_http_respond(request->exchange, 200, "application/json", "Cache-Control: no-store\r\n", sw_buf_bytes(&out));
	sw_buf_release(&out);
	if (request->announced) {
		announce(request, 0);
	}
	request_free(request);
}

/* Pool thread. */
static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct sync_read *sync = (struct sync_read *)job;
	sync->read.err = feed_query(pg, job->deadline_mono_ms, &sync->page);
}

static void read_more(struct request *request);

static void on_done(struct gw_read *read)
{
	struct sync_read *sync = (struct sync_read *)read;
	struct request *request = request_find(read->loop, read->number);
	if (request) {
		request->reading = false;
		if (read->err) {
			api_fail(request->exchange, SW_ERROR_UNAVAILABLE, "the store is away, try again");
			if (request->announced) {
				announce(request, 0);
			}
			request_free(request);
		} else if (sync->page.last_pos > sync->page.after || !request->waits) {
			finish(request, sw_buf_bytes(&sync->page.out), sync->page.last_pos);
		} else if (!request->announced) {
			/* Nothing yet: wait as a session. READY tells whether something came in between. */
			request->announced = true;
			announce(request, SW_SESSION_ACTIVE);
		} else if (request->again) {
			read_more(request); /* the event came after the read had looked */
		}
	}
	sw_buf_release(&sync->page.out);
	free(sync);
}

static void read_more(struct request *request)
{
	request->again = request->reading;
	if (request->reading) {
		return;
	}
	struct sync_read *sync = sw_xcalloc(1, sizeof(*sync));
	sync->read.number = request->number;
	sync->read.job.run = on_run;
	sync->read.done = on_done;
	sync->page = (struct feed_page){.user = request->user,
					.after = request->cursor,
					.last_pos = request->cursor,
					.rows_max = SYNC_ROWS_MAX,
					.bytes_max = SYNC_BYTES_MAX};
	sw_buf_init(&sync->page.out, ANSWER_BYTES_MAX);
	request->reading = true;
	if (read_start(request->loop, &sync->read) != SW_OK) {
		sync->read.err = SW_EBUSY;
		sync->read.loop = request->loop;
		on_done(&sync->read);
	}
}

static void on_result(struct request *request, enum request_result result, const struct sw_item *item)
{
	switch (result) {
	case REQUEST_READY:
		if (item->as.ready.pos > request->cursor) {
			read_more(request);
		}
		break;
	case REQUEST_EVENT:
		read_more(request);
		break;
	case REQUEST_FORGOTTEN:
		if (request->announced) {
			announce(request, SW_SESSION_ACTIVE | SW_SESSION_AGAIN);
		}
		break;
	case REQUEST_DENIED:
		request->announced = false;
		api_fail(request->exchange, SW_ERROR_TOO_MANY_DEVICES, NULL);
		request_free(request);
		break;
	case REQUEST_TIMEOUT:
	case REQUEST_GONE:
		finish(request, sw_bytes("[]", 2), request->cursor);
		break;
	default:
		break;
	}
}

static bool number_param(struct sw_http_exchange *exchange, const char *name, int64_t max, int64_t *value_out)
{
	struct sw_buf text;
	uint64_t value;
	sw_buf_init(&text, 64);
	int err = sw_http1_query_param(sw_http_query(exchange), name, &text);
	bool good = err == SW_ENOTFOUND;
	if (err == SW_OK && sw_bytes_to_u64(sw_buf_bytes(&text), &value) == SW_OK && value <= (uint64_t)max) {
		*value_out = (int64_t)value;
		good = true;
	}
	sw_buf_release(&text);
	return good;
}

void api_sync(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	const struct sw_gateway_config *config = &loop->gateway->config;
	int64_t cursor = 0;
	int64_t wait_s = 0;
	struct sw_buf device;
	sw_buf_init(&device, SW_TOKEN_DEVICE_MAX + 1);
	int err = sw_http1_query_param(sw_http_query(exchange), "device", &device);
	if (!number_param(exchange, "cursor", INT64_MAX, &cursor)) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "cursor: expected a decimal number");
	} else if (!number_param(exchange, "wait", config->long_poll_max_ms / 1000, &wait_s)) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "wait: expected seconds, at most long_poll_max of the server");
	} else if ((err && err != SW_ENOTFOUND) || (device.len && !sw_device_name_valid(sw_buf_bytes(&device)))) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "device: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
	} else if (wait_s && !device.len) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "device: expected with wait");
	} else {
		struct request *request = request_new(loop, exchange, on_result,
						      wait_s ? wait_s * 1000 : READ_DEADLINE_MS + 1000);
		request->user = user;
		request->user_name = sw_xstrdup(name);
		request->device = sw_xstrdup(sw_buf_cstr(&device));
		request->cursor = cursor;
		request->waits = wait_s > 0;
		if (device.len && cursor > 0) {
			(void)publish_read(loop, user, request->device, cursor);
		}
		read_more(request);
	}
	sw_buf_release(&device);
}
