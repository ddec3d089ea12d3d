/* SPDX-License-Identifier: Apache-2.0 */
/* The services, and in the place of src/egress their connections: a request is answered in a later turn of the loop. */
#include "fake_vendor.h"

#include "egress/curl_loop.h"
#include "egress/fetch.h"
#include "egress/h2_client.h"
#include "egress/http_pool.h"
#include "egress/mail.h"

#include <surewire/mem.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_vendor *the_vendor;

void fake_vendor_open(struct fake_vendor *vendor)
{
	*vendor = (struct fake_vendor){0};
	pthread_mutex_init(&vendor->lock, NULL);
	the_vendor = vendor;
}

void fake_vendor_close(struct fake_vendor *vendor)
{
	pthread_mutex_destroy(&vendor->lock);
	the_vendor = NULL;
}

size_t fake_vendor_taken(struct fake_vendor *vendor, const char *token, int64_t pos)
{
	size_t count = 0;
	pthread_mutex_lock(&vendor->lock);
	for (size_t i = 0; i < vendor->count; i++) {
		const struct fake_push *push = &vendor->pushes[i];
		count += push->taken && strcmp(push->token, token) == 0 && (!pos || push->pos == pos);
	}
	pthread_mutex_unlock(&vendor->lock);
	return count;
}

static enum fake_answer planned(const struct fake_vendor *vendor, const char *token)
{
	unsigned nth = 0;
	for (size_t i = 0; i < vendor->count; i++) {
		nth += strcmp(vendor->pushes[i].token, token) == 0 && !vendor->pushes[i].by_fault;
	}
	for (size_t i = 0; i < vendor->plan_count; i++) {
		const struct fake_plan_row *row = &vendor->plan[i];
		bool lasts = row->answer == FAKE_ANSWER_TOKEN_DEAD || row->answer == FAKE_ANSWER_REJECTED;
		if (strcmp(row->token, token) == 0 && (row->nth == nth || (lasts && row->nth < nth))) {
			return row->answer;
		}
	}
	return FAKE_ANSWER_OK;
}

/* A request that never reaches the service leaves no trace there. */
static void record(struct fake_vendor *vendor, const struct fake_push *push, enum fake_answer answer, bool by_fault)
{
	if (answer >= FAKE_ANSWER_UNKNOWN) {
		return;
	}
	assert(vendor->count < FAKE_PUSHES_MAX);
	struct fake_push *kept = &vendor->pushes[vendor->count++];
	*kept = *push;
	kept->answer = answer;
	kept->by_fault = by_fault;
	kept->taken = answer == FAKE_ANSWER_OK || answer == FAKE_ANSWER_LOST;
}

static enum fake_answer receive(const struct fake_push *push)
{
	struct fake_vendor *vendor = the_vendor;
	pthread_mutex_lock(&vendor->lock);
	enum fake_answer answer = planned(vendor, push->token);
	bool by_fault = ++vendor->sends == vendor->fault_at;
	if (by_fault) {
		vendor->fault_reached = true;
		answer = vendor->fault;
	}
	record(vendor, push, answer, by_fault);
	pthread_mutex_unlock(&vendor->lock);
	return answer;
}

static unsigned give_credential(void)
{
	pthread_mutex_lock(&the_vendor->lock);
	unsigned number = ++the_vendor->fetches;
	pthread_mutex_unlock(&the_vendor->lock);
	return number;
}

/* ---- something that answers in a later turn ---- */

struct later {
	uv_timer_t timer; /* first */
	void (*run)(struct later *later);
	bool closing;
	void (*closed)(void *ctx);
	void *ctx;
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct later *later = (struct later *)handle;
	if (later->closed) {
		later->closed(later->ctx);
	}
	free(later);
}

static void on_timer(uv_timer_t *timer)
{
	struct later *later = (struct later *)timer;
	later->run(later);
	if (later->closing && !uv_is_active((uv_handle_t *)timer)) {
		uv_close((uv_handle_t *)timer, on_handle_closed);
	}
}

static void later_kick(struct later *later)
{
	uv_timer_start(&later->timer, on_timer, 0, 0);
}

static void later_init(struct later *later, uv_loop_t *uv, void (*run)(struct later *))
{
	uv_timer_init(uv, &later->timer);
	later->run = run;
}

