/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/reject.h"

const char *sw_reject_code(enum sw_reject reject)
{
	switch (reject) {
#define SW_REJECT(NAME, number, code, text) \
	case SW_REJECT_##NAME:              \
		return code;
#include "proto/reject_codes.def"
#undef SW_REJECT
	}
	return "rejected";
}

const char *sw_reject_text(enum sw_reject reject)
{
	switch (reject) {
#define SW_REJECT(NAME, number, code, text) \
	case SW_REJECT_##NAME:              \
		return text;
#include "proto/reject_codes.def"
#undef SW_REJECT
	}
	return "";
}
