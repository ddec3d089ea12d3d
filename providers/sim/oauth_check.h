/* SPDX-License-Identifier: Apache-2.0 */
/* Google's token endpoint for service accounts (RFC 7523), the part that needs no state: the claims of an assertion
 * whose signature is good. Pure. */
#ifndef SW_SIM_OAUTH_CHECK_H
#define SW_SIM_OAUTH_CHECK_H

#include <surewire/json.h>

#define SW_SIM_FCM_SCOPE "https://www.googleapis.com/auth/firebase.messaging"
#define SW_SIM_CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform"

enum { SW_SIM_ASSERTION_LIFE_MAX_S = 3600, SW_SIM_CLOCK_SKEW_MAX_S = 300 };

/* Both static; error is NULL when all is well. RFC 6749, section 5.2. */
struct sw_sim_oauth_error {
	const char *error;
	const char *description;
};

/* Good audiences: the token_uri of the account file and the address under which we were asked. */
struct sw_sim_oauth_error sw_sim_oauth_check_claims(const json_t *claims, const char *token_uri, const char *authority,
						    int64_t now_s);

#endif
