/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: heads, and problem documents (RFC 9457). */
#include "net/http1.h"

#include <surewire/json.h>

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{100, "Continue"},
	{101, "Switching Protocols"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

const char *sw_http1_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status) {
			return reasons[i].reason;
		}
	}
	return "Unknown";
}

void sw_http1_put_response(struct sw_buf *out, const struct sw_http1_response *res)
{
	sw_buf_printf(out, "HTTP/1.1 %d %s\r\n", res->status, sw_http1_reason(res->status));
	if (res->content_type) {
		sw_buf_put_str(out, "Content-Type: ");
		sw_buf_put_str(out, res->content_type);
		sw_buf_put_str(out, "\r\n");
	}
	if (res->extra) {
		sw_buf_put_str(out, res->extra);
	}
	bool bodyless = res->status < 200 || res->status == 204 || res->status == 304;
	if (res->chunked) {
		sw_buf_put_str(out, "Transfer-Encoding: chunked\r\n");
	} else if (!bodyless) {
		sw_buf_printf(out, "Content-Length: %zu\r\n", res->body.len);
	}
	sw_buf_put_str(out, res->keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
	if (!bodyless && !res->head_only) {
		sw_buf_put_bytes(out, res->body);
	}
}

void sw_http1_put_problem(struct sw_buf *out, int status, const char *code, const char *detail)
{
	sw_buf_put_str(out, "{\"type\":\"about:blank\",\"title\":");
	sw_json_put_cstr(out, sw_http1_reason(status));
	sw_buf_printf(out, ",\"status\":%d", status);
	if (code) {
		sw_buf_put_str(out, ",\"code\":");
		sw_json_put_cstr(out, code);
	}
	if (detail) {
		sw_buf_put_str(out, ",\"detail\":");
		sw_json_put_cstr(out, detail);
	}
	sw_buf_put_str(out, "}\n");
}
