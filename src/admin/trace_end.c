/* SPDX-License-Identifier: Apache-2.0 */
/* Why did she not get it: one sentence a recipient. */
#include "admin/trace.h"

enum { TEXT_BYTES_MAX = 4096 };

/* One recipient: a row a device, and for each device that was pushed to the push that decides. */
struct recipient {
	const struct sw_recipient_row *devices;
	size_t device_count; /* rows; one without a device when there is none */
	const struct sw_delivery_row **pushes;
	size_t push_count;
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
	if (row->last_reason.len) {
		sw_buf_printf(&r->out, ": %.*s", SW_BYTES_FMT(row->last_reason));
	} else if (row->last_status) {
		sw_buf_printf(&r->out, ": status %d", row->last_status);
	}
	if (is_under_way(row)) {
		sw_buf_printf(&r->out, " (%d tr%s so far)", row->attempts, row->attempts == 1 ? "y" : "ies");
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

static bool tell_acked(struct recipient *r)
{
	const struct sw_recipient_row *acked = NULL;
	for (size_t i = 0; i < r->device_count; i++) {
		const struct sw_recipient_row *row = &r->devices[i];
		if (!row->has_device || row->pos == 0 || row->cursor < row->pos) {
			continue;
		}
		bool better = !acked || (acked->active_cursor < acked->pos && row->active_cursor >= row->pos);
		acked = better ? row : acked;
	}
	if (acked) {
		sw_buf_printf(&r->out, "got it on %.*s, acked %s", SW_BYTES_FMT(acked->device),
			      acked->active_cursor >= acked->pos ? "while there" : "in the background");
	}
	return acked != NULL;
}

static bool tell_pushes_of(struct recipient *r, const char *intro, int of_weight)
{
	bool any = false;
	for (size_t i = 0; i < r->push_count; i++) {
		if (weight(r->pushes[i]) == of_weight) {
			sw_buf_put_str(&r->out, any ? "; " : intro);
			if (of_weight == 2) {
				put_device(r, r->pushes[i]->device, r->pushes[i]->provider);
			} else {
				put_push(r, r->pushes[i]);
			}
			any = true;
		}
	}
	return any;
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

static enum sw_trace_end conclude(struct recipient *r, const struct sw_trace *trace)
{
	sw_buf_printf(&r->out, "%.*s: ", SW_BYTES_FMT(r->devices->user));
	if (tell_sender(r, trace)) {
		return SW_TRACE_SENDER;
	}
	if (tell_acked(r)) {
		tell_pushes_of(r, "; pushed to ", 2);
		tell_pushes_of(r, "; push to ", 1);
		tell_pushes_of(r, "; push to ", 0);
		return SW_TRACE_ACKED;
	}
	if (tell_pushes_of(r, "pushed to ", 2)) {
		sw_buf_put_str(&r->out, ", no device has acked");
		return SW_TRACE_PUSHED;
	}
	if (tell_pushes_of(r, "under way: ", 1)) {
		tell_pushes_of(r, "; ", 0);
		return SW_TRACE_UNDER_WAY;
	}
	if (r->devices->pos == 0) {
		sw_buf_put_str(&r->out, "not delivered: not in the inbox yet");
		return SW_TRACE_NOT_DELIVERED;
	}
	sw_buf_put_str(&r->out, "not delivered");
	if (!r->devices->notify) {
		sw_buf_put_str(&r->out, ": not to be told when it came (muted, or no mention)");
		return SW_TRACE_NOT_DELIVERED;
	}
	tell_pushes_of(r, ": ", 0);
	tell_others(r);
	return SW_TRACE_NOT_DELIVERED;
}

size_t sw_trace_conclusions(const struct sw_trace *trace, struct sw_arena *arena,
			    struct sw_trace_conclusion **conclusions_out)
{
	size_t count = 0;
	*conclusions_out = sw_arena_calloc(arena, trace->recipient_count + 1, sizeof(**conclusions_out));
	for (size_t i = 0; i < trace->recipient_count;) {
		struct recipient r = {.devices = &trace->recipients[i]};
		while (i < trace->recipient_count && sw_bytes_equal(trace->recipients[i].user, r.devices->user)) {
			r.device_count++;
			i++;
		}
		sw_buf_init(&r.out, TEXT_BYTES_MAX);
		take_pushes(&r, trace, arena);
		struct sw_trace_conclusion *conclusion = &(*conclusions_out)[count++];
		conclusion->user = r.devices->user;
		conclusion->end = conclude(&r, trace);
		conclusion->text = sw_arena_copy(arena, sw_buf_bytes(&r.out));
		sw_buf_release(&r.out);
	}
	return count;
}
