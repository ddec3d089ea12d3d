/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/http1.h"

static const char post[] =
	"POST /faults?a=b HTTP/1.1\r\nHost: x:1\r\nContent-Length:  4 \r\nX-Empty:\r\n\r\nbodyGET /next HTTP/1.1\r\n";

static int parse(struct sw_bytes in, struct sw_sim_request *request, size_t *used)
{
	sw_sim_request_init(request);
	return sw_sim_http1_parse(in, request, used);
}

static void parse__every_prefix__more_until_complete(void **state)
{
	(void)state;
	size_t complete = strstr(post, "GET /next") - post;
	for (size_t len = 0; len < sizeof(post); len++) {
		struct sw_sim_request request;
		size_t used = 0;
		int err = parse(sw_bytes(post, len), &request, &used);
		assert_int_equal(err, len < complete ? SW_EAGAIN : SW_OK);
		if (err == SW_OK) {
			assert_int_equal(used, complete);
			assert_string_equal(request.method, "POST");
			assert_string_equal(request.path, "/faults?a=b");
			assert_string_equal(request.authority, "x:1");
			assert_true(sw_bytes_equal_str(sw_buf_bytes(&request.body), "body"));
			assert_non_null(sw_sim_request_header(&request, "x-empty").ptr);
			assert_null(sw_sim_request_header(&request, "x-none").ptr);
			assert_true(sw_sim_http1_keeps(&request));
		}
		sw_sim_request_release(&request);
	}
}

static void parse__malformed__refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{"GET /\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.0\r\n\r\n", SW_EPROTO},
		{"GET  HTTP/1.1\r\n\r\n", SW_EPROTO},
		{"GET x HTTP/1.1\r\n\r\n", SW_EPROTO},
		{"GET /a b HTTP/1.1\r\n\r\n", SW_EPROTO},
		{"G(T / HTTP/1.1\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\n\n", SW_EPROTO},
		{"\r\nGET / HTTP/1.1\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\nA : b\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\n: b\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\nnone\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", SW_EPROTO},
		{"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", SW_EPROTO},
		{"GET / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", SW_ELIMIT},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", SW_EPROTO},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_request request;
		size_t used;
		assert_int_equal(parse(sw_bytes_str(rows[i].text), &request, &used), rows[i].err);
		sw_sim_request_release(&request);
	}
}

static void parse__endless_head__limit(void **state)
{
	(void)state;
	static char text[SW_SIM_HTTP1_HEAD_MAX + 100];
	struct sw_sim_request request;
	size_t used;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nA:", 18);
	assert_int_equal(parse(sw_bytes(text, sizeof(text)), &request, &used), SW_ELIMIT);
	sw_sim_request_release(&request);
}

static void write__reply__exact_text(void **state)
{
	(void)state;
	struct sw_sim_reply reply;
	struct sw_buf out;
	sw_buf_init(&out, 1000);
	sw_sim_reply_init(&reply);
	reply.status = 503;
	sw_sim_reply_add(&reply, "retry-after", "7");
	sw_buf_put_str(&reply.body, "{}");
	sw_sim_http1_write(&reply, false, &out);
	assert_string_equal(sw_buf_cstr(&out),
			    "HTTP/1.1 503 Error\r\nretry-after: 7\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
	sw_sim_reply_release(&reply);
	sw_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__every_prefix__more_until_complete),
		cmocka_unit_test(parse__malformed__refused),
		cmocka_unit_test(parse__endless_head__limit),
		cmocka_unit_test(write__reply__exact_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
