/* SPDX-License-Identifier: Apache-2.0 */
/* A mail as a worker's thread needs it: checked, encoded, copied. */
#include <stdlib.h>
#include <string.h>
#include <surewire/clock.h>
#include <surewire/mem.h>

#include "egress/mail_int.h"

static int add_header(struct mail_job *job, const char *name, struct sw_bytes value, struct sw_diag *diag_out)
{
	struct sw_buf line;
	sw_buf_init(&line, SW_MAIL_HEADER_BYTES_MAX);
	int err = sw_mail_header_put(&line, name, value, diag_out);
	if (err == SW_OK) {
		struct curl_slist *longer = curl_slist_append(job->headers, sw_buf_cstr(&line));
		if (longer == NULL) {
			abort();
		}
		job->headers = longer;
	}
	sw_buf_release(&line);
	return err;
}

static int fill(struct mail_job *job, const struct sw_mail_message *message, struct sw_diag *diag_out)
{
	int err = SW_OK;
	if (message->envelope_from.len > 0) {
		err = sw_mail_address_check(message->envelope_from, diag_out);
		job->envelope_from = sw_xstrndup((const char *)message->envelope_from.ptr, message->envelope_from.len);
	}
	if (err == SW_OK) {
		err = sw_mail_address_check(message->envelope_to, diag_out);
	}
	if (err != SW_OK) {
		return err;
	}
	job->envelope_to = sw_xstrndup((const char *)message->envelope_to.ptr, message->envelope_to.len);
	for (size_t i = 0; i < message->header_count && err == SW_OK; i++) {
		err = add_header(job, message->headers[i].name, message->headers[i].value, diag_out);
	}
	if (err != SW_OK) {
		return err;
	}
	sw_mail_body_put(&job->text, message->text);
	sw_mail_body_put(&job->html, message->html);
	if (job->text.err != SW_OK || job->html.err != SW_OK) {
		return sw_diag_set(diag_out, SW_ELIMIT, "mail: a part is larger than %d bytes", SW_MAIL_BODY_MAX);
	}
	return SW_OK;
}

int sw_mail_job_new(const struct sw_endpoint *endpoint, struct sw_mail_call *call, struct mail_job **job_out,
		    struct sw_diag *diag_out)
{
	struct mail_job *job = sw_xcalloc(1, sizeof(*job));
	job->call = call;
	job->accepted_ms = sw_clock_mono_ms();
	job->password = endpoint->password ? sw_xstrdup(endpoint->password) : NULL;
	sw_buf_init(&job->text, SW_MAIL_BODY_MAX);
	sw_buf_init(&job->html, SW_MAIL_BODY_MAX);
	int err = fill(job, call->message, diag_out);
	if (err != SW_OK) {
		sw_mail_job_free(job);
		return err;
	}
	*job_out = job;
	return SW_OK;
}

void sw_mail_job_free(struct mail_job *job)
{
	if (job == NULL) {
		return;
	}
	free(job->envelope_from);
	free(job->envelope_to);
	if (job->password != NULL) {
		sw_free_secret(job->password, strlen(job->password));
	}
	curl_slist_free_all(job->headers);
	sw_buf_release(&job->text);
	sw_buf_release(&job->html);
	free(job);
}
