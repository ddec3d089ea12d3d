/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli_http.h"

#include <surewire/mem.h>

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_TIMEOUT_MS = 5000,
	TIMEOUT_MS = 30000, /* servers answer before */
};

static size_t on_answer_bytes(char *ptr, size_t size, size_t count, void *ctx)
{
	struct sw_buf *answer = ctx;
	sw_buf_put(answer, ptr, size * count);
	return answer->err ? 0 : size * count;
}

static struct curl_slist *headers(const struct sw_cli_http *request)
{
	char *authorization = sw_xasprintf("Authorization: Bearer %s", request->token);
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	list = curl_slist_append(list, "Expect:"); /* no 100-continue: the server would have to answer twice */
	list = curl_slist_append(list, authorization);
	sw_free_secret(authorization, strlen(authorization));
	if (request->operator) {
		char *operator= sw_xasprintf("Surewire-Operator: %s", request->operator);
		list = curl_slist_append(list, operator);
		free(operator);
	}
	if (request->key) {
		char *key = sw_xasprintf("Idempotency-Key: %s", request->key);
		list = curl_slist_append(list, key);
		free(key);
	}
	return list;
}

static void set_options(CURL *curl, const struct sw_cli_http *request, struct sw_buf *answer)
{
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* our servers are reached directly */
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->body.len) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)request->body.ptr);
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	if (request->ca_file) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
	}
}

long sw_cli_http(const struct sw_cli_http *request, struct sw_buf *answer, struct sw_diag *diag_out)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	size_t base_len = strlen(request->base);
	base_len -= base_len && request->base[base_len - 1] == '/';
	char *url = sw_xasprintf("%.*s%s", (int)base_len, request->base, request->path);
	struct curl_slist *list = headers(request);
	CURL *curl = curl_easy_init();
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	set_options(curl, request, answer);
	CURLcode code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	} else {
		sw_diag_set(diag_out, SW_EUNAVAILABLE, "%s: %s", url, why[0] ? why : curl_easy_strerror(code));
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(list);
	free(url);
	return status;
}
