/* SPDX-License-Identifier: Apache-2.0 */
/* Events to the client, in order of pos and without holes: live when the next one comes and the window is open, otherwise
 * from the inbox. Memory per session is bounded by the window, however slow the client is. */
#include "gateway/gateway_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

enum { FRAME_BYTES_MAX = 32 << 20 };

static int64_t window_left(const struct session *session)
{
	return session->acked_pos + session->loop->gateway->config.window - session->sent_pos;
}

/* Events take half of the socket's queue at most, the rest is for answers: a burst, or a resume with much waiting, closes
 * nobody. */
static size_t page_bytes(const struct session *session)
{
	return session->loop->gateway->config.send_queue_bytes_max / 2;
}

void feed_live(struct session *session, int64_t pos, const struct sw_item_event *event)
{
	bool next = session->state == SESSION_LIVE && !session->reading && pos == session->sent_pos + 1 &&
		    session->known_pos <= session->sent_pos && window_left(session) > 0;
	bool fits = next && sw_ws_queued_bytes(session->ws) + event->body.len <= page_bytes(session);
	if (!fits) {
		feed_known(session, pos);
		return;
	}
	struct sw_event_view view = {.pos = pos,
				     .conv = event->conv,
				     .seq = event->seq,
				     .id = event->id,
				     .kind = event->kind,
				     .from = event->sender_name,
				     .at_ms = event->at_ms,
				     .body = event->body};
	struct sw_buf frame;
	sw_buf_init(&frame, FRAME_BYTES_MAX);
	sw_buf_put_str(&frame, "{\"t\":\"events\",\"events\":[");
	sw_put_event(&frame, &view);
	sw_buf_put_str(&frame, "]}");
	session->sent_pos = session->known_pos = pos;
	sw_metric_add(session->loop->gateway->metrics.events, 1);
	written_add(session);
	session_send(session, &frame);
	sw_buf_release(&frame);
}

void feed_known(struct session *session, int64_t pos)
{
	if (pos > session->known_pos) {
		session->known_pos = pos;
	}
	feed_continue(session);
}

/* ---- from the inbox ---- */

struct feed_read {
	struct gw_read read; /* first */
	int64_t wanted;      /* known_pos when it was asked */
	struct feed_page page;
};

int feed_query(struct sw_pg *pg, int64_t deadline_ms, struct feed_page *page)
{
	struct sw_buf *out = &page->out;
	struct sw_arena arena;
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	sw_pg_params_init(&params, &arena);
	sw_pg_add_i64(&params, page->user);
	sw_pg_add_i64(&params, page->after);
	sw_pg_add_i32(&params, page->rows_max);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_SYNC, &params);
	int err = sw_pg_run(pg, deadline_ms, &diag);
	sw_arena_release(&arena);
	page->last_pos = page->after;
	const struct sw_pg_result *r = err ? NULL : sw_pg_result(pg, 0);
	page->more = r && sw_pg_rows(r) == (size_t)page->rows_max;
	sw_buf_put_char(out, '[');
	for (size_t i = 0; r && i < sw_pg_rows(r); i++) {
		struct sw_event_view view = {.pos = sw_pg_i64(r, i, 0),
					     .conv = sw_pg_i64(r, i, 1),
					     .seq = sw_pg_i64(r, i, 2),
					     .id = sw_pg_i64(r, i, 3),
					     .kind = sw_pg_bytes(r, i, 4),
					     .from = sw_pg_bytes(r, i, 5),
					     .at_ms = sw_pg_i64(r, i, 6),
					     .body = sw_pg_bytes(r, i, 7)};
		if (view.pos != page->last_pos + 1) {
			page->more = false;
			break; /* a hole would be an event whose row is not there: never skip it */
		}
		if (i && out->len + view.body.len > page->bytes_max) {
			page->more = true;
			break;
		}
		if (i) {
			sw_buf_put_char(out, ',');
		}
		sw_put_event(out, &view);
		page->last_pos = view.pos;
	}
	sw_buf_put_char(out, ']');
	return err;
}

/* Pool thread. */
static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct feed_read *feed = (struct feed_read *)job;
	sw_buf_put_str(&feed->page.out, "{\"t\":\"events\",\"events\":");
	feed->read.err = feed_query(pg, job->deadline_mono_ms, &feed->page);
	sw_buf_put_char(&feed->page.out, '}');
}

static void on_done(struct gw_read *read)
{
	struct feed_read *feed = (struct feed_read *)read;
	struct session *session = session_find(read->loop, read->number);
	if (session) {
		session->reading = false;
		if (!read->err && feed->page.last_pos > session->sent_pos) {
			sw_metric_add(read->loop->gateway->metrics.events, feed->page.last_pos - session->sent_pos);
			session->sent_pos = feed->page.last_pos;
			written_add(session);
			session_send(session, &feed->page.out);
		}
		if (!read->err && session->known_pos <= feed->wanted && !feed->page.more) {
			/* The store has no more: what was thought to exist was only a suspicion. */
			session->known_pos = session->sent_pos;
		}
		if (!read->err) {
			feed_continue(session);
		} /* otherwise the tick tries again */
	}
	sw_buf_release(&feed->page.out);
	free(feed);
}

void feed_continue(struct session *session)
{
	int64_t room = window_left(session);
	if (session->state != SESSION_LIVE || session->reading || session->known_pos <= session->sent_pos ||
	    room <= 0) {
		return;
	}
	if (sw_ws_queued_bytes(session->ws) > page_bytes(session) / 2) {
		return; /* on_drained comes, an ack, or the tick */
	}
	struct feed_read *feed = sw_xcalloc(1, sizeof(*feed));
	feed->read.number = session->number;
	feed->read.job.run = on_run;
	feed->read.done = on_done;
	feed->wanted = session->known_pos;
	feed->page = (struct feed_page){.user = session->user,
					.after = session->sent_pos,
					.last_pos = session->sent_pos,
					.rows_max = (int)(room < FEED_ROWS_MAX ? room : FEED_ROWS_MAX),
					.bytes_max = page_bytes(session)};
	sw_buf_init(&feed->page.out, FRAME_BYTES_MAX);
	session->reading = true;
	sw_metric_add(session->loop->gateway->metrics.gaps, 1);
	if (read_start(session->loop, &feed->read) != SW_OK) {
		session->reading = false;
		free(feed);
	}
}

void feed_check(struct session *session)
{
	if (sw_ws_queued_bytes(session->ws) <= page_bytes(session) / 2) {
		session->slow_checks = 0;
		feed_continue(session);
	} else if (++session->slow_checks >= SLOW_CHECKS_MAX) {
		session_slow(session);
	}
}
