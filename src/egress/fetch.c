/* SPDX-License-Identifier: Apache-2.0 */
/* One POST through libcurl. A new connection each time: on a reused one libcurl would silently repeat the request
 * when it breaks. */
#include "egress/fetch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <surewire/buf.h>
#include <surewire/clock.h>
#include <surewire/mem.h>

#include "egress/curl_loop_int.h"
#include "egress/host_int.h"

enum { URL_MAX_BYTES = 2048 };

struct field {
	size_t name_at;
	size_t name_len;
	size_t value_at;
	size_t value_len;
};

struct exchange {
	struct sw_curl_transfer transfer; /* first */
	struct sw_fetch *fetch;
	struct curl_slist *headers;
	bool loopback_only;
	bool too_big;
	struct sw_buf head;
	struct sw_buf body;
	struct field fields[SW_HTTP_HEADERS_MAX];
	size_t field_count;
	int64_t started_ms;
	char error[CURL_ERROR_SIZE];
};

static size_t on_body(char *ptr, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * count;
	if (x->body.len + len > SW_FETCH_BODY_MAX) {
		x->too_big = true;
		return CURL_WRITEFUNC_ERROR;
	}
	sw_buf_put(&x->body, ptr, len);
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

static void take_field(struct exchange *x, struct sw_bytes name, struct sw_bytes value)
{
	if (x->field_count == SW_HTTP_HEADERS_MAX || x->head.len + name.len + value.len > SW_FETCH_HEADERS_BYTES_MAX) {
		return;
	}
	struct field *field = &x->fields[x->field_count++];
	*field = (struct field){.name_at = x->head.len, .name_len = name.len, .value_len = value.len};
	for (size_t i = 0; i < name.len; i++) {
		sw_buf_put_char(&x->head, (char)tolower(name.ptr[i]));
	}
	field->value_at = x->head.len;
	sw_buf_put_bytes(&x->head, value);
}

/* libcurl gives whole lines, also of 1xx responses: a status line starts anew. */
static size_t on_header(char *ptr, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * count;
	if (len >= 5 && memcmp(ptr, "HTTP/", 5) == 0) {
		x->field_count = 0;
		sw_buf_clear(&x->head);
		return len;
	}
	const char *colon = memchr(ptr, ':', len);
	if (colon != NULL && colon != ptr) {
		size_t name_len = (size_t)(colon - ptr);
		take_field(x, sw_bytes(ptr, name_len), trim(sw_bytes(colon + 1, len - name_len - 1)));
	}
	return len;
}

/* A name that says loopback may resolve elsewhere. */
static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	(void)purpose;
	const struct exchange *x = ctx;
	if (x->loopback_only && !sw_host_sockaddr_is_loopback(&addr->addr)) {
		return CURL_SOCKET_BAD;
	}
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

static void free_exchange(struct exchange *x)
{
	curl_easy_cleanup(x->transfer.easy);
	curl_slist_free_all(x->headers);
	sw_buf_release(&x->head);
	sw_buf_release(&x->body);
	free(x);
}

static void fill_response(struct exchange *x, struct sw_http_response *response)
{
	long status = 0;
	(void)curl_easy_getinfo(x->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	response->body = sw_buf_bytes(&x->body);
	for (size_t i = 0; i < x->field_count; i++) {
		const struct field *field = &x->fields[i];
		response->headers[i].name = sw_bytes(x->head.ptr + field->name_at, field->name_len);
		response->headers[i].value = sw_bytes(x->head.ptr + field->value_at, field->value_len);
	}
	response->header_count = x->field_count;
}

static void on_done(struct sw_curl_transfer *transfer, CURLcode code)
{
	struct exchange *x = (struct exchange *)transfer;
	struct sw_fetch_result result = {.detail = ""};
	result.duration_ms = sw_clock_mono_ms() - x->started_ms;
	if (code == CURLE_OK) {
		fill_response(x, &result.response);
	} else if (x->too_big) {
		result.detail = "the answer is larger than 64 KB";
	} else {
		result.detail = x->error[0] != '\0' ? x->error : curl_easy_strerror(code);
	}
	x->fetch->done(x->fetch, &result);
	free_exchange(x);
}

/* https anywhere, http towards loopback. */
static int check_url(const char *url, bool *loopback_only_out, struct sw_diag *diag_out)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	int err = SW_OK;
	if (parsed == NULL || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		err = sw_diag_set(diag_out, SW_EINVAL, "expected an https URL");
		goto out;
	}
	size_t host_len = strlen(host);
	if (host_len > 2 && host[0] == '[') {
		memmove(host, host + 1, host_len - 2);
		host[host_len - 2] = '\0';
	}
	*loopback_only_out = strcmp(scheme, "http") == 0;
	if (strcmp(scheme, "https") != 0 && !(*loopback_only_out && sw_host_is_loopback(host))) {
		err = sw_diag_set(diag_out, SW_EINVAL, "expected an https URL, or http towards loopback, got %s://%s",
				  scheme, host);
	}
out:
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parsed);
	return err;
}

static void set_options(struct exchange *x, const char *url)
{
	CURL *easy = x->transfer.easy;
	const struct sw_credential_request *req = &x->fetch->request;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, x->loopback_only ? "http" : "https");
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body.len > 0 ? (const char *)req->body.ptr : "");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (req->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, req->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* no surprise from the environment */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)x->fetch->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)SW_FETCH_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Else giving up would wait for the thread that looks the name up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
}

static struct curl_slist *must_append(struct curl_slist *list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(list, text);
	if (longer == NULL) {
		abort();
	}
	return longer;
}

int sw_fetch_start(struct sw_curl_loop *curl, struct sw_fetch *fetch, struct sw_diag *diag_out)
{
	struct sw_bytes url_bytes = fetch->request.url;
	if (url_bytes.len > URL_MAX_BYTES || memchr(url_bytes.ptr, 0, url_bytes.len) != NULL) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected an https URL of at most %d bytes", URL_MAX_BYTES);
	}
	const char *type = fetch->request.content_type;
	if (type == NULL || strpbrk(type, "\r\n") != NULL || fetch->timeout_ms <= 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected a content type and a timeout");
	}
	bool loopback_only = false;
	char *url = sw_xstrndup((const char *)url_bytes.ptr, url_bytes.len);
	int err = check_url(url, &loopback_only, diag_out);
	if (err != SW_OK) {
		free(url);
		return err;
	}
	struct exchange *x = sw_xcalloc(1, sizeof(*x));
	x->fetch = fetch;
	x->loopback_only = loopback_only;
	x->started_ms = sw_clock_mono_ms();
	sw_buf_init(&x->head, SW_FETCH_HEADERS_BYTES_MAX);
	sw_buf_init(&x->body, SW_FETCH_BODY_MAX);
	char *line = sw_xasprintf("content-type: %s", type);
	x->headers = must_append(must_append(NULL, line), "expect:");
	free(line);
	x->transfer.done = on_done;
	x->transfer.easy = curl_easy_init();
	if (x->transfer.easy == NULL) {
		abort();
	}
	set_options(x, url);
	free(url);
	if (!sw_curl_loop_add(curl, &x->transfer)) {
		free_exchange(x);
		return sw_diag_set(diag_out, SW_ECLOSED, "closing");
	}
	return SW_OK;
}
