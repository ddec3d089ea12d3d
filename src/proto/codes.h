/* SPDX-License-Identifier: Apache-2.0 */
/* Close codes (close_codes.def) and error codes (error_codes.def) of the client protocol. Pure. */
#ifndef SW_PROTO_CODES_H
#define SW_PROTO_CODES_H

#include <surewire/bytes.h>

enum sw_close_code {
#define SW_CLOSE(NAME, code, reason, advice) SW_CLOSE_##NAME = (code),
#include "proto/close_codes.def"
#undef SW_CLOSE
};
/* Static; "" for other codes. */
const char *sw_close_reason(enum sw_close_code code);

enum sw_error_code {
	SW_ERROR_NONE,
#define SW_ERROR_CODE(NAME, code, status, text) SW_ERROR_##NAME,
#include "proto/error_codes.def"
#undef SW_ERROR_CODE
};
const char *sw_error_code(enum sw_error_code error);
int sw_error_status(enum sw_error_code error);
const char *sw_error_text(enum sw_error_code error);
/* SW_ERROR_NONE: no such code. */
enum sw_error_code sw_error_of_code(struct sw_bytes code);

#endif
