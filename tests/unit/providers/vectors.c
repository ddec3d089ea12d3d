/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and running vectors (vectors.h describes them). Prints the vector's name, what was expected and what came. */
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

json_t *vectors_load(const char *provider, const char *file)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s/%s", SW_VECTORS_DIR, provider, file);
	json_error_t error;
	json_t *vectors = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!vectors) {
		fail_msg("%s:%d: %s", path, error.line, error.text);
	}
	assert_true(json_array_size(vectors) > 0);
	return vectors;
}

static int64_t int_or(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static const char *name_of(const json_t *vector)
{
	return json_string_value(json_object_get(vector, "name"));
}

void vectors_target(const json_t *vector, struct sw_push_target *target_out)
{
	const json_t *target = json_object_get(vector, "target");
	*target_out = (struct sw_push_target){
		.account = int_or(target, "account", 0),
		.user = sw_bytes_str("alice"),
		.device = sw_bytes_str("phone-1"),
		.app = sw_json_get_str(target, "app"),
		.token = sw_json_get_str(target, "token"),
		.sandbox = json_is_true(json_object_get(target, "sandbox")),
	};
}

static void assert_text(const char *name, const char *what, struct sw_bytes got, struct sw_bytes want)
{
	size_t len = want.len;
	bool open = len > 0 && want.ptr[len - 1] == '*';
	bool same = open ? got.len >= len - 1 && memcmp(got.ptr, want.ptr, len - 1) == 0 : sw_bytes_equal(got, want);
	if (!same) {
		fail_msg("%s: %s\n  expected: %.*s\n  got:      %.*s", name, what, SW_BYTES_FMT(want),
			 SW_BYTES_FMT(got));
	}
}

static struct sw_bytes element(const json_t *array, size_t index)
{
	const json_t *value = json_array_get(array, index);
	return sw_bytes(json_string_value(value), json_string_length(value));
}

static void assert_http(const char *name, const json_t *expect, const struct sw_http_request *req)
{
	const json_t *headers = json_object_get(expect, "headers");
	assert_string_equal(req->method, "POST");
	assert_text(name, "path", req->path, sw_json_get_str(expect, "path"));
	for (size_t i = 0; i < req->header_count && i < json_array_size(headers); i++) {
		const json_t *header = json_array_get(headers, i);
		assert_text(name, "header name", req->headers[i].name, element(header, 0));
		assert_text(name, "header value", req->headers[i].value, element(header, 1));
		if (req->headers[i].no_index != sw_bytes_equal_str(element(header, 2), "no_index")) {
			fail_msg("%s: no_index of %.*s", name, SW_BYTES_FMT(req->headers[i].name));
		}
	}
	if (req->header_count != json_array_size(headers)) {
		fail_msg("%s: %zu headers", name, req->header_count);
	}
}

static void assert_body(const char *name, const json_t *expect, const struct sw_http_request *req)
{
	char *body = json_dumps(json_object_get(expect, "body"), JSON_COMPACT);
	assert_text(name, "body", req->body, sw_bytes_str(body));
	free(body);
}

static void assert_mail(const char *name, const json_t *expect, const struct sw_mail_message *mail)
{
	const json_t *headers = json_object_get(expect, "headers");
	assert_text(name, "envelope from", mail->envelope_from, sw_json_get_str(expect, "envelope_from"));
	assert_text(name, "envelope to", mail->envelope_to, sw_json_get_str(expect, "envelope_to"));
	for (size_t i = 0; i < mail->header_count && i < json_array_size(headers); i++) {
		const json_t *header = json_array_get(headers, i);
		assert_text(name, "header name", sw_bytes_str(mail->headers[i].name), element(header, 0));
		assert_text(name, "header value", mail->headers[i].value, element(header, 1));
	}
	if (mail->header_count != json_array_size(headers)) {
		fail_msg("%s: %zu headers", name, mail->header_count);
	}
	assert_text(name, "text", mail->text, sw_json_get_str(expect, "text"));
	assert_text(name, "html", mail->html, sw_json_get_str(expect, "html"));
}

static void assert_sent(const struct sw_provider_ops *ops, const json_t *vector, const struct sw_send *send,
			const struct vectors_hooks *hooks)
{
	const json_t *expect = json_object_get(vector, "expect");
	char endpoint[300];
	snprintf(endpoint, sizeof(endpoint), "%s:%u", send->endpoint->host, send->endpoint->port);
	assert_text(name_of(vector), "endpoint", sw_bytes_str(endpoint), sw_json_get_str(expect, "endpoint"));
	if (ops->transport != SW_TRANSPORT_MAIL) {
		assert_http(name_of(vector), expect, &send->as.http);
		if (hooks) {
			hooks->body(name_of(vector), expect, send);
		} else {
			assert_body(name_of(vector), expect, &send->as.http);
		}
	} else {
		assert_mail(name_of(vector), expect, &send->as.mail);
	}
}

static void run_request(const struct sw_provider_ops *ops, struct sw_provider *provider, const json_t *vector,
			const struct vectors_hooks *hooks)
{
	struct sw_push_target target;
	struct sw_notification notification;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_arena arena;
	sw_arena_init(&arena);
	vectors_target(vector, &target);
	vectors_notification(vector, &notification);
	if (hooks) {
		hooks->target(vector, &target);
	}
	int err = ops->encode(provider, &target, &notification, int_or(vector, "now_ms", 0), &arena, &send, &diag);
	const json_t *error = json_object_get(vector, "error");
	if (error) {
		assert_text(name_of(vector), "error", sw_bytes_str(sw_err_name(err)), sw_json_get_str(error, "code"));
		assert_text(name_of(vector), "text", sw_bytes_str(diag.text), sw_json_get_str(error, "text"));
	} else if (err) {
		fail_msg("%s: %s: %s", name_of(vector), sw_err_name(err), diag.text);
	} else {
		assert_sent(ops, vector, &send, hooks);
	}
	sw_arena_release(&arena);
}

void vectors_run_requests(const struct sw_provider_ops *ops, struct sw_provider *provider, const json_t *vectors,
			  const struct vectors_hooks *hooks)
{
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		run_request(ops, provider, json_array_get(vectors, i), hooks);
	}
}

