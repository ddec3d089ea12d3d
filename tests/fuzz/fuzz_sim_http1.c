/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the stand-ins over HTTP/1.1. Properties: exactly the bytes of the request are used; any less of them is
 * an incomplete request; forms of its body decode within their text. */
#include "fuzz.h"

#include "sim/http1.h"

#include <stdlib.h>

static int parse(struct sw_bytes in, struct sw_sim_request *request, size_t *used_out)
{
	uint8_t *copy = fuzz_copy(in);
	sw_sim_request_init(request);
	int rc = sw_sim_http1_parse(sw_bytes(copy, in.len), request, used_out);
	free(copy);
	return rc;
}

static void check_request(const struct sw_sim_request *request)
{
	FUZZ_CHECK(request->method[0] && request->path[0] == '/' && request->header_count <= SW_SIM_HEADERS_MAX);
	FUZZ_CHECK(request->body.len <= SW_SIM_BODY_MAX);
	FUZZ_CHECK(!sw_sim_request_header(request, "transfer-encoding").ptr);
	struct sw_arena arena;
	sw_arena_init(&arena);
	FUZZ_CHECK(sw_sim_form_get(&arena, sw_buf_bytes(&request->body), "assertion").len <= request->body.len);
	sw_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_sim_request request;
	size_t used = 0;
	int rc = parse(sw_bytes(data, size), &request, &used);
	FUZZ_CHECK(rc == SW_OK || rc == SW_EAGAIN || rc == SW_EPROTO || rc == SW_ELIMIT);
	if (rc == SW_OK) {
		check_request(&request);
		struct sw_sim_request less;
		size_t used_less = 0;
		FUZZ_CHECK(used > 0 && used <= size);
		FUZZ_CHECK(parse(sw_bytes(data, used - 1), &less, &used_less) == SW_EAGAIN);
		sw_sim_request_release(&less);
		FUZZ_CHECK(parse(sw_bytes(data, used), &less, &used_less) == SW_OK && used_less == used);
		sw_sim_request_release(&less);
	}
	sw_sim_request_release(&request);
	return 0;
}
