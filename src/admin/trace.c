/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline. */
#include "admin/trace.h"

#include "base/id.h"
#include "proto/job.h"

#include <surewire/clock.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 2048 };

struct timeline {
	const struct sw_trace *trace;
	struct sw_arena *arena;
	struct sw_trace_entry *entries;
	size_t count;
};

const char *sw_trace_what_text(enum sw_trace_what what)
{
	static const char *const texts[] = {"accepted", "stored", "routed", "sent",  "planned", "attempt",
					    "push",     "dead",   "replay", "acked", "read",    "device"};
	return texts[what];
}

int64_t sw_trace_routed_ms(const struct sw_trace *trace, const struct sw_recipient_row *row)
{
	return row->routed_after_ms < 0 ? 0 : sw_id_time_ms(trace->message.id) + row->routed_after_ms;
}

SW_PRINTF(2, 3) static struct sw_bytes format(struct sw_arena *arena, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return sw_arena_copy(arena, sw_bytes(text, len < TEXT_MAX ? (size_t)len : TEXT_MAX - 1));
}

static struct sw_trace_entry *add(struct timeline *timeline, struct sw_trace_entry entry)
{
	entry.told = (int)timeline->count;
	timeline->entries[timeline->count] = entry;
	return &timeline->entries[timeline->count++];
}

/* The sequencer gives the id when it stores. */
static void tell_message(struct timeline *timeline)
{
	const struct sw_message_row *message = &timeline->trace->message;
	add(timeline, (struct sw_trace_entry){
			      .what = SW_TRACE_ACCEPTED,
			      .at_ms = message->at_ms,
			      .user = message->sender,
			      .text = format(timeline->arena,
					     "%.*s sent it: taken by a gateway, accepted as soon as the broker had it",
					     SW_BYTES_FMT(message->sender))});
	add(timeline, (struct sw_trace_entry){.what = SW_TRACE_STORED,
					      .at_ms = sw_id_time_ms(message->id),
					      .user = message->sender,
					      .text = format(timeline->arena,
							     "stored as seq %" PRId64 " of conversation %" PRId64,
							     message->seq, message->conv)});
}

static const char *why_told(const struct sw_trace *trace, const struct sw_recipient_row *row)
{
	bool own = sw_bytes_equal(row->user, trace->message.sender);
	return row->notify ? "to be told" : own ? "the sender's own copy" : "not to be told: muted, or no mention";
}

static struct sw_bytes where_to(struct sw_arena *arena, const struct sw_recipient_row *row)
{
	if (row->routed_after_ms < 0) {
		return sw_bytes_str("; when, and where it was sent, is not recorded");
	}
	if (row->sockets) {
		return format(arena, "; sent towards %d open socket%s", row->sockets, row->sockets == 1 ? "" : "s");
	}
	if (!row->notify) {
		return sw_bytes_str("");
	}
	return row->pushes ? format(arena, "; nobody was connected, %d push%s planned", row->pushes,
				    row->pushes == 1 ? "" : "es")
			   : sw_bytes_str("; nobody was connected, no push planned at once");
}

static void tell_recipient(struct timeline *timeline, const struct sw_recipient_row *row)
{
	struct sw_trace_entry *entry = add(timeline, (struct sw_trace_entry){.what = SW_TRACE_ROUTED,
									     .user = row->user,
									     .sockets = row->sockets,
									     .pushes = row->pushes});
	if (row->pos == 0) {
		entry->sockets = -1;
		entry->text = format(timeline->arena, "%.*s: not in the inbox yet", SW_BYTES_FMT(row->user));
		return;
	}
	struct sw_bytes where = where_to(timeline->arena, row);
	entry->at_ms = sw_trace_routed_ms(timeline->trace, row);
	entry->sockets = entry->at_ms ? row->sockets : -1;
	entry->text = format(timeline->arena, "%.*s: in the inbox at pos %" PRId64 ", %s%.*s", SW_BYTES_FMT(row->user),
			     row->pos, why_told(timeline->trace, row), SW_BYTES_FMT(where));
}

static void tell_of_device(struct timeline *timeline, const struct sw_recipient_row *row, enum sw_trace_what what,
			   int64_t at_ms, const char *text)
{
	const char *unknown = !at_ms && what != SW_TRACE_DEVICE ? "; when is not recorded" : "";
	add(timeline,
	    (struct sw_trace_entry){.what = what,
				    .at_ms = at_ms,
				    .user = row->user,
				    .device = row->device,
				    .provider = row->provider,
				    .text = format(timeline->arena, "%.*s: %.*s %s%s", SW_BYTES_FMT(row->user),
						   SW_BYTES_FMT(row->device), text, unknown)});
}

