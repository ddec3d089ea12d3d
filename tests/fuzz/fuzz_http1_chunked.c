/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies. Properties: the same result at every split; what is accepted is what a second, plain reading of
 * RFC 9112 section 7.1 gives; what is encoded again is the same body. */
#include "fuzz.h"

#include "net/http1.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_BYTES_MAX = 4096 };

struct result {
	int rc;
	size_t used;
	struct sw_buf body;
};

static struct result decode(struct sw_bytes in, bool split)
{
	struct result result = {.rc = SW_EAGAIN};
	struct sw_http1_chunked chunked = {0};
	struct fuzz_splits splits = fuzz_splits_new(in);
	sw_buf_init(&result.body, BODY_BYTES_MAX);
	do {
		size_t piece = split && result.used < in.len ? fuzz_split(&splits, in.len - result.used)
							     : in.len - result.used;
		uint8_t *copy = fuzz_copy(sw_bytes(in.ptr + result.used, piece));
		size_t used = 0;
		result.rc = sw_http1_chunked_feed(&chunked, sw_bytes(copy, piece), &result.body, &used);
		free(copy);
		FUZZ_CHECK(used <= piece && (result.rc != SW_EAGAIN || used == piece));
		result.used += used;
	} while (result.rc == SW_EAGAIN && result.used < in.len);
	return result;
}

/* Index behind the next CR LF from `at` on, without a bare LF between; 0 when there is none. */
static size_t line_end(struct sw_bytes in, size_t at)
{
	for (; at + 1 < in.len && in.ptr[at] != '\n'; at++) {
		if (in.ptr[at] == '\r') {
			return in.ptr[at + 1] == '\n' ? at + 2 : 0;
		}
	}
	return 0;
}

/* The plain reading: bytes used, or 0 when it is no complete chunked body. */
static size_t read_plainly(struct sw_bytes in, struct sw_buf *body)
{
	size_t at = 0;
	for (;;) {
		size_t next = line_end(in, at);
		size_t digits = 0;
		uint64_t size = 0;
		for (; at + digits < in.len && isxdigit(in.ptr[at + digits]); digits++) {
			char digit[2] = {(char)in.ptr[at + digits], '\0'};
			size = size << 4 | strtoul(digit, NULL, 16);
		}
		if (next == 0 || digits == 0 || (in.ptr[at + digits] != ';' && in.ptr[at + digits] != '\r')) {
			return 0;
		}
		at = next;
		if (size == 0) {
			break;
		}
		if (size > in.len - at || in.len - at - size < 2 || memcmp(in.ptr + at + size, "\r\n", 2) != 0) {
			return 0;
		}
		sw_buf_put(body, in.ptr + at, (size_t)size);
		at += (size_t)size + 2;
	}
	for (size_t next = line_end(in, at); next; at = next, next = line_end(in, at)) {
		if (next == at + 2) {
			return next;
		}
	}
	return 0;
}

static void check_again(struct sw_bytes body)
{
	struct sw_buf coded;
	sw_buf_init(&coded, (size_t)4 * BODY_BYTES_MAX);
	struct fuzz_splits splits = fuzz_splits_new(body);
	for (size_t at = 0; at < body.len;) {
		size_t piece = fuzz_split(&splits, body.len - at);
		sw_buf_printf(&coded, "%zx;x=y\r\n", piece);
		sw_buf_put(&coded, body.ptr + at, piece);
		sw_buf_put_str(&coded, "\r\n");
		at += piece;
	}
	sw_buf_put_str(&coded, "0\r\nTrailer: t\r\n\r\n");
	if (coded.err == SW_OK) {
		struct result again = decode(sw_buf_bytes(&coded), true);
		FUZZ_CHECK(again.rc == SW_OK && again.used == coded.len);
		FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&again.body), body));
		sw_buf_release(&again.body);
	}
	sw_buf_release(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes in = sw_bytes(data, size);
	struct result whole = decode(in, false);
	struct result split = decode(in, true);
	FUZZ_CHECK(whole.rc == split.rc);
	FUZZ_CHECK(whole.rc == SW_OK || whole.rc == SW_EAGAIN || whole.rc == SW_EPARSE || whole.rc == SW_ELIMIT);
	FUZZ_CHECK(whole.body.len <= BODY_BYTES_MAX && whole.used <= size);
	if (whole.rc == SW_OK) {
		struct sw_buf plain;
		sw_buf_init(&plain, BODY_BYTES_MAX);
		FUZZ_CHECK(whole.used == split.used && whole.used == read_plainly(in, &plain));
		FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&whole.body), sw_buf_bytes(&split.body)));
		FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&whole.body), sw_buf_bytes(&plain)));
		sw_buf_release(&plain);
		check_again(sw_buf_bytes(&whole.body));
	}
	sw_buf_release(&whole.body);
	sw_buf_release(&split.body);
	return 0;
}
