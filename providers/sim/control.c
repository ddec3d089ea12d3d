/* SPDX-License-Identifier: Apache-2.0 */
/* The control API on loopback (README.md): records, faults, counters, credentials, settings, connections. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <surewire/clock.h>

#include "sim/http1_server.h"
#include "sim/page.h"

enum { RECORDS_LIMIT_DEFAULT = 1000, JSON_DEPTH_MAX = 8, SCRIPT_STEPS_MAX = 16, WINDOW_MAX_S = 24 * 3600 };

struct control {
	struct sw_sim *sim;
	struct sw_sim_request *request;
	struct sw_sim_reply *reply;
	struct sw_bytes path;  /* without query */
	struct sw_bytes query; /* may be empty */
	const char *content_type;
};

static void answer_error(struct control *c, int status, const char *text)
{
	sw_buf_clear(&c->reply->body);
	c->reply->status = status;
	sw_buf_put_str(&c->reply->body, "{\"error\":");
	sw_json_put_cstr(&c->reply->body, text);
	sw_buf_put_str(&c->reply->body, "}\n");
}

/* The body as an object, owned; NULL after an answer with 400. */
static json_t *read_body(struct control *c)
{
	struct sw_diag diag = {{0}};
	json_t *json = NULL;
	if (sw_json_parse(sw_buf_bytes(&c->request->body), JSON_DEPTH_MAX, &json, &diag) != SW_OK) {
		answer_error(c, 400, diag.text);
		return NULL;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		answer_error(c, 400, "expected a JSON object");
		return NULL;
	}
	return json;
}

static bool query_number(struct control *c, const char *name, uint64_t *value_out)
{
	struct sw_bytes text = sw_sim_form_get(&c->request->arena, c->query, name);
	return !text.ptr || sw_bytes_to_u64(text, value_out) == SW_OK;
}

static void on_get_records(struct control *c)
{
	struct sw_sim_record_query query = {
		.provider = sw_sim_form_get(&c->request->arena, c->query, "provider"),
		.token = sw_sim_form_get(&c->request->arena, c->query, "token"),
	};
	uint64_t limit = RECORDS_LIMIT_DEFAULT;
	if (!query_number(c, "since", &query.since) || !query_number(c, "limit", &limit) || limit == 0) {
		answer_error(c, 400, "since and limit: expected decimal numbers, limit at least 1");
		return;
	}
	query.limit = (size_t)limit;
	pthread_mutex_lock(&c->sim->lock);
	sw_sim_records_write(&c->sim->records, &query, &c->reply->body);
	pthread_mutex_unlock(&c->sim->lock);
	if (c->reply->body.err) {
		answer_error(c, 413, "too many records for one answer: use a smaller limit");
	}
}

static void on_delete_records(struct control *c)
{
	pthread_mutex_lock(&c->sim->lock);
	sw_sim_records_clear(&c->sim->records);
	pthread_mutex_unlock(&c->sim->lock);
}

static void on_post_fault(struct control *c)
{
	struct sw_sim_fault fault;
	struct sw_diag diag = {{0}};
	json_t *json = read_body(c);
	if (!json) {
		return;
	}
	if (sw_sim_fault_parse(json, &fault, &diag) != SW_OK) {
		answer_error(c, 400, diag.text);
	} else {
		pthread_mutex_lock(&c->sim->lock);
		uint64_t id = sw_sim_faults_add(&c->sim->faults, &fault, sw_clock_mono_ms());
		pthread_mutex_unlock(&c->sim->lock);
		if (id == 0) {
			answer_error(c, 409, "too many faults: delete some");
		} else {
			c->reply->status = 201;
			sw_buf_printf(&c->reply->body, "{\"id\":%" PRIu64 "}\n", id);
		}
	}
	json_decref(json);
}

/* Step i of a script as a fault of its own, owned; begins where the step before ends. */
static json_t *step_as_fault(const json_t *script, size_t i, double *after_s_io)
{
	const json_t *step = json_array_get(json_object_get(script, "steps"), i);
	json_t *fault = json_is_object(step) ? json_copy((json_t *)(uintptr_t)step) : json_object();
	json_object_set(fault, "provider", json_object_get(script, "provider"));
	if (json_object_get(script, "match")) {
		json_object_set(fault, "match", json_object_get(script, "match"));
	}
	json_object_set_new(fault, "after_s", json_real(*after_s_io));
	*after_s_io += json_number_value(json_object_get(step, "for_s"));
	return fault;
}

