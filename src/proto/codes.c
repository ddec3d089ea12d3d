/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/codes.h"

#include <stddef.h>

const char *sw_close_reason(enum sw_close_code close_code)
{
	switch (close_code) {
#define SW_CLOSE(NAME, code, reason, advice) \
	case SW_CLOSE_##NAME:                \
		return reason;
#include "proto/close_codes.def"
#undef SW_CLOSE
	}
	return "";
}

struct row {
	const char *code;
	int status;
	const char *text;
};

static const struct row rows[] = {
	[SW_ERROR_NONE] = {"", 200, ""},
#define SW_ERROR_CODE(NAME, code, status, text) [SW_ERROR_##NAME] = {(code), (status), (text)},
#include "proto/error_codes.def"
#undef SW_ERROR_CODE
};

const char *sw_error_code(enum sw_error_code error)
{
	return rows[error].code;
}

int sw_error_status(enum sw_error_code error)
{
	return rows[error].status;
}

const char *sw_error_text(enum sw_error_code error)
{
	return rows[error].text;
}

enum sw_error_code sw_error_of_code(struct sw_bytes code)
{
	for (size_t i = SW_ERROR_NONE + 1; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (sw_bytes_equal_str(code, rows[i].code)) {
			return (enum sw_error_code)i;
		}
	}
	return SW_ERROR_NONE;
}
