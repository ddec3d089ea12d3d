/* SPDX-License-Identifier: Apache-2.0 */
/* Options for HTTP, and libcurl's header and body callbacks into a response. Further fields than there is room for are
 * left out. */
#include "egress/curl_http_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void sw_curl_http_prepare(CURL *easy, const char *ca_file, char error[CURL_ERROR_SIZE])
{
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* no surprise from the environment */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Else giving up would wait for the thread that looks the name up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

const char *sw_curl_http_detail(CURLcode code, const char *error)
{
	if (code == CURLE_OUT_OF_MEMORY) {
		return "the head of the answer is larger than libcurl takes"; /* 7.88 has no other code for it */
	}
	return error[0] != '\0' ? error : curl_easy_strerror(code);
}

struct curl_slist *sw_curl_http_append(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(list, line);
	if (longer == NULL) {
		abort();
	}
	return longer;
}

static size_t on_body(char *ptr, size_t size, size_t count, void *ctx)
{
	struct sw_curl_answer *answer = ctx;
	size_t len = size * count;
	size_t room = answer->body.max - answer->body.len;
	if (len > room) {
		answer->too_big = true;
		sw_buf_put(&answer->body, ptr, room);
		return CURL_WRITEFUNC_ERROR;
	}
	sw_buf_put(&answer->body, ptr, len);
	return len;
}

static struct sw_bytes trim(struct sw_bytes text)
{
	while (text.len > 0 && isspace(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && isspace(text.ptr[text.len - 1])) {
		text.len--;
	}
	return text;
}

static void take_field(struct sw_curl_answer *answer, struct sw_bytes name, struct sw_bytes value)
{
	if (answer->field_count == SW_HTTP_HEADERS_MAX || answer->head.len + name.len + value.len > answer->head.max) {
		return;
	}
	struct sw_curl_field *field = &answer->fields[answer->field_count++];
	*field = (struct sw_curl_field){.name_at = answer->head.len, .name_len = name.len, .value_len = value.len};
	for (size_t i = 0; i < name.len; i++) {
		sw_buf_put_char(&answer->head, (char)tolower(name.ptr[i]));
	}
	field->value_at = answer->head.len;
	sw_buf_put_bytes(&answer->head, value);
}

/* "HTTP/1.1 200 …": libcurl has looked at its form. */
static int status_of(struct sw_bytes line)
{
	const uint8_t *space = memchr(line.ptr, ' ', line.len);
	size_t left = space ? line.len - (size_t)(space + 1 - line.ptr) : 0;
	int status = 0;
	for (size_t i = 0; i < 3 && i < left && isdigit(space[1 + i]); i++) {
		status = status * 10 + (space[1 + i] - '0');
	}
	return status;
}

/* libcurl gives whole lines, also of 1xx responses: a status line starts anew, an empty one ends the head. */
static size_t on_header(char *ptr, size_t size, size_t count, void *ctx)
{
	struct sw_curl_answer *answer = ctx;
	size_t len = size * count;
	if (len >= 5 && memcmp(ptr, "HTTP/", 5) == 0) {
		answer->status = status_of(sw_bytes(ptr, len));
		answer->field_count = 0;
		sw_buf_clear(&answer->head);
		return len;
	}
	if (trim(sw_bytes(ptr, len)).len == 0) {
		answer->final = answer->status >= 200;
		return len;
	}
	const char *colon = memchr(ptr, ':', len);
	if (colon != NULL && colon != ptr) {
		size_t name_len = (size_t)(colon - ptr);
		take_field(answer, sw_bytes(ptr, name_len), trim(sw_bytes(colon + 1, len - name_len - 1)));
	}
	return len;
}

void sw_curl_answer_init(struct sw_curl_answer *answer, CURL *easy, size_t headers_bytes_max, size_t body_bytes_max)
{
	*answer = (struct sw_curl_answer){.final = false};
	sw_buf_init(&answer->head, headers_bytes_max);
	sw_buf_init(&answer->body, body_bytes_max);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
}

void sw_curl_answer_release(struct sw_curl_answer *answer)
{
	sw_buf_release(&answer->head);
	sw_buf_release(&answer->body);
}

void sw_curl_answer_response(const struct sw_curl_answer *answer, struct sw_http_response *response_out)
{
	response_out->status = answer->status;
	response_out->body = sw_buf_bytes(&answer->body);
	for (size_t i = 0; i < answer->field_count; i++) {
		const struct sw_curl_field *field = &answer->fields[i];
		response_out->headers[i].name = sw_bytes(answer->head.ptr + field->name_at, field->name_len);
		response_out->headers[i].value = sw_bytes(answer->head.ptr + field->value_at, field->value_len);
		response_out->headers[i].no_index = false;
	}
	response_out->header_count = answer->field_count;
}
