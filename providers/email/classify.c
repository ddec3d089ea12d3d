/* SPDX-License-Identifier: Apache-2.0 */
/* The last reply of a mail dialogue becomes an outcome, by the table in outcomes.def. Accepted means that the relay
 * took responsibility, not that the mail was read; bounces that come later are not seen here. */
#include "email_int.h"

#include <stdio.h>
#include <string.h>

enum { STAGE_ANY = -1 };

struct row {
	int stage;
	int code;
	const char *enhanced;
	enum sw_outcome_kind kind;
	int64_t after_ms;
};

enum {
	STAGE_CONNECT = SW_MAIL_STAGE_CONNECT,
	STAGE_AUTH = SW_MAIL_STAGE_AUTH,
	STAGE_MAIL = SW_MAIL_STAGE_MAIL,
	STAGE_RCPT = SW_MAIL_STAGE_RCPT,
};

static const struct row rows[] = {
#define SW_EMAIL_OUTCOME(stage, code, enhanced, kind, after_ms, source) \
	{STAGE_##stage, code, enhanced, SW_OUTCOME_##kind, after_ms},
#include "outcomes.def"
#undef SW_EMAIL_OUTCOME
};

static bool enhanced_matches(const char *pattern, const char *enhanced)
{
	size_t len = strlen(pattern);
	if (len > 0 && pattern[len - 1] == '*') {
		return strncmp(pattern, enhanced, len - 1) == 0;
	}
	return len == 0 || strcmp(pattern, enhanced) == 0;
}

static const struct row *find_row(const struct sw_mail_reply *reply, const char *enhanced)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		bool stage = row->stage == STAGE_ANY || row->stage == (int)reply->stage;
		bool code = row->code == reply->code || row->code == reply->code / 100;
		if (stage && code && enhanced_matches(row->enhanced, enhanced)) {
			return row;
		}
	}
	return NULL;
}

/* Everything that is no refusal: 2xx ends well at the end only, 3xx and nonsense are no end. */
static enum sw_outcome_kind kind_otherwise(const struct sw_mail_reply *reply)
{
	if (reply->stage != SW_MAIL_STAGE_DATA) {
		return SW_OUTCOME_RETRY; /* the message was never handed over */
	}
	return reply->code / 100 == 2 ? SW_OUTCOME_DELIVERED : SW_OUTCOME_UNKNOWN;
}

static void set_reason(struct sw_outcome *outcome, const struct sw_mail_reply *reply, const char *enhanced)
{
	int len = reply->code == 0 ? snprintf(outcome->reason, sizeof(outcome->reason), "no reply")
				   : snprintf(outcome->reason, sizeof(outcome->reason), "%d%s%s%s%.80s", reply->code,
					      enhanced[0] ? " " : "", enhanced, reply->text[0] ? " " : "", reply->text);
	for (int i = 0; i < len && outcome->reason[i]; i++) {
		char c = outcome->reason[i];
		outcome->reason[i] = c >= 0x20 && c < 0x7f ? c : '?';
	}
}

void sw_email_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	(void)provider;
	const struct sw_mail_reply *reply = answer->mail;
	/* Where the two disagree on transient or permanent, the reply code is right. */
	bool agrees = reply->enhanced[0] - '0' == reply->code / 100;
	const char *enhanced = agrees ? reply->enhanced : "";
	const struct row *row = find_row(reply, enhanced);
	*outcome_out = (struct sw_outcome){
		.kind = row ? row->kind : kind_otherwise(reply),
		.status = reply->code,
		.after_ms = row ? row->after_ms : -1,
	};
	if (outcome_out->kind == SW_OUTCOME_RETRY && reply->stage == SW_MAIL_STAGE_RCPT && reply->code / 10 == 45) {
		outcome_out->scope = SW_SCOPE_TARGET; /* greylisting, a full mailbox */
	}
	set_reason(outcome_out, reply, enhanced);
}
