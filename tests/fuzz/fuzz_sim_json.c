/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-ins read as JSON: sends to FCM and Push Kit, faults on command, signed tokens with their claims, payloads for
 * APNs. Properties: a refusal says what was expected; a fault that is taken keeps its bounds. */
#include "fuzz.h"

#include "sim/apns_check.h"
#include "sim/fault.h"
#include "sim/fcm_check.h"
#include "sim/huawei_check.h"
#include "sim/jws.h"
#include "sim/oauth_check.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

static void try_fcm(const json_t *root)
{
	struct sw_sim_fcm_message message;
	struct sw_sim_fcm_violation violation = {.text = ""};
	int rc = sw_sim_fcm_check(root, &message, &violation);
	FUZZ_CHECK(rc == SW_OK || rc == SW_EINVAL || rc == SW_ELIMIT);
	FUZZ_CHECK(rc == SW_OK ? message.target.len > 0 : violation.text[0]);
	FUZZ_CHECK(memchr(violation.field, '\0', sizeof(violation.field)));
}

static void try_huawei(const json_t *root, size_t len)
{
	struct sw_sim_huawei_message message;
	struct sw_sim_huawei_violation violation = {.text = ""};
	int rc = sw_sim_huawei_check(root, len, &message, &violation);
	FUZZ_CHECK(rc == SW_OK || rc == SW_EINVAL);
	FUZZ_CHECK(rc == SW_OK || (violation.code[0] == '8' && violation.text[0]));
	FUZZ_CHECK(rc != SW_OK || !message.tokens || json_array_size(message.tokens) > 0);
}

static void try_fault(json_t *root)
{
	struct sw_sim_faults faults;
	struct sw_sim_fault fault;
	struct sw_diag diag = {""};
	sw_sim_faults_init(&faults);
	if (sw_sim_fault_parse(root, &fault, &diag) == SW_OK) {
		FUZZ_CHECK(fault.share >= 0 && fault.share <= 1 && fault.left >= -1 && fault.for_ms >= -1);
		FUZZ_CHECK(fault.provider < SW_SIM_PROVIDER_COUNT && fault.stage < SW_SIM_STAGE_COUNT);
		struct sw_sim_action action;
		FUZZ_CHECK(sw_sim_faults_add(&faults, &fault, 1) > 0);
		sw_sim_faults_take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, sw_bytes_str("00"), &action);
	} else {
		FUZZ_CHECK(diag.text[0]);
	}
	sw_sim_faults_release(&faults);
}

static void try_token(struct sw_bytes text)
{
	struct sw_sim_jws jws;
	if (sw_sim_jws_parse(text, &jws) != SW_OK) {
		return;
	}
	FUZZ_CHECK(json_is_object(jws.header) && json_is_object(jws.claims));
	FUZZ_CHECK(fuzz_within(jws.signed_part, text) && jws.signature_len <= sizeof(jws.signature));
	FUZZ_CHECK(sw_sim_apns_check_claims(jws.claims, "TEAM123456", 1795500000).status >= 200);
	sw_sim_oauth_check_claims(jws.claims, "https://oauth2.example/token", "oauth2.example", 1795500000);
	sw_sim_jws_release(&jws);
}

static void try_apns(struct sw_bytes text)
{
	struct sw_sim_request request;
	struct sw_bytes token = {NULL, 0};
	sw_sim_request_init(&request);
	request.method = "POST";
	request.path = sw_arena_str(&request.arena, text);
	FUZZ_CHECK(sw_sim_apns_check_path(&request, &token).status != 200 || token.len > 0);
	sw_sim_request_add_body(&request, text);
	FUZZ_CHECK(sw_sim_request_add(&request, sw_bytes_str("apns-topic"), sw_bytes_str("org.example.chat")) == SW_OK);
	FUZZ_CHECK(sw_sim_request_add(&request, sw_bytes_str("apns-push-type"), sw_bytes_str("alert")) == SW_OK);
	struct sw_sim_apns_rules rules = {.topic_count = 0};
	struct sw_sim_verdict verdict = sw_sim_apns_check_message(&request, sw_bytes_str("00"), &rules);
	FUZZ_CHECK(verdict.status == 200 ? verdict.reason == NULL : verdict.reason != NULL);
	sw_sim_request_release(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	struct sw_bytes text = sw_bytes(copy, size);
	json_t *root = NULL;
	if (sw_json_parse(text, DEPTH_MAX, &root, NULL) == SW_OK) {
		try_fcm(root);
		try_huawei(root, size);
		try_fault(root);
		json_decref(root);
	}
	try_token(text);
	try_apns(text);
	free(copy);
	return 0;
}
