/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 messages, strictly (RFC 9112). Pure: parses heads and chunked bodies, encodes answers. Refuses what can be
 * read in two ways: obs-fold, bare LF, space before the colon, repeated or mixed framing headers. Sockets are in
 * http_serve.h. */
#ifndef SW_NET_HTTP1_H
#define SW_NET_HTTP1_H

#include <surewire/buf.h>

enum { SW_HTTP1_HEAD_BYTES_MAX = 8192, SW_HTTP1_HEADERS_MAX = 100, SW_HTTP1_PARAM_BYTES_MAX = 4096 };

struct sw_http1_header {
	struct sw_bytes name;  /* as sent; compare without case */
	struct sw_bytes value; /* without surrounding blanks */
};

/* Borrows from the text that was parsed. */
struct sw_http1_head {
	struct sw_bytes method; /* upper case; requests only */
	struct sw_bytes path;   /* undecoded, starts with '/', or "*" of OPTIONS */
	struct sw_bytes query;  /* undecoded, without '?' */
	int status;             /* responses only */
	int minor;              /* 1, or 0: HTTP/1.0, answered and closed */
	int64_t content_length; /* -1: none given */
	bool chunked;
	bool keep_alive;
	bool upgrade;         /* Connection lists "upgrade" */
	bool expect_continue; /* wants 100 before it sends the body */
	size_t header_count;
	struct sw_http1_header headers[SW_HTTP1_HEADERS_MAX]; /* the first header_count are set */
};

/* What to answer when parsing failed. */
struct sw_http1_error {
	int status;
	const char *detail; /* static */
};

/* in: everything received since the last message. *scanned_io: 0 at first, how far the end was searched already.
 * SW_OK: *head_len_out bytes were the head. SW_EAGAIN: incomplete. SW_EPARSE, SW_ELIMIT, SW_EVERSION: *error_out. */
int sw_http1_parse_request(struct sw_bytes in, size_t *scanned_io, struct sw_http1_head *head_out, size_t *head_len_out,
			   struct sw_http1_error *error_out) SW_MUST_CHECK;
/* The same for a response head (the terminal client's Upgrade answer). */
int sw_http1_parse_response(struct sw_bytes in, size_t *scanned_io, struct sw_http1_head *head_out,
			    size_t *head_len_out, struct sw_http1_error *error_out) SW_MUST_CHECK;

/* The first header of that name; NULL ptr when absent. */
struct sw_bytes sw_http1_header(const struct sw_http1_head *head, const char *name);
/* Whether a comma separated list in any header of that name has the token (no case). */
bool sw_http1_has_token(const struct sw_http1_head *head, const char *name, const char *token);
size_t sw_http1_count(const struct sw_http1_head *head, const char *name);

/* Decodes %XX into out; plus_is_space for query strings. SW_EPARSE for bad digits and for %00. */
int sw_http1_percent_decode(struct sw_bytes text, bool plus_is_space, struct sw_buf *out) SW_MUST_CHECK;
/* The decoded value of a query parameter appended to out: SW_OK, SW_ENOTFOUND, SW_EPARSE. */
int sw_http1_query_param(struct sw_bytes query, const char *name, struct sw_buf *out) SW_MUST_CHECK;

/* Decoder of a chunked body; zero-initialised. Trailers are skipped, and limited. */
struct sw_http1_chunked {
	uint64_t left;
	uint32_t line_len;
	uint32_t trailer_bytes;
	uint8_t state;
	bool digits;
};
/* Appends body bytes to `body` (its bound is the limit). SW_OK: complete; SW_EAGAIN; SW_EPARSE; SW_ELIMIT.
 * *used_out: bytes of `in` that belong to the body. */
int sw_http1_chunked_feed(struct sw_http1_chunked *c, struct sw_bytes in, struct sw_buf *body,
			  size_t *used_out) SW_MUST_CHECK;

struct sw_http1_response {
	int status;
	const char *content_type; /* NULL: none */
	const char *extra;        /* more header lines, each ended by CR LF; or NULL */
	struct sw_bytes body;
	bool keep_alive;
	bool chunked;   /* Transfer-Encoding instead of a length; the body follows in chunks */
	bool head_only; /* answer to HEAD: the length but no body */
};
void sw_http1_put_response(struct sw_buf *out, const struct sw_http1_response *res);
const char *sw_http1_reason(int status);
/* RFC 9457 body: {"type":"about:blank","title":…,"status":…,"code":…,"detail":…}; code NULL is left out. */
void sw_http1_put_problem(struct sw_buf *out, int status, const char *code, const char *detail);
#define SW_HTTP1_PROBLEM_TYPE "application/problem+json"

#endif