static void read_response(const json_t *vector, struct sw_http_response *http_out, char **body_out)
{
	const json_t *body = json_object_get(vector, "body");
	*body_out = json_is_object(body) ? json_dumps(body, JSON_COMPACT) : NULL;
	*http_out = (struct sw_http_response){
		.status = (int)int_or(vector, "status", 0),
		.body = *body_out ? sw_bytes_str(*body_out) : sw_json_get_str(vector, "body"),
	};
	const char *key;
	json_t *value;
	json_object_foreach (json_object_get(vector, "headers"), key, value) {
		http_out->headers[http_out->header_count++] = (struct sw_http_header){
			sw_bytes_str(key), sw_bytes_str(json_string_value(value)), false};
	}
}

static void read_reply(const json_t *vector, struct sw_mail_reply *reply_out)
{
	static const char *const stages[] = {"CONNECT", "AUTH", "MAIL", "RCPT", "DATA"};
	*reply_out = (struct sw_mail_reply){.code = (int)int_or(vector, "code", 0)};
	struct sw_bytes enhanced = sw_json_get_str(vector, "enhanced");
	struct sw_bytes text = sw_json_get_str(vector, "text");
	snprintf(reply_out->enhanced, sizeof(reply_out->enhanced), "%.*s", SW_BYTES_FMT(enhanced));
	snprintf(reply_out->text, sizeof(reply_out->text), "%.*s", SW_BYTES_FMT(text));
	size_t stage = 0;
	while (stage < 5 && !sw_bytes_equal_str(sw_json_get_str(vector, "stage"), stages[stage])) {
		stage++;
	}
	assert_true(stage < 5);
	reply_out->stage = stage;
}

static void run_answer(const struct sw_provider_ops *ops, struct sw_provider *provider, const json_t *vector)
{
	struct sw_push_target target;
	struct sw_http_response http = {0};
	struct sw_mail_reply reply = {0};
	struct sw_outcome outcome;
	char *body = NULL;
	if (ops->transport != SW_TRANSPORT_MAIL) {
		read_response(vector, &http, &body);
	} else {
		read_reply(vector, &reply);
	}
	vectors_target(vector, &target);
	struct sw_answer answer = {&target, &http, &reply, int_or(vector, "now_ms", 1790000000000)};
	memset(&outcome, 0x55, sizeof(outcome));
	ops->classify(provider, &answer, &outcome);
	const json_t *expect = json_object_get(vector, "expect");
	assert_text(name_of(vector), "kind", sw_bytes_str(sw_outcome_name(outcome.kind)),
		    sw_json_get_str(expect, "kind"));
	assert_text(name_of(vector), "reason", sw_bytes_str(outcome.reason), sw_json_get_str(expect, "reason"));
	if (outcome.after_ms != int_or(expect, "after_ms", -1) || outcome.since_ms != int_or(expect, "since_ms", 0)) {
		fail_msg("%s: after_ms %lld, since_ms %lld", name_of(vector), (long long)outcome.after_ms,
			 (long long)outcome.since_ms);
	}
	assert_int_equal(outcome.scope == SW_SCOPE_TARGET, json_is_true(json_object_get(expect, "target")));
	assert_int_equal(outcome.status, ops->transport != SW_TRANSPORT_MAIL ? http.status : reply.code);
	free(body);
}

void vectors_run_answers(const struct sw_provider_ops *ops, struct sw_provider *provider, const json_t *vectors)
{
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		run_answer(ops, provider, json_array_get(vectors, i));
	}
}

void vectors_assert_row(const json_t *vectors, const char *row, enum sw_outcome_kind kind)
{
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		const json_t *vector = json_array_get(vectors, i);
		if (sw_bytes_equal_str(sw_json_get_str(vector, "row"), row)) {
			const json_t *expect = json_object_get(vector, "expect");
			assert_true(sw_bytes_equal_str(sw_json_get_str(expect, "kind"), sw_outcome_name(kind)));
			return;
		}
	}
	fail_msg("no vector for the row %s", row);
}