/* All steps or none; the number of those that were parsed. */
static size_t parse_script(const json_t *script, struct sw_sim_fault *faults_out, struct sw_diag *diag)
{
	const json_t *steps = json_object_get(script, "steps");
	size_t count = json_array_size(steps);
	double after_s = 0;
	if (count == 0 || count > SCRIPT_STEPS_MAX) {
		sw_diag_set(diag, SW_EINVAL, "script.steps: expected 1 to %d steps", SCRIPT_STEPS_MAX);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		struct sw_diag why = {{0}};
		json_t *fault = step_as_fault(script, i, &after_s);
		int err = sw_sim_fault_parse(fault, &faults_out[i], &why);
		json_decref(fault);
		if (err || (i + 1 < count && faults_out[i].for_ms < 0)) {
			sw_diag_set(diag, SW_EINVAL, "step %zu: %s", i + 1,
				    err ? why.text : "for_s: expected seconds, since another one follows");
			for (size_t done = 0; done < i + !err; done++) {
				json_decref(faults_out[done].source);
			}
			return 0;
		}
	}
	return count;
}

static void add_script(struct control *c, struct sw_sim_fault *faults, size_t count)
{
	c->reply->status = 201;
	sw_buf_put_str(&c->reply->body, "{\"ids\":[");
	int64_t now_ms = sw_clock_mono_ms();
	for (size_t i = 0; i < count; i++) {
		uint64_t id = sw_sim_faults_add(&c->sim->faults, &faults[i], now_ms);
		sw_buf_printf(&c->reply->body, "%s%" PRIu64, i ? "," : "", id);
	}
	sw_buf_put_str(&c->reply->body, "]}\n");
}

static void on_post_script(struct control *c)
{
	struct sw_sim_fault faults[SCRIPT_STEPS_MAX];
	struct sw_diag diag = {{0}};
	json_t *script = read_body(c);
	if (!script) {
		return;
	}
	size_t count = parse_script(script, faults, &diag);
	json_decref(script);
	if (count == 0) {
		answer_error(c, 400, diag.text);
		return;
	}
	pthread_mutex_lock(&c->sim->lock);
	bool room = c->sim->faults.count + count <= SW_SIM_FAULTS_MAX;
	if (room) {
		add_script(c, faults, count);
	}
	pthread_mutex_unlock(&c->sim->lock);
	if (!room) {
		for (size_t i = 0; i < count; i++) {
			json_decref(faults[i].source);
		}
		answer_error(c, 409, "too many faults: delete some");
	}
}

static void on_get_faults(struct control *c)
{
	pthread_mutex_lock(&c->sim->lock);
	sw_sim_faults_write(&c->sim->faults, &c->reply->body);
	pthread_mutex_unlock(&c->sim->lock);
}

static void on_delete_faults(struct control *c)
{
	pthread_mutex_lock(&c->sim->lock);
	sw_sim_faults_clear(&c->sim->faults);
	pthread_mutex_unlock(&c->sim->lock);
}

static void on_delete_fault(struct control *c, struct sw_bytes id_text)
{
	uint64_t id;
	pthread_mutex_lock(&c->sim->lock);
	bool removed = sw_bytes_to_u64(id_text, &id) == SW_OK && sw_sim_faults_remove(&c->sim->faults, id);
	pthread_mutex_unlock(&c->sim->lock);
	if (!removed) {
		answer_error(c, 404, "no such fault");
	}
}

static void on_get_stats(struct control *c)
{
	pthread_mutex_lock(&c->sim->lock);
	sw_buf_put_char(&c->reply->body, '{');
	for (int i = 0; i < SW_SIM_PROVIDER_COUNT; i++) {
		sw_buf_printf(&c->reply->body, "%s\"%s\":", i ? "," : "",
			      sw_sim_provider_name((enum sw_sim_provider)i));
		sw_sim_stats_write(&c->sim->stats[i], &c->reply->body);
	}
	sw_buf_put_str(&c->reply->body, "}\n");
	pthread_mutex_unlock(&c->sim->lock);
}

static void on_expire(struct control *c)
{
	pthread_mutex_lock(&c->sim->lock);
	sw_sim_expire_credentials(c->sim);
	pthread_mutex_unlock(&c->sim->lock);
}

/* A positive number of seconds if the key is there; false when it is something else. */
static bool read_seconds(const json_t *json, const char *name, int least, int *value)
{
	const json_t *member = json_object_get(json, name);
	if (!member) {
		return true;
	}
	int64_t seconds = json_integer_value(member);
	if (!json_is_integer(member) || seconds < least || seconds > WINDOW_MAX_S) {
		return false;
	}
	*value = (int)seconds;
	return true;
}

static void on_post_settings(struct control *c)
{
	json_t *json = read_body(c);
	if (!json) {
		return;
	}
	pthread_mutex_lock(&c->sim->lock);
	int expires_in_s = c->sim->oauth.expires_in_s;
	int window_s = c->sim->apns_token_window_s;
	bool ok = read_seconds(json, "oauth_expires_in_s", 1, &expires_in_s) &&
		  read_seconds(json, "apns_token_window_s", 0, &window_s);
	if (ok) {
		c->sim->oauth.expires_in_s = expires_in_s;
		c->sim->apns_token_window_s = window_s;
	}
	pthread_mutex_unlock(&c->sim->lock);
	if (ok) {
		sw_buf_printf(&c->reply->body, "{\"oauth_expires_in_s\":%d,\"apns_token_window_s\":%d}\n", expires_in_s,
			      window_s);
	} else {
		answer_error(c, 400, "oauth_expires_in_s, apns_token_window_s: expected seconds, at most one day");
	}
	json_decref(json);
}

