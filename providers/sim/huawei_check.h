/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a Push Kit send request (v1 and v2) and its limits, as a pure function over the JSON body.
 * Source: Huawei, Push Kit, "Downlink message". */
#ifndef SW_SIM_HUAWEI_CHECK_H
#define SW_SIM_HUAWEI_CHECK_H

#include <surewire/json.h>

/* Borrowed from the JSON. */
struct sw_sim_huawei_message {
	bool validate_only;
	const json_t *tokens;   /* of texts; NULL for a topic or a condition */
	struct sw_bytes target; /* the first token, the topic or the condition */
	struct sw_bytes tag;
};

struct sw_sim_huawei_violation {
	const char *code; /* static, e.g. "80100003" */
	char text[192];
};

/* SW_OK, or SW_EINVAL with the violation. body_bytes: of the whole request. */
int sw_sim_huawei_check(const json_t *root, size_t body_bytes, struct sw_sim_huawei_message *message_out,
			struct sw_sim_huawei_violation *violation_out) SW_MUST_CHECK;
/* Could this be a token? */
bool sw_sim_huawei_token_ok(const json_t *token);

#endif
