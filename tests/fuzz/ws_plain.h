/* SPDX-License-Identifier: Apache-2.0 */
/* A second reading of RFC 6455, frame by frame over a whole stream, to compare the product's parser with. It is slow,
 * plain, and shares nothing with it but names. */
#ifndef SW_FUZZ_WS_PLAIN_H
#define SW_FUZZ_WS_PLAIN_H

#include "fuzz.h"

#include "net/ws_codec.h"

struct ws_plain_options {
	enum sw_ws_side side;
	bool text_only;
	uint32_t message_max;
};

/* One event in a log of events. */
void ws_plain_note(struct sw_buf *log, unsigned opcode, unsigned close_code, struct sw_bytes payload);
/* Reads up to the first error, the first close frame, or the first frame that is not complete. Gives the close code of
 * the error, or 0. */
uint16_t ws_plain_read(const struct ws_plain_options *options, struct sw_bytes stream, struct sw_buf *log);

#endif