static void tell_device(struct timeline *timeline, const struct sw_recipient_row *row)
{
	if (!row->has_device || row->pos == 0) {
		return;
	}
	if (row->cursor < row->pos) {
		tell_of_device(timeline, row, SW_TRACE_DEVICE, 0, "has not acked");
		return;
	}
	if (row->sent_at_ms) {
		tell_of_device(timeline, row, SW_TRACE_SENT, row->sent_at_ms,
			       row->acked_upto == row->pos ? "was sent it over its socket"
							   : "was sent it over its socket by then");
	}
	tell_of_device(timeline, row, SW_TRACE_ACKED, row->acked_at_ms, "acked it");
	if (row->active_cursor >= row->pos) {
		tell_of_device(timeline, row, SW_TRACE_READ, row->read_at_ms, "has it read: its person was there");
	}
}

static void tell_planned(struct timeline *timeline, const struct sw_delivery_row *row)
{
	struct sw_bytes reason = sw_job_reason_text(row->planned_reason);
	add(timeline, (struct sw_trace_entry){.what = SW_TRACE_PLANNED,
					      .at_ms = row->planned_at_ms,
					      .user = row->user,
					      .device = row->device,
					      .provider = row->provider,
					      .job = row->job,
					      .reason = row->planned_reason,
					      .text = format(timeline->arena, "%.*s: push to %.*s (%.*s) planned%s%.*s",
							     SW_BYTES_FMT(row->user), SW_BYTES_FMT(row->device),
							     SW_BYTES_FMT(row->provider), reason.len ? ": " : "",
							     SW_BYTES_FMT(reason))});
}

static void tell_attempt(struct timeline *timeline, const struct sw_delivery_row *row)
{
	add(timeline,
	    (struct sw_trace_entry){.what = SW_TRACE_ATTEMPT,
				    .at_ms = row->at_ms,
				    .user = row->user,
				    .device = row->device,
				    .provider = row->provider,
				    .job = row->job,
				    .state = row->outcome,
				    .number = row->number,
				    .status = row->status,
				    .duration_ms = row->duration_ms,
				    .reason = row->reason,
				    .text = format(timeline->arena,
						   "%.*s: push to %.*s (%.*s), try %d: %.*s, status %d%s%.*s, "
						   "%d ms",
						   SW_BYTES_FMT(row->user), SW_BYTES_FMT(row->device),
						   SW_BYTES_FMT(row->provider), row->number, SW_BYTES_FMT(row->outcome),
						   row->status, row->reason.len ? " " : "", SW_BYTES_FMT(row->reason),
						   row->duration_ms)});
}

/* What is not over yet, and what is not known about it. */
static struct sw_bytes goes_on(struct sw_arena *arena, const struct sw_delivery_row *row)
{
	char at[SW_CLOCK_TEXT_MAX];
	bool waits = sw_bytes_equal_str(row->state, "retry") || sw_bytes_equal_str(row->state, "sending");
	struct sw_bytes next = !waits ? sw_bytes_str("")
			     : row->next_at_ms
				     ? format(arena, "; next try due at %s", sw_clock_text(row->next_at_ms, at))
				     : sw_bytes_str("; when the next one is due is not recorded");
	return row->planned_at_ms ? next
				  : format(arena, "%.*s; when it was planned is not recorded", SW_BYTES_FMT(next));
}

static void tell_push(struct timeline *timeline, const struct sw_delivery_row *row)
{
	bool well = sw_bytes_equal_str(row->state, "delivered");
	struct sw_bytes rest = goes_on(timeline->arena, row);
	add(timeline,
	    (struct sw_trace_entry){
		    .what = SW_TRACE_PUSH,
		    .at_ms = row->updated_at_ms,
		    .user = row->user,
		    .device = row->device,
		    .provider = row->provider,
		    .job = row->job,
		    .state = row->state,
		    .status = row->last_status,
		    .reason = row->last_reason,
		    .next_at_ms = row->next_at_ms,
		    .text = format(timeline->arena, "%.*s: push to %.*s (%.*s) is %.*s%s%.*s after %d tr%s%.*s",
				   SW_BYTES_FMT(row->user), SW_BYTES_FMT(row->device), SW_BYTES_FMT(row->provider),
				   SW_BYTES_FMT(row->state), well || !row->last_reason.len ? "" : ": ",
				   well ? 0 : (int)row->last_reason.len, (const char *)row->last_reason.ptr,
				   row->attempts, row->attempts == 1 ? "y" : "ies", SW_BYTES_FMT(rest))});
}

