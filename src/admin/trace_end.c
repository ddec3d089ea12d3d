/* SPDX-License-Identifier: Apache-2.0 */
/* Why did she not get it: one sentence a recipient. */
#include "admin/trace.h"

#include "proto/job.h"

#include <surewire/clock.h>

enum { TEXT_BYTES_MAX = 4096 };

/* One recipient: a row a device, and for each device that was pushed to the push that decides. */
struct recipient {
	const struct sw_recipient_row *devices;
	size_t device_count; /* rows; one without a device when there is none */
	const struct sw_delivery_row **pushes;
	size_t push_count;
	int64_t routed_at_ms;   /* 0: not recorded */
	struct sw_bytes device; /* of the conclusion, with the next one */
	int64_t at_ms;
	struct sw_buf out;
};

const char *sw_trace_end_text(enum sw_trace_end end)
{
	static const char *const texts[] = {"sender", "acked", "pushed", "under_way", "not_delivered"};
	return texts[end];
}

static bool is(const struct sw_delivery_row *row, const char *state)
{
	return sw_bytes_equal_str(row->state, state);
}

static bool is_under_way(const struct sw_delivery_row *row)
{
	return is(row, "retry") || is(row, "sending");
}

/* An earlier mail to the device told of it, too. */
static bool is_told(const struct sw_delivery_row *row)
{
	return is(row, "delivered") || (is(row, "dropped") && sw_bytes_equal_str(row->last_reason, "in_digest"));
}

static int weight(const struct sw_delivery_row *row)
{
	return is_told(row) ? 2 : is_under_way(row) ? 1 : 0;
}

/* A replay is another push to the same device: delivered decides, else under way, else the latest. */
static bool is_better(const struct sw_delivery_row *row, const struct sw_delivery_row *than)
{
	return weight(row) != weight(than) ? weight(row) > weight(than) : row->updated_at_ms >= than->updated_at_ms;
}

static void take_push(struct recipient *r, const struct sw_delivery_row *row)
{
	for (size_t i = 0; i < r->push_count; i++) {
		if (sw_bytes_equal(r->pushes[i]->device, row->device)) {
			r->pushes[i] = is_better(row, r->pushes[i]) ? row : r->pushes[i];
			return;
		}
	}
	r->pushes[r->push_count++] = row;
}

static void take_pushes(struct recipient *r, const struct sw_trace *trace, struct sw_arena *arena)
{
	size_t count = 0;
	for (size_t i = 0; i < trace->delivery_count; i++) {
		count += sw_bytes_equal(trace->deliveries[i].user, r->devices->user);
	}
	r->pushes = sw_arena_calloc(arena, count + 1, sizeof(const struct sw_delivery_row *));
	for (size_t i = 0; i < trace->delivery_count; i++) {
		if (sw_bytes_equal(trace->deliveries[i].user, r->devices->user)) {
			take_push(r, &trace->deliveries[i]);
		}
	}
}

static bool was_pushed(const struct recipient *r, const struct sw_recipient_row *device)
{
	for (size_t i = 0; i < r->push_count; i++) {
		if (sw_bytes_equal(r->pushes[i]->device, device->device)) {
			return true;
		}
	}
	return false;
}

static void put_time(struct recipient *r, const char *before, int64_t at_ms, const char *after)
{
	char text[SW_CLOCK_TEXT_MAX];
	if (at_ms) {
		sw_buf_printf(&r->out, "%s%s%s", before, sw_clock_text(at_ms, text), after);
	}
}

static void put_device(struct recipient *r, struct sw_bytes device, struct sw_bytes provider)
{
	sw_buf_put_bytes(&r->out, device);
	if (provider.len) {
		sw_buf_printf(&r->out, " (%.*s)", SW_BYTES_FMT(provider));
	}
}

