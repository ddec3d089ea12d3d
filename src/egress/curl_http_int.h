/* SPDX-License-Identifier: Apache-2.0 */
/* What token requests and the pool of HTTP/1.1 have in common: how careful a handle is, and what it gets back, bounded:
 * the fields of the last head, and the body's beginning. */
#ifndef SW_EGRESS_CURL_HTTP_INT_H
#define SW_EGRESS_CURL_HTTP_INT_H

#include <curl/curl.h>
#include <surewire/buf.h>
#include <surewire/http_msg.h>

/* Verified TLS 1.2 or later, no redirect, nothing from the environment, no signal; texts of errors into error. ca_file
 * NULL: the system's certificates. */
void sw_curl_http_prepare(CURL *easy, const char *ca_file, char error[CURL_ERROR_SIZE]);
/* Why a transfer failed; error is its buffer. Borrowed. */
const char *sw_curl_http_detail(CURLcode code, const char *error);
/* A longer list; the process ends when there is no memory. */
struct curl_slist *sw_curl_http_append(struct curl_slist *list, const char *line);

struct sw_curl_field {
	size_t name_at;
	size_t name_len;
	size_t value_at;
	size_t value_len;
};

struct sw_curl_answer {
	bool final;   /* the whole head of a response that is no 1xx has arrived */
	bool too_big; /* the body passed its bound: the transfer was ended there */
	int status;   /* of the last head */
	struct sw_buf head;
	struct sw_buf body;
	struct sw_curl_field fields[SW_HTTP_HEADERS_MAX];
	size_t field_count;
};

/* Collects what comes to easy; kept until the handle is cleaned up. */
void sw_curl_answer_init(struct sw_curl_answer *answer, CURL *easy, size_t headers_bytes_max, size_t body_bytes_max);
void sw_curl_answer_release(struct sw_curl_answer *answer);
/* Borrowed from the answer. */
void sw_curl_answer_response(const struct sw_curl_answer *answer, struct sw_http_response *response_out);

#endif
