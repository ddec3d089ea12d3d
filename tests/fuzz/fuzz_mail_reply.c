/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of SMTP servers, and what the e-mail provider makes of them at every stage of the dialogue. Properties: the
 * same reply at every split; an enhanced code has its form and the class of the code; only a 2xx after the message is
 * delivered, and nothing before RCPT costs an address. */
#include "fuzz.h"

#include "egress/mail_reply_int.h"
#include "email/email_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MAX_MS = 3600 * 1000 };

static struct sw_mail_reply read_reply(struct sw_bytes in, bool split)
{
	struct sw_mail_reply_reader reader = {.len = 0};
	struct fuzz_splits splits = fuzz_splits_new(in);
	for (size_t at = 0; at < in.len;) {
		size_t piece = split ? fuzz_split(&splits, in.len - at) : in.len;
		uint8_t *copy = fuzz_copy(sw_bytes(in.ptr + at, piece));
		sw_mail_reply_feed(&reader, sw_bytes(copy, piece));
		free(copy);
		at += piece;
	}
	return reader.reply;
}

/* RFC 3463, section 2: class "." subject "." detail, one to three digits the latter. */
static bool is_enhanced(const char *text, int code)
{
	if (text[0] - '0' != code / 100 || !strchr("245", text[0]) || text[1] != '.') {
		return false;
	}
	text += 2;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;
		for (; isdigit((unsigned char)text[digits]); digits++) {
		}
		if (digits < 1 || digits > 3) {
			return false;
		}
		text += digits;
		if (part == 0 && *text++ != '.') {
			return false;
		}
	}
	return *text == '\0';
}

static void check_outcome(const struct sw_mail_reply *reply)
{
	struct sw_answer answer = {.mail = reply};
	struct sw_outcome outcome;
	sw_email_classify(NULL, &answer, &outcome);
	FUZZ_CHECK((int)outcome.kind >= 0 && outcome.kind <= SW_OUTCOME_CONFIG && outcome.kind != SW_OUTCOME_UNSENT);
	FUZZ_CHECK(outcome.status == reply->code && outcome.after_ms >= -1 && outcome.after_ms <= WAIT_MAX_MS);
	FUZZ_CHECK(memchr(outcome.reason, '\0', sizeof(outcome.reason)));
	FUZZ_CHECK(outcome.reason[0] && fuzz_printable(outcome.reason));
	bool delivered = reply->stage == SW_MAIL_STAGE_DATA && reply->code / 100 == 2;
	FUZZ_CHECK((outcome.kind == SW_OUTCOME_DELIVERED) == delivered);
	if (outcome.kind == SW_OUTCOME_TOKEN_DEAD) {
		FUZZ_CHECK(reply->code / 100 == 5 && reply->stage >= SW_MAIL_STAGE_RCPT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes in = sw_bytes(data, size);
	struct sw_mail_reply reply = read_reply(in, false);
	struct sw_mail_reply split = read_reply(in, true);
	FUZZ_CHECK(reply.code == split.code && strcmp(reply.enhanced, split.enhanced) == 0);
	FUZZ_CHECK(strcmp(reply.text, split.text) == 0);
	FUZZ_CHECK(reply.code == 0 || (reply.code >= 200 && reply.code <= 599));
	FUZZ_CHECK(!reply.enhanced[0] || is_enhanced(reply.enhanced, reply.code));
	FUZZ_CHECK(fuzz_printable(reply.text));
	for (int stage = SW_MAIL_STAGE_CONNECT; stage <= SW_MAIL_STAGE_DATA; stage++) {
		reply.stage = stage;
		check_outcome(&reply);
	}
	return 0;
}
