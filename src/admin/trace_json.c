/* SPDX-License-Identifier: Apache-2.0 */
/* The trace as JSON. */
#include "admin/trace.h"

#include <surewire/json.h>

/* What nobody can record, so that nobody looks for it in the timeline. */
static const char *const unknown[] = {
	"when it was written to a socket that did not ack it: what is known is towards how many it was sent",
	"whether a person looked at it: read means that the device acked while its person was there",
	"whether a device showed a push that its service took",
};

static void put_entry(struct sw_buf *out, const struct sw_trace_entry *entry)
{
	bool of_job = entry->what >= SW_TRACE_PLANNED && entry->what <= SW_TRACE_REPLAY;
	sw_buf_put_char(out, '{');
	sw_json_put_int_or_null(out, "at_ms", entry->at_ms);
	sw_json_put_text(out, "what", sw_bytes_str(sw_trace_what_text(entry->what)));
	sw_json_put_text(out, "user", entry->user);
	if (entry->device.ptr) {
		sw_json_put_text(out, "device", entry->device);
		sw_json_put_text(out, "provider", entry->provider);
	}
	if (of_job) {
		sw_json_put_uuid(out, "job", &entry->job);
		sw_json_put_int(out, "status", entry->status);
		sw_json_put_text(out, "reason", entry->reason);
	}
	if (entry->what == SW_TRACE_ATTEMPT) {
		sw_json_put_int(out, "number", entry->number);
		sw_json_put_int(out, "duration_ms", entry->duration_ms);
	}
	if (entry->what == SW_TRACE_ROUTED && entry->sockets >= 0) {
		sw_json_put_int(out, "sockets", entry->sockets);
		sw_json_put_int(out, "pushes", entry->pushes);
	}
	if (entry->next_at_ms) {
		sw_json_put_int(out, "next_at_ms", entry->next_at_ms);
	}
	if (entry->state.ptr) {
		sw_json_put_text(out, "state", entry->state);
	}
	if (entry->letter) {
		sw_json_put_id(out, "letter", entry->letter);
	}
	sw_json_put_text(out, "text", entry->text);
	sw_buf_put_char(out, '}');
}

static void begin_list(struct sw_buf *out, const char *key)
{
	sw_json_put_raw(out, key, sw_bytes_str("["));
}

void sw_trace_put_json(struct sw_buf *out, const struct sw_trace *trace, struct sw_arena *arena)
{
	struct sw_trace_entry *entries;
	size_t count = sw_trace_entries(trace, arena, &entries);
	struct sw_json_list timeline = {.out = out};
	begin_list(out, "timeline");
	for (size_t i = 0; i < count; i++) {
		sw_json_list_next(&timeline);
		put_entry(out, &entries[i]);
	}
	sw_buf_put_char(out, ']');
	struct sw_trace_conclusion *conclusions;
	count = sw_trace_conclusions(trace, arena, &conclusions);
	struct sw_json_list list = {.out = out};
	begin_list(out, "conclusions");
	for (size_t i = 0; i < count; i++) {
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		sw_json_put_text(out, "user", conclusions[i].user);
		sw_json_put_text(out, "end", sw_bytes_str(sw_trace_end_text(conclusions[i].end)));
		if (conclusions[i].device.ptr) {
			sw_json_put_text(out, "device", conclusions[i].device);
			sw_json_put_int_or_null(out, "at_ms", conclusions[i].at_ms);
		}
		sw_json_put_text(out, "text", conclusions[i].text);
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, ']');
	struct sw_json_list unknowns = {.out = out};
	begin_list(out, "unknown");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		sw_json_list_next(&unknowns);
		sw_json_put_cstr(out, unknown[i]);
	}
	sw_buf_put_char(out, ']');
}