static void put_push(struct recipient *r, const struct sw_delivery_row *row)
{
	put_device(r, row->device, row->provider);
	struct sw_bytes state = is(row, "token_dead") ? sw_bytes_str("token dead") : row->state;
	sw_buf_printf(&r->out, " %.*s", SW_BYTES_FMT(state));
	put_time(r, " at ", is_under_way(row) ? 0 : row->updated_at_ms, "");
	if (row->last_reason.len) {
		sw_buf_printf(&r->out, ": %.*s", SW_BYTES_FMT(row->last_reason));
	} else if (row->last_status) {
		sw_buf_printf(&r->out, ": status %d", row->last_status);
	}
	if (is_under_way(row)) {
		sw_buf_printf(&r->out, " (%d tr%s so far", row->attempts, row->attempts == 1 ? "y" : "ies");
		put_time(r, ", the next at ", row->next_at_ms, "");
		sw_buf_put_char(&r->out, ')');
	}
}

static void put_told(struct recipient *r, const struct sw_delivery_row *row)
{
	struct sw_bytes reason = sw_job_reason_text(row->planned_reason);
	put_device(r, row->device, row->provider);
	put_time(r, " at ", row->updated_at_ms, "");
	if (reason.len) {
		sw_buf_printf(&r->out, " (%.*s)", SW_BYTES_FMT(reason));
	}
}

/* ---- the ways it may end, the best first ---- */

static bool tell_sender(struct recipient *r, const struct sw_trace *trace)
{
	if (!sw_bytes_equal(r->devices->user, trace->message.sender)) {
		return false;
	}
	sw_buf_put_str(&r->out, "the sender");
	return true;
}

static bool has_acked(const struct sw_recipient_row *row)
{
	return row->has_device && row->pos && row->cursor >= row->pos;
}

static bool has_read(const struct sw_recipient_row *row)
{
	return has_acked(row) && row->active_cursor >= row->pos;
}

/* Not recorded: after all that is. */
static int64_t time_of(const struct sw_recipient_row *row)
{
	int64_t at_ms = has_read(row) ? row->read_at_ms : row->acked_at_ms;
	return at_ms ? at_ms : INT64_MAX;
}

/* Where it was read first, else where it was acked first. */
static bool is_earlier(const struct sw_recipient_row *row, const struct sw_recipient_row *than)
{
	return has_read(row) != has_read(than) ? has_read(row) : time_of(row) < time_of(than);
}

static bool tell_acked(struct recipient *r)
{
	const struct sw_recipient_row *first = NULL;
	for (size_t i = 0; i < r->device_count; i++) {
		if (has_acked(&r->devices[i]) && (!first || is_earlier(&r->devices[i], first))) {
			first = &r->devices[i];
		}
	}
	if (!first) {
		return false;
	}
	r->device = first->device;
	r->at_ms = has_read(first) ? first->read_at_ms : first->acked_at_ms;
	sw_buf_printf(&r->out, "got it on %.*s, %s", SW_BYTES_FMT(first->device),
		      has_read(first) ? "read there" : "acked in the background");
	put_time(r, " at ", r->at_ms, "");
	if (has_read(first) && first->acked_at_ms != first->read_at_ms) {
		put_time(r, ", acked at ", first->acked_at_ms, "");
	}
	return true;
}

static bool tell_pushes_of(struct recipient *r, const char *intro, int of_weight)
{
	bool any = false;
	for (size_t i = 0; i < r->push_count; i++) {
		const struct sw_delivery_row *row = r->pushes[i];
		if (weight(row) == of_weight) {
			sw_buf_put_str(&r->out, any ? "; " : intro);
			if (of_weight == 2) {
				put_told(r, row);
			} else {
				put_push(r, row);
			}
			any = true;
		}
	}
	return any;
}

static bool tell_pushed(struct recipient *r)
{
	if (!tell_pushes_of(r, "pushed to ", 2)) {
		return false;
	}
	for (size_t i = 0; i < r->push_count; i++) {
		const struct sw_delivery_row *row = r->pushes[i];
		if (weight(row) == 2 && (!r->device.ptr || row->updated_at_ms < r->at_ms)) {
			r->device = row->device;
			r->at_ms = row->updated_at_ms;
		}
	}
	sw_buf_put_str(&r->out, ", no device has acked");
	return true;
}

