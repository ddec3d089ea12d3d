/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way: lists, the answer as it comes in with its limits, and telling the caller. No I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <surewire/mem.h>

#include "egress/h2_int.h"

/* What a work of the usual size needs of both buffers together. */
enum { KEEP_BYTES_MAX = 1024 };

struct h2_work *sw_h2_work_new(struct sw_h2_call *call, int64_t now_ms)
{
	struct h2_work *work = sw_xcalloc(1, sizeof(*work));
	sw_buf_init(&work->head, SW_H2_HEADERS_BYTES_MAX);
	sw_buf_init(&work->body, SW_H2_BODY_MAX);
	sw_h2_work_renew(work, call, now_ms);
	return work;
}

void sw_h2_work_renew(struct h2_work *work, struct sw_h2_call *call, int64_t now_ms)
{
	if (work->head.cap + work->body.cap > KEEP_BYTES_MAX) {
		sw_buf_release(&work->head);
		sw_buf_release(&work->body);
	}
	sw_buf_clear(&work->head);
	sw_buf_clear(&work->body);
	work->call = call;
	work->accepted_ms = now_ms;
	work->submitted_ms = 0;
	work->stream_id = 0;
	work->sent = false;
	work->body_at = 0;
	work->status = 0;
	work->take_headers = false;
	work->final = false;
	work->field_count = 0;
}

void sw_h2_work_free(struct h2_work *work)
{
	sw_buf_release(&work->head);
	sw_buf_release(&work->body);
	free(work);
}

void sw_h2_work_end(struct h2_work *work, enum sw_h2_end end, const char *detail)
{
	work->end = end;
	work->detail[0] = '\0';
	if (detail[0] != '\0') {
		snprintf(work->detail, sizeof(work->detail), "%s", detail);
	}
}

void sw_h2_list_push(struct h2_list *list, struct h2_work *work)
{
	work->next = NULL;
	work->prev = list->last;
	if (list->last != NULL) {
		list->last->next = work;
	} else {
		list->first = work;
	}
	list->last = work;
	list->count++;
}

void sw_h2_list_push_front(struct h2_list *list, struct h2_work *work)
{
	work->prev = NULL;
	work->next = list->first;
	if (list->first != NULL) {
		list->first->prev = work;
	} else {
		list->last = work;
	}
	list->first = work;
	list->count++;
}

void sw_h2_list_remove(struct h2_list *list, struct h2_work *work)
{
	if (work->prev != NULL) {
		work->prev->next = work->next;
	} else {
		list->first = work->next;
	}
	if (work->next != NULL) {
		work->next->prev = work->prev;
	} else {
		list->last = work->prev;
	}
	work->next = NULL;
	work->prev = NULL;
	list->count--;
}

void sw_h2_work_begin_headers(struct h2_work *work)
{
	/* After the final status only trailers come; nobody reads those. */
	work->take_headers = !work->final;
	if (work->take_headers) {
		work->status = 0;
		work->field_count = 0;
		sw_buf_clear(&work->head);
	}
}

static void take_status(struct h2_work *work, struct sw_bytes value)
{
	uint64_t status;
	if (sw_bytes_to_u64(value, &status) == SW_OK && status >= 100 && status <= 999) {
		work->status = (int)status;
		work->final = status >= 200;
	}
}

void sw_h2_work_header(struct h2_work *work, struct sw_bytes name, struct sw_bytes value)
{
	if (!work->take_headers) {
		return;
	}
	if (sw_bytes_equal_str(name, ":status")) {
		take_status(work, value);
		return;
	}
	if (work->field_count == SW_HTTP_HEADERS_MAX ||
	    work->head.len + name.len + value.len > SW_H2_HEADERS_BYTES_MAX) {
		return;
	}
	work->fields[work->field_count++] = (struct h2_field){
		.name_at = (uint16_t)work->head.len,
		.name_len = (uint16_t)name.len,
		.value_len = (uint16_t)value.len,
	};
	sw_buf_put_bytes(&work->head, name);
	sw_buf_put_bytes(&work->head, value);
}

bool sw_h2_work_body(struct h2_work *work, struct sw_bytes chunk)
{
	size_t room = SW_H2_BODY_MAX - work->body.len;
	sw_buf_put(&work->body, chunk.ptr, chunk.len < room ? chunk.len : room);
	return chunk.len <= room;
}

static void fill_response(const struct h2_work *work, struct sw_http_response *response)
{
	response->status = work->status;
	response->body = sw_buf_bytes(&work->body);
	for (size_t i = 0; i < work->field_count; i++) {
		const struct h2_field *field = &work->fields[i];
		const uint8_t *name = work->head.ptr + field->name_at;
		response->headers[i].name = sw_bytes(name, field->name_len);
		response->headers[i].value = sw_bytes(name + field->name_len, field->value_len);
	}
	response->header_count = work->field_count;
}

void sw_h2_work_tell(struct h2_work *work, int64_t now_ms)
{
	struct sw_h2_result result;
	result.end = work->end;
	result.detail = work->detail;
	/* The rest of its headers stays unset: header_count says how many there are. */
	result.response.status = 0;
	result.response.header_count = 0;
	result.response.body = sw_bytes(NULL, 0);
	result.duration_ms = now_ms - (work->submitted_ms != 0 ? work->submitted_ms : work->accepted_ms);
	if (work->end == SW_H2_ANSWERED) {
		fill_response(work, &result.response);
	}
	work->call->done(work->call, &result);
}

const char *sw_h2_end_name(enum sw_h2_end end)
{
	switch (end) {
	case SW_H2_ANSWERED:
		return "answered";
	case SW_H2_UNSENT:
		return "unsent";
	case SW_H2_UNKNOWN:
		return "unknown";
	case SW_H2_CONNECT_FAILED:
		return "connect_failed";
	}
	return "?";
}