static int service_of(struct sw_bytes name)
{
	static const char *const names[] = {"apns", "fcm", "smtp", "huawei", "webpush", "webhook"};
	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
		if (sw_bytes_equal_str(name, names[i])) {
			return i;
		}
	}
	return -1;
}

static void on_post_connections(struct control *c)
{
	json_t *json = read_body(c);
	if (!json) {
		return;
	}
	int service = service_of(sw_json_get_str(json, "provider"));
	struct sw_bytes action = sw_json_get_str(json, "action");
	bool goaway = sw_bytes_equal_str(action, "goaway");
	if (service < 0 || !(goaway || sw_bytes_equal_str(action, "drop")) ||
	    (goaway && service == SW_SIM_SERVICE_SMTP)) {
		answer_error(
			c, 400,
			"expected {\"provider\": apns, fcm, huawei, webpush, webhook or smtp, \"action\": drop, or goaway over HTTP/2}");
	} else {
		int count = 0;
		pthread_mutex_lock(&c->sim->lock);
		for (struct sw_sim_link *link = c->sim->links; link; link = link->next) {
			if (link->service == service) {
				atomic_store(&link->command, goaway ? SW_SIM_COMMAND_GOAWAY : SW_SIM_COMMAND_DROP);
				count++;
			}
		}
		pthread_mutex_unlock(&c->sim->lock);
		sw_buf_printf(&c->reply->body, "{\"connections\":%d}\n", count);
	}
	json_decref(json);
}

static void on_post_subscription(struct control *c)
{
	struct sw_diag diag = {{0}};
	json_t *json = read_body(c);
	if (!json) {
		return;
	}
	pthread_mutex_lock(&c->sim->lock);
	int err = sw_sim_webpush_subs_put(&c->sim->webpush_subs, json, &diag);
	pthread_mutex_unlock(&c->sim->lock);
	if (err) {
		answer_error(c, err == SW_ELIMIT ? 409 : 400, diag.text);
	}
	json_decref(json);
}

static void on_get_page(struct control *c)
{
	c->content_type = "text/html; charset=utf-8";
	sw_buf_put(&c->reply->body, sw_sim_page, sw_sim_page_len);
}

static const struct {
	const char *method;
	const char *path;
	void (*on_request)(struct control *c);
} routes[] = {
	{"GET", "/", on_get_page},
	{"GET", "/records", on_get_records},
	{"DELETE", "/records", on_delete_records},
	{"GET", "/faults", on_get_faults},
	{"POST", "/faults", on_post_fault},
	{"POST", "/scripts", on_post_script},
	{"DELETE", "/faults", on_delete_faults},
	{"GET", "/stats", on_get_stats},
	{"POST", "/credentials/expire", on_expire},
	{"POST", "/settings", on_post_settings},
	{"POST", "/connections", on_post_connections},
	{"POST", "/subscriptions", on_post_subscription},
};

static void route(struct control *c)
{
	static const char one_fault[] = "/faults/";
	size_t prefix_len = sizeof(one_fault) - 1;
	bool path_known = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!sw_bytes_equal_str(c->path, routes[i].path)) {
			continue;
		}
		path_known = true;
		if (strcmp(c->request->method, routes[i].method) == 0) {
			routes[i].on_request(c);
			return;
		}
	}
	bool fault_path = c->path.len > prefix_len && memcmp(c->path.ptr, one_fault, prefix_len) == 0;
	if (fault_path && strcmp(c->request->method, "DELETE") == 0) {
		on_delete_fault(c, sw_bytes(c->path.ptr + prefix_len, c->path.len - prefix_len));
		return;
	}
	answer_error(c, path_known || fault_path ? 405 : 404, path_known ? "method not allowed" : "no such path");
}

static void on_request(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct sw_sim_link *link = ctx;
	const char *mark = strchr(request->path, '?');
	size_t path_len = mark ? (size_t)(mark - request->path) : strlen(request->path);
	struct control c = {.sim = link->sim,
			    .request = request,
			    .reply = reply,
			    .content_type = "application/json",
			    .path = sw_bytes(request->path, path_len),
			    .query = sw_bytes_str(mark ? mark + 1 : "")};
	reply->status = 200;
	route(&c);
	sw_sim_reply_add(reply, "content-type", c.content_type);
	if (reply->body.len == 0) {
		sw_buf_put_str(&reply->body, "{}\n");
	}
}

void sw_sim_serve_control(struct sw_sim_link *link)
{
	const struct sw_sim_http_handler handler = {.on_request = on_request, .ctx = link};
	sw_sim_http1_serve(link, &handler);
}
