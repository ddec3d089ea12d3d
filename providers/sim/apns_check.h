/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of Apple's provider API for one request, as pure functions: headers, topic, type, sizes, payload, and the
 * claims of a provider token. Sources: "Sending notification requests to APNs", "Handling notification responses from
 * APNs", "Establishing a token-based connection to APNs". */
#ifndef SW_SIM_APNS_CHECK_H
#define SW_SIM_APNS_CHECK_H

#include <surewire/json.h>

#include "sim/request.h"

enum { SW_SIM_APNS_TOKEN_AGE_MAX_S = 3600, SW_SIM_APNS_COLLAPSE_MAX = 64 };

struct sw_sim_verdict {
	int status;         /* 200 when there is nothing to refuse */
	const char *reason; /* Apple's, static; NULL with 200 */
};

struct sw_sim_apns_rules {
	const char *const *topics; /* known ones */
	size_t topic_count;        /* 0: every topic is known */
};

/* Method and path; with 200 *token_out is the device token, borrowed from the path. */
struct sw_sim_verdict sw_sim_apns_check_path(const struct sw_sim_request *request, struct sw_bytes *token_out);
/* Everything behind the authorisation: device token, headers, payload. */
struct sw_sim_verdict sw_sim_apns_check_message(const struct sw_sim_request *request, struct sw_bytes token,
						const struct sw_sim_apns_rules *rules);
/* Claims of a token whose signature is good. team may be NULL. now_s: wall clock. */
struct sw_sim_verdict sw_sim_apns_check_claims(const json_t *claims, const char *team, int64_t now_s);

#endif