static bool tell_under_way(struct recipient *r)
{
	if (tell_pushes_of(r, "under way: ", 1)) {
		tell_pushes_of(r, "; ", 0);
		return true;
	}
	if (r->push_count || !r->devices->pushes) {
		return false;
	}
	sw_buf_printf(&r->out, "under way: %d push%s planned", r->devices->pushes, r->devices->pushes == 1 ? "" : "es");
	put_time(r, " at ", r->routed_at_ms, "");
	sw_buf_put_str(&r->out, ", not taken up by a pusher yet");
	return true;
}

/* What nobody has acked, although there were sockets. */
static void tell_sockets(struct recipient *r)
{
	int count = r->devices->sockets;
	if (r->routed_at_ms && count) {
		sw_buf_printf(&r->out, "; sent towards %d open socket%s", count, count == 1 ? "" : "s");
		put_time(r, " at ", r->routed_at_ms, ", no ack");
	}
}

/* The devices that nothing was sent to. */
static void tell_others(struct recipient *r)
{
	bool any = false;
	for (size_t i = 0; i < r->device_count; i++) {
		const struct sw_recipient_row *row = &r->devices[i];
		if (!row->has_device || was_pushed(r, row)) {
			continue;
		}
		sw_buf_put_str(&r->out, "; ");
		put_device(r, row->device, row->provider);
		sw_buf_put_str(&r->out, row->provider.len ? " has not acked, no push is recorded"
							  : " has not acked and has no push");
		any = true;
	}
	if (!any) {
		sw_buf_put_str(&r->out, r->push_count ? "; no other device" : "; no device, it waits in the inbox");
	}
}

static void tell_not_delivered(struct recipient *r)
{
	if (r->devices->pos == 0) {
		sw_buf_put_str(&r->out, "not delivered: not in the inbox yet");
		return;
	}
	sw_buf_put_str(&r->out, "not delivered");
	if (!r->devices->notify) {
		sw_buf_put_str(&r->out, ": not to be told when it came (muted, or no mention)");
		return;
	}
	tell_pushes_of(r, ": ", 0);
	tell_others(r);
}

static enum sw_trace_end conclude(struct recipient *r, const struct sw_trace *trace)
{
	sw_buf_printf(&r->out, "%.*s: ", SW_BYTES_FMT(r->devices->user));
	if (tell_sender(r, trace)) {
		return SW_TRACE_END_SENDER;
	}
	if (tell_acked(r)) {
		tell_pushes_of(r, "; pushed to ", 2);
		tell_pushes_of(r, "; push to ", 1);
		tell_pushes_of(r, "; push to ", 0);
		return SW_TRACE_END_ACKED;
	}
	enum sw_trace_end end = SW_TRACE_END_NOT_DELIVERED;
	if (tell_pushed(r)) {
		end = SW_TRACE_END_PUSHED;
	} else if (tell_under_way(r)) {
		end = SW_TRACE_END_UNDER_WAY;
	} else {
		tell_not_delivered(r);
	}
	tell_sockets(r);
	return end;
}

size_t sw_trace_conclusions(const struct sw_trace *trace, struct sw_arena *arena,
			    struct sw_trace_conclusion **conclusions_out)
{
	size_t count = 0;
	*conclusions_out = sw_arena_calloc(arena, trace->recipient_count + 1, sizeof(**conclusions_out));
	for (size_t i = 0; i < trace->recipient_count;) {
		struct recipient r = {.devices = &trace->recipients[i],
				      .routed_at_ms = sw_trace_routed_ms(trace, &trace->recipients[i])};
		while (i < trace->recipient_count && sw_bytes_equal(trace->recipients[i].user, r.devices->user)) {
			r.device_count++;
			i++;
		}
		sw_buf_init(&r.out, TEXT_BYTES_MAX);
		take_pushes(&r, trace, arena);
		struct sw_trace_conclusion *conclusion = &(*conclusions_out)[count++];
		conclusion->user = r.devices->user;
		conclusion->end = conclude(&r, trace);
		conclusion->device = r.device;
		conclusion->at_ms = r.at_ms;
		conclusion->text = sw_arena_copy(arena, sw_buf_bytes(&r.out));
		sw_buf_release(&r.out);
	}
	return count;
}