/* After what was sent has been answered. */
static void later_close(struct later *later, void (*closed)(void *ctx), void *ctx)
{
	later->closing = true;
	later->closed = closed;
	later->ctx = ctx;
	later_kick(later);
}

/* "JOB POS CREDENTIAL" */
static struct fake_push parse(struct sw_bytes token, struct sw_bytes body)
{
	struct fake_push push = {0};
	char text[128];
	char job[SW_UUID_TEXT_LEN + 1] = "";
	long long pos = 0;
	snprintf(text, sizeof(text), "%.*s", SW_BYTES_FMT(body));
	int read = sscanf(text, "%36s %lld %u", job, &pos, &push.credential);
	assert(read == 3 && sw_uuid_parse(sw_bytes_str(job), &push.job) == SW_OK);
	(void)read;
	push.pos = pos;
	snprintf(push.token, sizeof(push.token), "%.*s", SW_BYTES_FMT(token));
	return push;
}

enum { CALLS_MAX = 256 };

/* ---- in the place of h2_*.c ---- */

struct sw_h2_pool {
	struct later later; /* first */
	struct sw_h2_call *calls[CALLS_MAX];
	size_t count;
};

static int status_of(enum fake_answer answer)
{
	static const int statuses[] = {
		[FAKE_ANSWER_OK] = 200,         [FAKE_ANSWER_RETRY] = 503,      [FAKE_ANSWER_THROTTLED] = 429,
		[FAKE_ANSWER_TOKEN_DEAD] = 410, [FAKE_ANSWER_CREDENTIAL] = 403, [FAKE_ANSWER_REJECTED] = 400};
	return statuses[answer];
}

static void answer_h2(struct sw_h2_call *call)
{
	struct sw_bytes path = call->request->path;
	struct fake_push push = parse(sw_bytes(path.ptr + 1, path.len - 1), call->request->body);
	enum fake_answer answer = receive(&push);
	struct sw_h2_result result = {.detail = ""};
	if (answer < FAKE_ANSWER_LOST) {
		result.end = SW_H2_ANSWERED;
		result.response.status = status_of(answer);
	} else {
		result.end = answer == FAKE_ANSWER_UNSENT        ? SW_H2_UNSENT
			   : answer == FAKE_ANSWER_NO_CONNECTION ? SW_H2_CONNECT_FAILED
								 : SW_H2_UNKNOWN;
		result.detail = "fake";
	}
	call->done(call, &result);
}

static void run_h2(struct later *later)
{
	struct sw_h2_pool *pool = (struct sw_h2_pool *)later;
	struct sw_h2_call *calls[CALLS_MAX];
	size_t count = pool->count;
	memcpy(calls, pool->calls, sizeof(calls));
	pool->count = 0;
	for (size_t i = 0; i < count; i++) {
		answer_h2(calls[i]);
	}
}

struct sw_h2_pool *sw_h2_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max)
{
	(void)endpoint;
	assert(queue_max <= CALLS_MAX);
	struct sw_h2_pool *pool = sw_xcalloc(1, sizeof(*pool));
	later_init(&pool->later, loop, run_h2);
	return pool;
}

int sw_h2_send(struct sw_h2_pool *pool, struct sw_h2_call *call)
{
	if (pool->later.closing || pool->count == CALLS_MAX) {
		return pool->later.closing ? SW_ECLOSED : SW_EBUSY;
	}
	pool->calls[pool->count++] = call;
	later_kick(&pool->later);
	return SW_OK;
}

void sw_h2_pool_close(struct sw_h2_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	later_close(&pool->later, closed, ctx);
}

/* ---- in the place of http_pool.c: no provider here has its transport ---- */

struct sw_http_pool *sw_http_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max)
{
	return (struct sw_http_pool *)sw_h2_pool_new(loop, endpoint, queue_max);
}

int sw_http_send(struct sw_http_pool *pool, struct sw_h2_call *call)
{
	return sw_h2_send((struct sw_h2_pool *)pool, call);
}

void sw_http_pool_close(struct sw_http_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	sw_h2_pool_close((struct sw_h2_pool *)pool, closed, ctx);
}

/* ---- in the place of mail_*.c ---- */

