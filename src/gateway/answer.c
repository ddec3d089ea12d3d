/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an accepted message: accepted, then stored or rejected, exactly once each. An answer that got lost with
 * the node's queue is looked up in the store. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>

void unanswered_add(struct session *session, const struct sw_uuid *cid)
{
	struct unanswered *entry = sw_xcalloc(1, sizeof(*entry));
	entry->cid = *cid;
	entry->since_ms = sw_clock_mono_ms();
	struct unanswered **last = &session->unanswered;
	while (*last) {
		last = &(*last)->next;
	}
	*last = entry;
	session->unanswered_count++;
}

static struct unanswered **find_unanswered(struct session *session, const struct sw_uuid *cid)
{
	struct unanswered **at = &session->unanswered;
	while (*at && !sw_uuid_equal(&(*at)->cid, cid)) {
		at = &(*at)->next;
	}
	return *at ? at : NULL;
}

static void remove_unanswered(struct session *session, struct unanswered **at)
{
	struct unanswered *entry = *at;
	*at = entry->next;
	free(entry);
	session->unanswered_count--;
}

void unanswered_free(struct session *session)
{
	while (session->unanswered) {
		remove_unanswered(session, &session->unanswered);
	}
}

static void put_cid(struct sw_buf *frame, const char *type, const struct sw_uuid *cid)
{
	char text[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(cid, text);
	sw_buf_put_str(frame, "{\"t\":\"");
	sw_buf_put_str(frame, type);
	sw_buf_put_str(frame, "\",\"cid\":\"");
	sw_buf_put_str(frame, text);
	sw_buf_put_char(frame, '"');
}

static void send_accepted(struct session *session, struct unanswered *entry)
{
	if (entry->accepted) {
		return;
	}
	entry->accepted = true;
	sw_metric_add(session->loop->gateway->metrics.accepted, 1);
	struct sw_buf frame;
	sw_buf_init(&frame, 256);
	put_cid(&frame, "accepted", &entry->cid);
	sw_buf_put_char(&frame, '}');
	session_send(session, &frame);
	sw_buf_release(&frame);
}

/* The broker has confirmed an envelope, or refused it. */
void answer_accepted(struct gw_loop *loop, const struct waiter *waiter, int result)
{
	if (waiter->kind == WAIT_REQUEST) {
		struct request *request = request_find(loop, waiter->number);
		if (request && result == SW_OK) {
			request->accepted = true;
		} else if (request) {
			request->on_result(request, REQUEST_REFUSED, NULL);
		}
		return;
	}
	struct session *session = session_find(loop, waiter->number);
	struct unanswered **at = session ? find_unanswered(session, &waiter->cid) : NULL;
	if (!at) {
		return; /* gone, or answered already: the writer was faster than the confirm */
	}
	if (result == SW_OK) {
		send_accepted(session, *at);
		return;
	}
	char text[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(&waiter->cid, text);
	remove_unanswered(session, at);
	session_error(session, SW_ERROR_UNAVAILABLE, sw_bytes(text, SW_UUID_TEXT_LEN), NULL);
}

static void on_stored(struct session *session, const struct sw_item_stored *stored)
{
	struct unanswered **at = find_unanswered(session, &stored->cid);
	if (!at) {
		return; /* a repeat of what was said already */
	}
	send_accepted(session, *at);
	remove_unanswered(session, at);
	struct sw_buf frame;
	sw_buf_init(&frame, 512);
	put_cid(&frame, "stored", &stored->cid);
	sw_put_place(&frame, stored->conv, stored->seq, stored->id);
	sw_buf_put_char(&frame, '}');
	sw_metric_add(session->loop->gateway->metrics.stored, 1);
	session_send(session, &frame);
	sw_buf_release(&frame);
}

static void on_rejected(struct session *session, const struct sw_item_rejected *rejected)
{
	struct unanswered **at = find_unanswered(session, &rejected->cid);
	if (!at) {
		return;
	}
	send_accepted(session, *at);
	remove_unanswered(session, at);
	struct sw_buf frame;
	sw_buf_init(&frame, 1024);
	put_cid(&frame, "rejected", &rejected->cid);
	sw_buf_put_str(&frame, ",\"code\":");
	sw_json_put_string(&frame, rejected->code);
	sw_buf_put_str(&frame, ",\"message\":");
	sw_json_put_string(&frame, rejected->message);
	sw_buf_put_char(&frame, '}');
	sw_metric_add(session->loop->gateway->metrics.rejected, 1);
	session_send(session, &frame);
	sw_buf_release(&frame);
}

/* Of an ack of an alert; nothing else of a session is answered so. */
static void on_reply(struct session *session, const struct sw_item_reply *reply)
{
	if (reply->code.len) {
		enum sw_error_code code = sw_error_of_code(reply->code);
		session_error(session, code ? code : SW_ERROR_UNAVAILABLE, sw_bytes("", 0), NULL);
		return;
	}
	struct sw_buf frame;
	sw_buf_init(&frame, 64);
	sw_buf_put_str(&frame, "{\"t\":\"alert_acked\",\"alert\":");
	sw_json_put_string(&frame, reply->message);
	sw_buf_put_char(&frame, '}');
	session_send(session, &frame);
	sw_buf_release(&frame);
}

static void to_session(struct session *session, const struct sw_item *item)
{
	switch (item->kind) {
	case SW_ITEM_STORED:
		on_stored(session, &item->as.stored);
		break;
	case SW_ITEM_REJECTED:
		on_rejected(session, &item->as.rejected);
		break;
	case SW_ITEM_REPLY:
		on_reply(session, &item->as.reply);
		break;
	case SW_ITEM_READY:
		feed_known(session, item->as.ready.pos);
		break;
	case SW_ITEM_FORGOTTEN:
		if (session->state == SESSION_LIVE) {
			announce_up(session, true);
		}
		break;
	case SW_ITEM_REPLACED:
		session->announced = false; /* the mailbox has dropped it already */
		session_close(session, SW_CLOSE_REPLACED, NULL);
		break;
	case SW_ITEM_DEVICE_DENIED:
		session->announced = false; /* the mailbox never knew it */
		session_close(session, SW_CLOSE_TOO_MANY_DEVICES, NULL);
		break;
	default:
		break;
	}
}

static void to_request(struct request *request, const struct sw_item *item)
{
	switch (item->kind) {
	case SW_ITEM_STORED:
		request->on_result(request, REQUEST_STORED, item);
		break;
	case SW_ITEM_REJECTED:
		request->on_result(request, REQUEST_REJECTED, item);
		break;
	case SW_ITEM_REPLY:
		request->on_result(request, REQUEST_REPLY, item);
		break;
	case SW_ITEM_READY:
		request->on_result(request, REQUEST_READY, item);
		break;
	case SW_ITEM_FORGOTTEN:
		request->on_result(request, REQUEST_FORGOTTEN, item);
		break;
	case SW_ITEM_REPLACED:
		request->on_result(request, REQUEST_TIMEOUT, item);
		break;
	case SW_ITEM_DEVICE_DENIED:
		request->on_result(request, REQUEST_DENIED, item);
		break;
	default:
		break;
	}
}

int64_t answer_number(const struct sw_item *item)
{
	switch (item->kind) {
	case SW_ITEM_STORED:
		return item->as.stored.session;
	case SW_ITEM_REJECTED:
		return item->as.rejected.session;
	case SW_ITEM_READY:
		return item->as.ready.session;
	case SW_ITEM_REPLACED:
		return item->as.replaced.session;
	case SW_ITEM_FORGOTTEN:
		return item->as.forgotten.session;
	case SW_ITEM_DEVICE_DENIED:
		return item->as.device_denied.session;
	case SW_ITEM_REPLY:
		return item->as.reply.request;
	default:
		return 0;
	}
}

void answer_item(struct gw_loop *loop, const struct sw_item *item)
{
	int64_t number = answer_number(item);
	struct session *session = session_find(loop, number);
	struct request *request = session ? NULL : request_find(loop, number);
	if (session) {
		to_session(session, item);
	} else if (request) {
		to_request(request, item);
	}
}

/* ---- asking the store for answers that did not come ---- */

struct sent_read {
	struct gw_read read; /* first */
	int64_t user;
	size_t count;
	struct sw_uuid *cids;
	struct sw_item_stored *found;
	size_t found_count;
};

/* Pool thread. */
static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct sent_read *sent = (struct sent_read *)job;
	struct sw_arena arena;
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	sw_pg_params_init(&params, &arena);
	sw_pg_add_i64(&params, sent->user);
	sw_pg_add_uuids(&params, sent->cids, sent->count);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_FIND_SENT, &params);
	sent->read.err = sw_pg_run(pg, job->deadline_mono_ms, &diag);
	for (size_t i = 0; !sent->read.err && i < sw_pg_rows(sw_pg_result(pg, 0)) && i < sent->count; i++) {
		const struct sw_pg_result *r = sw_pg_result(pg, 0);
		sent->found[sent->found_count++] = (struct sw_item_stored){.cid = sw_pg_uuid(r, i, 0),
									   .id = sw_pg_i64(r, i, 1),
									   .conv = sw_pg_i64(r, i, 2),
									   .seq = sw_pg_i64(r, i, 3)};
	}
	sw_arena_release(&arena);
}

