/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of `rejected` (reject_codes.def). Pure. */
#ifndef SW_PROTO_REJECT_H
#define SW_PROTO_REJECT_H

enum sw_reject {
#define SW_REJECT(NAME, number, code, text) SW_REJECT_##NAME = (number),
#include "proto/reject_codes.def"
#undef SW_REJECT
};

/* Static strings; "rejected" and "" for an unknown number. */
const char *sw_reject_code(enum sw_reject reject);
const char *sw_reject_text(enum sw_reject reject);

#endif