static void tell_letter(struct timeline *timeline, const struct sw_trace_letter *row)
{
	add(timeline,
	    (struct sw_trace_entry){.what = SW_TRACE_DEAD,
				    .at_ms = row->at_ms,
				    .user = row->user,
				    .device = row->device,
				    .provider = row->provider,
				    .job = row->job,
				    .status = row->status,
				    .reason = row->reason,
				    .letter = row->id,
				    .text = format(timeline->arena,
						   "%.*s: push to %.*s (%.*s) became dead letter %" PRId64 ": %.*s",
						   SW_BYTES_FMT(row->user), SW_BYTES_FMT(row->device),
						   SW_BYTES_FMT(row->provider), row->id, SW_BYTES_FMT(row->reason))});
}

static void tell_replay(struct timeline *timeline, const struct sw_trace_letter *row)
{
	char run[48] = "";
	if (row->run) {
		snprintf(run, sizeof(run), " in replay %" PRId64, row->run);
	}
	bool by = row->operator.len> 0;
	add(timeline, (struct sw_trace_entry){
			      .what = SW_TRACE_REPLAY,
			      .at_ms = row->replay_at_ms,
			      .user = row->user,
			      .device = row->device,
			      .provider = row->provider,
			      .job = row->replay_job,
			      .state = row->outcome,
			      .reason = row->replay_reason,
			      .letter = row->id,
			      .text = format(timeline->arena, "%.*s: dead letter %" PRId64 " sent again%s%.*s%s: %.*s",
					     SW_BYTES_FMT(row->user), row->id, by ? " by " : "",
					     SW_BYTES_FMT(row->operator), run, SW_BYTES_FMT(row->outcome))});
}

static void tell_deliveries(struct timeline *timeline)
{
	const struct sw_trace *trace = timeline->trace;
	for (size_t i = 0; i < trace->delivery_count; i++) {
		const struct sw_delivery_row *row = &trace->deliveries[i];
		bool last = i + 1 == trace->delivery_count || !sw_uuid_equal(&row[0].job, &row[1].job);
		if (row->has_attempt) {
			tell_attempt(timeline, row);
		}
		if (last && row->planned_at_ms) {
			tell_planned(timeline, row);
		}
		if (last) {
			tell_push(timeline, row);
		}
	}
}

static void tell_letters(struct timeline *timeline)
{
	const struct sw_trace *trace = timeline->trace;
	for (size_t i = 0; i < trace->letter_count; i++) {
		const struct sw_trace_letter *row = &trace->letters[i];
		if (i == 0 || row[-1].id != row->id) {
			tell_letter(timeline, row);
		}
		if (row->has_replay) {
			tell_replay(timeline, row);
		}
	}
}

/* However the clocks of gateways and writers differ, a message is stored after it came. What has no time stands before
 * or after what has. */
static int phase(const struct sw_trace_entry *entry)
{
	if (entry->what == SW_TRACE_ACCEPTED || entry->what == SW_TRACE_STORED) {
		return (int)entry->what;
	}
	if (entry->at_ms == 0) {
		return entry->what == SW_TRACE_ROUTED ? 2 : 4;
	}
	return 3;
}

static int compare(const void *a_ptr, const void *b_ptr)
{
	const struct sw_trace_entry *a = a_ptr;
	const struct sw_trace_entry *b = b_ptr;
	if (phase(a) != phase(b)) {
		return phase(a) - phase(b);
	}
	if (a->at_ms != b->at_ms) {
		return a->at_ms < b->at_ms ? -1 : 1;
	}
	/* A try, then what it led to. */
	return a->what != b->what ? (int)a->what - (int)b->what : a->told - b->told;
}

size_t sw_trace_entries(const struct sw_trace *trace, struct sw_arena *arena, struct sw_trace_entry **entries_out)
{
	size_t most = 2 + 4 * trace->recipient_count + 3 * trace->delivery_count + 2 * trace->letter_count;
	struct timeline timeline = {.trace = trace, .arena = arena};
	timeline.entries = sw_arena_calloc(arena, most, sizeof(*timeline.entries));
	tell_message(&timeline);
	for (size_t i = 0; i < trace->recipient_count; i++) {
		const struct sw_recipient_row *row = &trace->recipients[i];
		if (i == 0 || !sw_bytes_equal(row[-1].user, row->user)) {
			tell_recipient(&timeline, row);
		}
	}
	tell_deliveries(&timeline);
	tell_letters(&timeline);
	for (size_t i = 0; i < trace->recipient_count; i++) {
		tell_device(&timeline, &trace->recipients[i]);
	}
	qsort(timeline.entries, timeline.count, sizeof(*timeline.entries), compare);
	*entries_out = timeline.entries;
	return timeline.count;
}
