/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, one easy handle, one request at a time. */
#include "management.h"

#include <surewire/buf.h>
#include <surewire/json.h>
#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

static CURL *curl;
static const char *base;
static struct sw_buf answer;

void management_open(const char *base_url)
{
	base = base_url;
	assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), 0);
	curl = curl_easy_init();
	assert_non_null(curl);
	sw_buf_init(&answer, 16 * 1024 * 1024);
}

void management_close(void)
{
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	sw_buf_release(&answer);
}

static size_t on_data(char *ptr, size_t size, size_t count, void *ctx)
{
	(void)ctx;
	sw_buf_put(&answer, ptr, size * count);
	return size * count;
}

/* The path is given away. */
static long request(const char *method, char *path, const char *body)
{
	char *url = sw_xasprintf("%s/api/%s", base, path);
	struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
	long status = 0;
	sw_buf_clear(&answer);
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	CURLcode code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		fail_msg("%s %s: %s", method, path, curl_easy_strerror(code));
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	free(url);
	free(path);
	return status;
}

static void expect_done(long status)
{
	if (status < 200 || status > 299) {
		fail_msg("status %ld: %s", status, sw_buf_cstr(&answer));
	}
}

void management_create_vhost(const char *vhost, const char *user)
{
	static const char all[] = "{\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"}";
	expect_done(request("PUT", sw_xasprintf("vhosts/%s", vhost), "{}"));
	expect_done(request("PUT", sw_xasprintf("permissions/%s/%s", vhost, user), all));
}

void management_delete_vhost(const char *vhost)
{
	expect_done(request("DELETE", sw_xasprintf("vhosts/%s", vhost), NULL));
}

void management_declare_queue(const char *vhost, const char *queue, const char *arguments)
{
	char *body = sw_xasprintf("{\"durable\":true,\"auto_delete\":false,\"arguments\":%s}", arguments);
	expect_done(request("PUT", sw_xasprintf("queues/%s/%s", vhost, queue), body));
	free(body);
}

void management_delete_queue(const char *vhost, const char *queue)
{
	expect_done(request("DELETE", sw_xasprintf("queues/%s/%s", vhost, queue), NULL));
}

static int close_matching(const char *client_name)
{
	expect_done(request("GET", sw_xstrdup("connections?columns=name,user_provided_name"), NULL));
	json_t *list = NULL;
	assert_int_equal(sw_json_parse(sw_buf_bytes(&answer), 8, &list, NULL), SW_OK);
	int closed = 0;
	size_t i;
	json_t *row;
	json_array_foreach (list, i, row) {
		const char *provided = json_string_value(json_object_get(row, "user_provided_name"));
		if (provided && strcmp(provided, client_name) == 0) {
			const char *name = json_string_value(json_object_get(row, "name"));
			char *escaped = curl_easy_escape(curl, name, 0);
			/* 404: it went by itself in the meantime. */
			closed += request("DELETE", sw_xasprintf("connections/%s", escaped), NULL) == 204;
			curl_free(escaped);
		}
	}
	json_decref(list);
	return closed;
}

void management_close_connection(const char *client_name)
{
	for (int i = 0; i < 100; i++) {
		if (close_matching(client_name) > 0) {
			return;
		}
		usleep(100 * 1000);
	}
	fail_msg("no connection named %s", client_name);
}
