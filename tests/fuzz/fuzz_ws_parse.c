/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket frames, both sides. Properties: the same events and the same end whole, byte by byte and at any split; the
 * events of a second, plain reading of RFC 6455 (ws_plain.c); memory by what was received. */
#include "ws_plain.h"

#include <stdlib.h>
#include <string.h>

enum { SPLIT_NONE, SPLIT_BYTES, SPLIT_ANY, SPLIT_MODES };

/* What a parser said, as bytes: events, then how it ended. */
static void note_event(struct sw_buf *log, const struct sw_ws_event *event)
{
	ws_plain_note(log, event->opcode, event->close_code, event->payload);
}

static int feed(struct sw_ws_parser *parser, struct sw_bytes piece, struct sw_buf *log)
{
	uint8_t *copy = fuzz_copy(piece);
	struct sw_ws_input in = {copy, piece.len};
	struct sw_ws_event event;
	int rc;
	while ((rc = sw_ws_parser_next(parser, &in, &event)) == 1) {
		FUZZ_CHECK(event.payload.len <= parser->message_max || event.opcode >= SW_WS_CLOSE);
		note_event(log, &event);
		if (event.opcode == SW_WS_CLOSE) {
			break;
		}
	}
	FUZZ_CHECK(rc == 1 || (rc == 0) == (parser->failed == 0));
	FUZZ_CHECK(rc != 0 || in.left == 0);
	free(copy);
	return rc;
}

/* Gives the close code of the error, or 0. */
static uint16_t parse(const struct ws_plain_options *options, struct sw_bytes stream, int mode, struct sw_buf *log)
{
	struct sw_ws_parser parser;
	struct fuzz_splits splits = fuzz_splits_new(stream);
	sw_ws_parser_init(&parser, options->side, options->message_max, options->text_only);
	size_t at = 0;
	int rc = 0;
	while (rc == 0 && at < stream.len) {
		size_t piece = mode == SPLIT_BYTES ? 1
			     : mode == SPLIT_ANY   ? fuzz_split(&splits, stream.len - at)
						   : stream.len;
		rc = feed(&parser, sw_bytes(stream.ptr + at, piece), log);
		at += piece;
		FUZZ_CHECK(parser.message_cap <= 256 + 2 * at);
	}
	uint16_t failed = parser.failed;
	if (rc < 0) {
		/* The error stays. */
		struct sw_ws_input in = {NULL, 0};
		struct sw_ws_event event;
		FUZZ_CHECK(sw_ws_parser_next(&parser, &in, &event) == rc && parser.failed == failed);
	}
	sw_ws_parser_release(&parser);
	return failed;
}

static void check_plain(const struct ws_plain_options *options, struct sw_bytes stream, uint16_t failed,
			const struct sw_buf *log)
{
	struct sw_buf plain_log;
	sw_buf_init(&plain_log, SIZE_MAX);
	uint16_t plain_failed = ws_plain_read(options, stream, &plain_log);
	FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(log), sw_buf_bytes(&plain_log)));
	/* The plain reading looks at whole frames, so it cannot see bad UTF-8 in one that is not complete. */
	FUZZ_CHECK(failed == plain_failed || (failed == SW_WS_CODE_NOT_UTF8 && plain_failed == 0));
	sw_buf_release(&plain_log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes stream = sw_bytes(data, size);
	uint8_t bits = fuzz_take_u8(&stream);
	struct ws_plain_options options = {
		.side = bits & 1 ? SW_WS_CLIENT : SW_WS_SERVER,
		.text_only = bits & 2,
		.message_max = bits & 4 ? 131072 : (uint32_t)bits,
	};
	struct sw_buf logs[SPLIT_MODES];
	uint16_t failed[SPLIT_MODES];
	for (int mode = 0; mode < SPLIT_MODES; mode++) {
		sw_buf_init(&logs[mode], SIZE_MAX);
		failed[mode] = parse(&options, stream, mode, &logs[mode]);
	}
	for (int mode = 1; mode < SPLIT_MODES; mode++) {
		FUZZ_CHECK(failed[mode] == failed[0]);
		FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&logs[mode]), sw_buf_bytes(&logs[0])));
	}
	check_plain(&options, stream, failed[0], &logs[0]);
	for (int mode = 0; mode < SPLIT_MODES; mode++) {
		sw_buf_release(&logs[mode]);
	}
	return 0;
}
