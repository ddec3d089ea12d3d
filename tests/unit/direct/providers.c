/* SPDX-License-Identifier: Apache-2.0 */
#include "providers.h"

static int check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	bool good = token.len && token.ptr[0] == 't';
	return good ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "token: expected one that begins with t");
}

static int check_app_for(const struct sw_provider_config *config, struct sw_bytes app, struct sw_diag *diag_out)
{
	(void)config;
	return sw_bytes_equal_str(app, "app") ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "app: expected app");
}

static const struct sw_provider_ops apns = {.name = "apns", .check_token = check_token, .check_app_for = check_app_for};
static const struct sw_provider_ops fcm = {.name = "fcm", .check_token = check_token, .check_app_for = check_app_for};
static const struct sw_provider_ops hook = {.name = "webhook", .check_token = check_token};

static const struct sw_direct_provider providers[] = {
	{"apns", &apns, NULL}, {"fcm", &fcm, NULL}, {"hook", &hook, NULL}};
const struct sw_direct_rules test_rules = {providers, 3, INT64_C(86400000)};
