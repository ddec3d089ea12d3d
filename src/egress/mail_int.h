/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the mail client: a job is one mail with copies of all it needs, so that a worker's thread shares nothing
 * with the loop; a dialogue is one libcurl handle with its connection. */
#ifndef SW_EGRESS_MAIL_INT_H
#define SW_EGRESS_MAIL_INT_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "egress/mail.h"
#include "egress/mail_text_int.h"
#include "loop/mailbox.h"

enum { SW_MAIL_DETAIL_MAX = 160, SW_MAIL_BODY_MAX = 1024 * 1024 };

struct mail_job {
	struct sw_mail mail;       /* first: posted to a worker and back */
	struct mail_job *next;     /* in the pool's queue */
	struct sw_mail_call *call; /* the loop's thread only, as the next */
	void *worker;
	int64_t accepted_ms;
	char *envelope_from; /* NULL: the null sender */
	char *envelope_to;
	char *password; /* of the endpoint, which may be given another one meanwhile; NULL: none */
	struct curl_slist *headers;
	struct sw_buf text;
	struct sw_buf html;
	struct sw_mail_result result;
	char detail[SW_MAIL_DETAIL_MAX];
};

/* SW_EINVAL or SW_ELIMIT with a text when the message cannot be sent as it is. */
int sw_mail_job_new(const struct sw_endpoint *endpoint, struct sw_mail_call *call, struct mail_job **job_out,
		    struct sw_diag *diag_out);
void sw_mail_job_free(struct mail_job *job);

struct sw_mail_dialogue;

/* abort_flag: a dialogue under way ends soon after it became true. Both are borrowed. */
struct sw_mail_dialogue *sw_mail_dialogue_new(const struct sw_endpoint *endpoint, const atomic_bool *abort_flag);
/* Drops the connection without waiting for the server. */
void sw_mail_dialogue_free(struct sw_mail_dialogue *dialogue);
/* Blocks for answer_timeout_ms at most; fills the job's result. */
void sw_mail_dialogue_run(struct sw_mail_dialogue *dialogue, struct mail_job *job);

int sw_mail_answer_timeout_ms(const struct sw_endpoint *endpoint);

#endif
