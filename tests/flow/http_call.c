/* SPDX-License-Identifier: Apache-2.0 */
#include "http_call.h"

#include "app/ws_transport.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKET_MS = 2000, ANSWER_BYTES_MAX = 4096 };

struct http_call {
	struct sw_transport *transport;
	char answer[ANSWER_BYTES_MAX];
	size_t len;
};

struct http_call *http_call_start(uint16_t port, struct sw_bytes request)
{
	char port_text[8];
	struct sw_diag diag = {0};
	struct http_call *call = sw_xcalloc(1, sizeof(*call));
	snprintf(port_text, sizeof(port_text), "%u", port);
	struct sw_transport_target target = {.host = "127.0.0.1", .port = port_text};
	int64_t deadline_ms = sw_clock_mono_ms() + SOCKET_MS;
	int err = sw_transport_open(&target, deadline_ms, &call->transport, &diag);
	call->transport = err ? NULL : call->transport;
	if (err || sw_transport_write(call->transport, request, deadline_ms) != SW_OK) {
		http_call_end(call);
		return NULL;
	}
	return call;
}

int http_call_status(struct http_call *call)
{
	size_t got = 0;
	int status = 0;
	int err = sw_transport_read(call->transport, call->answer + call->len, sizeof(call->answer) - 1 - call->len,
				    sw_clock_mono_ms(), &got);
	call->len += err ? 0 : got;
	if (strstr(call->answer, "\r\n\r\n")) {
		return sscanf(call->answer, "HTTP/1.1 %d", &status) == 1 ? status : -1;
	}
	return err && err != SW_EAGAIN ? -1 : 0;
}

void http_call_end(struct http_call *call)
{
	if (call) {
		sw_transport_close(call->transport);
		free(call);
	}
}
