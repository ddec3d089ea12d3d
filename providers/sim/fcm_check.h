/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of an FCM v1 send request and its limits, as a pure function over the JSON body.
 * Source: the fcm/v1 discovery document and "Best practices when sending FCM messages at scale". */
#ifndef SW_SIM_FCM_CHECK_H
#define SW_SIM_FCM_CHECK_H

#include <surewire/json.h>

/* Borrowed from the JSON. */
struct sw_sim_fcm_message {
	bool validate_only;
	const char *target_kind; /* "token", "topic" or "condition" */
	struct sw_bytes target;
	struct sw_bytes collapse_key;
	const json_t *data; /* NULL when absent */
};

struct sw_sim_fcm_violation {
	char field[96]; /* "message.android.ttl"; "" when there is no single one */
	char text[192];
};

/* SW_OK, SW_EINVAL with the violation, or SW_ELIMIT with it when the message is too big. */
int sw_sim_fcm_check(const json_t *root, struct sw_sim_fcm_message *message_out,
		     struct sw_sim_fcm_violation *violation_out) SW_MUST_CHECK;
/* "3.5s", 0 to four weeks. */
bool sw_sim_fcm_ttl_ok(struct sw_bytes ttl);

#endif
