/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in of a receiver of webhooks: faults, answers, and what was accepted. The rules for one request are in
 * webhook_check.c. */
#include "sim/webhook_check.h"

#include <surewire/clock.h>

#include "sim/exchange.h"

enum { BODY_DEPTH_MAX = 8 };

struct post {
	struct sw_sim *sim;
	const struct sw_sim_request *request;
	json_t *body; /* NULL: it is no JSON */
	struct sw_bytes subject;
};

static json_t *post_headers(const struct sw_sim_request *request)
{
	static const char *const names[] = {"webhook-id", "webhook-timestamp", "webhook-signature", "content-type"};
	json_t *headers = json_object();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sw_bytes value = sw_sim_request_header(request, names[i]);
		json_object_set_new(headers, names[i], json_stringn((const char *)value.ptr, value.len));
	}
	return headers;
}

static void keep(const struct post *post)
{
	struct sw_bytes id = sw_sim_request_header(post->request, "webhook-id");
	struct sw_sim_record_new record = {
		.provider = "webhook",
		.token = post->subject,
		.id = id,
		.repeat_key = id,
		.collapse_id = sw_json_get_str(post->body, "collapse"),
		.topic = sw_bytes_str(post->request->authority),
		.payload = sw_buf_bytes(&post->request->body),
		.headers = post_headers(post->request),
		.received_at_ms = sw_clock_wall_ms(),
	};
	sw_sim_accept(post->sim, SW_SIM_WEBHOOK, &record);
}

static void answer(struct sw_sim_reply *reply, const struct sw_sim_webhook_verdict *verdict)
{
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = verdict->status;
	sw_sim_reply_add(reply, "content-type", "application/json");
	sw_buf_put_str(&reply->body, verdict->reason ? "{\"error\":" : "{\"received\":true");
	if (verdict->reason) {
		sw_json_put_cstr(&reply->body, verdict->reason);
	}
	sw_buf_put_char(&reply->body, '}');
}

static const char *process(void *ctx, struct sw_sim_reply *reply)
{
	const struct post *post = ctx;
	struct sw_sim_webhook_verdict verdict = sw_sim_webhook_check(&post->sim->webhook_secrets, post->request,
								     post->body, sw_clock_wall_ms() / 1000);
	if (!verdict.reason) {
		keep(post);
	}
	answer(reply, &verdict);
	return verdict.reason;
}

static const char *answer_fault(void *ctx, const struct sw_sim_action *action, struct sw_sim_reply *reply)
{
	(void)ctx;
	struct sw_sim_webhook_verdict verdict = {.status = action->status ? action->status : 410};
	verdict.reason = action->reason[0] ? action->reason : verdict.status < 300 ? NULL : "Injected";
	answer(reply, &verdict);
	return verdict.reason;
}

/* Whom it is for: where one system gets all posts, the word in the body says so, else the path. */
static void on_request(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct post post = {.sim = ((struct sw_sim_link *)ctx)->sim,
			    .request = request,
			    .body = sw_sim_request_json(request, BODY_DEPTH_MAX)};
	struct sw_bytes token = sw_json_get_str(post.body, "token");
	post.subject = token.len ? token : sw_sim_webhook_id(request);
	const struct sw_sim_exchange exchange = {.provider = SW_SIM_WEBHOOK,
						 .subject = post.subject,
						 .process = process,
						 .answer_fault = answer_fault,
						 .ctx = &post};
	sw_sim_exchange(post.sim, &exchange, reply);
	json_decref(post.body);
}

void sw_sim_serve_webhook(struct sw_sim_link *link)
{
	const struct sw_sim_http_handler handler = {.on_request = on_request, .ctx = link};
	sw_sim_http_serve(link, &handler, SW_SIM_HTTP_ANY);
}
