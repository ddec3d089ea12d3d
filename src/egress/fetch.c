/* SPDX-License-Identifier: Apache-2.0 */
/* One POST through libcurl. A new connection each time: on a reused one libcurl would silently repeat the request
 * when it breaks. */
#include "egress/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <surewire/clock.h>
#include <surewire/mem.h>

#include "egress/curl_http_int.h"
#include "egress/curl_loop_int.h"
#include "egress/host_int.h"

enum { URL_MAX_BYTES = 2048 };

struct exchange {
	struct sw_curl_transfer transfer; /* first */
	struct sw_fetch *fetch;
	struct curl_slist *headers;
	struct sw_curl_answer answer;
	bool loopback_only;
	int64_t started_ms;
	char error[CURL_ERROR_SIZE];
};

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
	sw_curl_answer_release(&x->answer);
	free(x);
}

static void on_done(struct sw_curl_transfer *transfer, CURLcode code)
{
	struct exchange *x = (struct exchange *)transfer;
	struct sw_fetch_result result = {.detail = ""};
	result.duration_ms = sw_clock_mono_ms() - x->started_ms;
	if (code == CURLE_OK) {
		sw_curl_answer_response(&x->answer, &result.response);
	} else if (x->answer.too_big) {
		result.detail = "the answer is larger than 64 KB";
	} else {
		result.detail = sw_curl_http_detail(code, x->error);
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
	sw_curl_http_prepare(easy, req->ca_file, x->error);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, x->loopback_only ? "http" : "https");
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body.len > 0 ? (const char *)req->body.ptr : "");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)x->fetch->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)SW_FETCH_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
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
	char *line = sw_xasprintf("content-type: %s", type);
	x->headers = sw_curl_http_append(sw_curl_http_append(NULL, line), "expect:");
	free(line);
	x->transfer.done = on_done;
	x->transfer.easy = curl_easy_init();
	if (x->transfer.easy == NULL) {
		abort();
	}
	sw_curl_answer_init(&x->answer, x->transfer.easy, SW_FETCH_HEADERS_BYTES_MAX, SW_FETCH_BODY_MAX);
	set_options(x, url);
	free(url);
	if (!sw_curl_loop_add(curl, &x->transfer)) {
		free_exchange(x);
		return sw_diag_set(diag_out, SW_ECLOSED, "closing");
	}
	return SW_OK;
}