static void on_sent_read(struct gw_read *read)
{
	struct sent_read *sent = (struct sent_read *)read;
	struct session *session = session_find(read->loop, read->number);
	if (session && session->state == SESSION_LIVE) {
		session->asking = false;
		for (size_t i = 0; i < sent->found_count; i++) {
			on_stored(session, &sent->found[i]);
		}
		int64_t oldest_ms = session->unanswered ? sw_clock_mono_ms() - session->unanswered->since_ms : 0;
		if (!read->err && oldest_ms > UNANSWERED_MAX_MS && session->unanswered->accepted) {
			session_close(session, SW_CLOSE_RETRY, NULL);
		}
	}
	free(sent->cids);
	free(sent->found);
	free(sent);
}

void answers_check(struct session *session)
{
	if (session->asking || !session->unanswered || !session->unanswered->accepted ||
	    sw_clock_mono_ms() - session->unanswered->since_ms < UNANSWERED_ASK_MS) {
		return;
	}
	struct sent_read *sent = sw_xcalloc(1, sizeof(*sent));
	sent->read.number = session->number;
	sent->read.job.run = on_run;
	sent->read.done = on_sent_read;
	sent->user = session->user;
	sent->cids = sw_xcalloc(session->unanswered_count, sizeof(*sent->cids));
	sent->found = sw_xcalloc(session->unanswered_count, sizeof(*sent->found));
	for (const struct unanswered *entry = session->unanswered; entry; entry = entry->next) {
		sent->cids[sent->count++] = entry->cid;
	}
	session->asking = true;
	if (read_start(session->loop, &sent->read) != SW_OK) {
		sent->read.err = SW_EBUSY;
		sent->read.loop = session->loop;
		on_sent_read(&sent->read);
	}
}