struct sw_mail_pool {
	struct later later; /* first */
	struct sw_mail_call *calls[CALLS_MAX];
	size_t count;
};

static int code_of(enum fake_answer answer)
{
	static const int codes[] = {
		[FAKE_ANSWER_OK] = 250,         [FAKE_ANSWER_RETRY] = 451,      [FAKE_ANSWER_THROTTLED] = 421,
		[FAKE_ANSWER_TOKEN_DEAD] = 550, [FAKE_ANSWER_CREDENTIAL] = 535, [FAKE_ANSWER_REJECTED] = 554};
	return codes[answer];
}

static void answer_mail(struct sw_mail_call *call)
{
	struct fake_push push = parse(call->message->envelope_to, call->message->text);
	enum fake_answer answer = receive(&push);
	struct sw_mail_result result = {.detail = ""};
	if (answer < FAKE_ANSWER_LOST) {
		result.end = SW_MAIL_ANSWERED;
		result.reply.code = code_of(answer);
		result.reply.stage = SW_MAIL_STAGE_DATA;
	} else {
		result.end = answer == FAKE_ANSWER_UNSENT        ? SW_MAIL_UNSENT
			   : answer == FAKE_ANSWER_NO_CONNECTION ? SW_MAIL_CONNECT_FAILED
								 : SW_MAIL_UNKNOWN;
		result.detail = "fake";
	}
	call->done(call, &result);
}

static void run_mail(struct later *later)
{
	struct sw_mail_pool *pool = (struct sw_mail_pool *)later;
	struct sw_mail_call *calls[CALLS_MAX];
	size_t count = pool->count;
	memcpy(calls, pool->calls, sizeof(calls));
	pool->count = 0;
	for (size_t i = 0; i < count; i++) {
		answer_mail(calls[i]);
	}
}

int sw_mail_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max,
		     struct sw_mail_pool **pool_out, struct sw_diag *diag_out)
{
	(void)endpoint;
	(void)diag_out;
	assert(queue_max <= CALLS_MAX);
	*pool_out = sw_xcalloc(1, sizeof(**pool_out));
	later_init(&(*pool_out)->later, loop, run_mail);
	return SW_OK;
}

int sw_mail_send(struct sw_mail_pool *pool, struct sw_mail_call *call, struct sw_diag *diag_out)
{
	(void)diag_out;
	if (pool->later.closing || pool->count == CALLS_MAX) {
		return pool->later.closing ? SW_ECLOSED : SW_EBUSY;
	}
	pool->calls[pool->count++] = call;
	later_kick(&pool->later);
	return SW_OK;
}

void sw_mail_pool_close(struct sw_mail_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	later_close(&pool->later, closed, ctx);
}

/* ---- in the place of curl_loop.c and fetch.c ---- */

struct sw_curl_loop {
	struct later later; /* first */
	struct sw_fetch *fetch;
};

static void run_fetch(struct later *later)
{
	struct sw_curl_loop *curl = (struct sw_curl_loop *)later;
	struct sw_fetch *fetch = curl->fetch;
	if (!fetch) {
		return;
	}
	curl->fetch = NULL;
	char number[16];
	struct sw_fetch_result result = {.detail = ""};
	if (!later->closing) {
		snprintf(number, sizeof(number), "%u", give_credential());
		result.response = (struct sw_http_response){.status = 200, .body = sw_bytes_str(number)};
	}
	fetch->done(fetch, &result);
}

struct sw_curl_loop *sw_curl_loop_new(uv_loop_t *loop)
{
	struct sw_curl_loop *curl = sw_xcalloc(1, sizeof(*curl));
	later_init(&curl->later, loop, run_fetch);
	return curl;
}

void sw_curl_loop_close(struct sw_curl_loop *curl, void (*closed)(void *ctx), void *ctx)
{
	later_close(&curl->later, closed, ctx);
}

int sw_fetch_start(struct sw_curl_loop *curl, struct sw_fetch *fetch, struct sw_diag *diag_out)
{
	if (curl->later.closing) {
		return sw_diag_set(diag_out, SW_ECLOSED, "fake: closed");
	}
	assert(!curl->fetch); /* one instance has a credential that is fetched */
	curl->fetch = fetch;
	later_kick(&curl->later);
	return SW_OK;
}
