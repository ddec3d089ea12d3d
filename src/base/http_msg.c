/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of HTTP messages as values; the Retry-After rule. */
#include <surewire/err.h>
#include <surewire/http_msg.h>

#include <string.h>
#include <time.h>

bool sw_http_request_add(struct sw_http_request *req, const char *name, struct sw_bytes value, bool no_index)
{
	if (req->header_count == SW_HTTP_HEADERS_MAX) {
		return false;
	}
	req->headers[req->header_count++] = (struct sw_http_header){
		.name = sw_bytes_str(name), .value = value, .no_index = no_index};
	return true;
}

struct sw_bytes sw_http_response_header(const struct sw_http_response *res, const char *name)
{
	for (size_t i = 0; i < res->header_count; i++) {
		if (sw_bytes_equal_nocase(res->headers[i].name, name)) {
			return res->headers[i].value;
		}
	}
	return (struct sw_bytes){NULL, 0};
}

int64_t sw_http_retry_after_ms(const struct sw_http_response *res, int64_t now_ms, int64_t max_ms)
{
	struct sw_bytes value = sw_http_response_header(res, "retry-after");
	if (value.len == 0 || value.len > 40) {
		return -1;
	}
	uint64_t seconds;
	if (sw_bytes_to_u64(value, &seconds) == SW_OK) {
		return seconds > (uint64_t)max_ms / 1000 ? max_ms : (int64_t)seconds * 1000;
	}
	char text[41];
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	struct tm tm = {0};
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end) {
		return -1;
	}
	int64_t wait_ms = (int64_t)timegm(&tm) * 1000 - now_ms;
	if (wait_ms < 0) {
		return 0;
	}
	return wait_ms > max_ms ? max_ms : wait_ms;
}
