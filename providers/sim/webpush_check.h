/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a Web Push service for one request, as pure functions: path, headers, the frame of the encrypted body,
 * and the claims of a VAPID token. Sources: RFC 8030 (5), RFC 8188 (2.1), RFC 8291 (4), RFC 8292 (2, 4.2). */
#ifndef SW_SIM_WEBPUSH_CHECK_H
#define SW_SIM_WEBPUSH_CHECK_H

#include <surewire/json.h>

#include "sim/request.h"

enum {
	SW_SIM_WEBPUSH_BODY_MAX = 4096,
	SW_SIM_WEBPUSH_ID_MAX = 128,
	SW_SIM_WEBPUSH_POINT_BYTES = 65,
	SW_SIM_WEBPUSH_AUTH_BYTES = 16,
	SW_SIM_WEBPUSH_HEADER_BYTES = 16 + 4 + 1 + SW_SIM_WEBPUSH_POINT_BYTES,
};

struct sw_sim_webpush_verdict {
	int status;         /* 201 when there is nothing to refuse */
	int number;         /* the `errno` of Mozilla's autopush */
	const char *reason; /* static; NULL with 201 */
};

/* Method and path /push/ID; with 201 *id_out is borrowed from the path. */
struct sw_sim_webpush_verdict sw_sim_webpush_check_path(const struct sw_sim_request *request, struct sw_bytes *id_out);
/* TTL, Urgency, Topic, Content-Encoding, and one aes128gcm record with an uncompressed point as its key id. */
struct sw_sim_webpush_verdict sw_sim_webpush_check_message(const struct sw_sim_request *request);
/* "vapid t=TOKEN, k=KEY", borrowed; false when it is anything else. */
bool sw_sim_webpush_split(struct sw_bytes authorization, struct sw_bytes *token_out, struct sw_bytes *key_out);
/* Claims of a token whose signature is good. authority: as the request has it. now_s: wall clock. */
struct sw_sim_webpush_verdict sw_sim_webpush_check_claims(const json_t *claims, const char *authority, int64_t now_s);

#endif
