/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of providers (tests/vectors/PROVIDER): requests.json says which notification becomes exactly which request,
 * answers.json which answer becomes which outcome. One format for all providers:
 *
 * request: {"name", "now_ms", "target": {account, app, token, sandbox}, "notification": {kind, urgent, title, …, data, apple:
 *   {…}, android: {…}} and either
 *   "expect": {"endpoint", "path", "headers": [[name, value, "no_index"?], …], "body"} (a mail: envelope_from,
 *   envelope_to, headers, text, html) or "error": {"code", "text"}}. The notification's id is 00 11 22 … ff.
 * answer: {"name", "row"?, "status", "headers", "body" (text or JSON)} (a mail: stage, code, enhanced, text) and
 *   "expect": {"kind", "reason", "after_ms", "since_ms", "target"}. "row" names the row of outcomes.def that it stands for.
 *
 * Headers are compared in order and bodies byte by byte; a text that ends in '*' is compared up to there. */
#ifndef SW_TEST_VECTORS_H
#define SW_TEST_VECTORS_H

#include <surewire/json.h>
#include <surewire/provider.h>

/* The array in tests/vectors/PROVIDER/FILE. */
json_t *vectors_load(const char *provider, const char *file);

/* Borrowed from the vector. */
void vectors_target(const json_t *vector, struct sw_push_target *target_out);
void vectors_notification(const json_t *vector, struct sw_notification *notification_out);

/* For providers whose targets and bodies cannot stand in a vector as they are. */
struct vectors_hooks {
	/* Completes the target of a vector. */
	void (*target)(const json_t *vector, struct sw_push_target *target);
	/* Looks at the rest of the request, in the place of "body". */
	void (*body)(const char *name, const json_t *expect, const struct sw_send *send);
};

/* Encodes each vector and compares; prints its name when it fails. hooks: NULL for the usual. */
void vectors_run_requests(const struct sw_provider_ops *ops, struct sw_provider *provider, const json_t *vectors,
			  const struct vectors_hooks *hooks);
/* Classifies each vector and compares. */
void vectors_run_answers(const struct sw_provider_ops *ops, struct sw_provider *provider, const json_t *vectors);
/* Some vector says "row": row, and expects that kind. */
void vectors_assert_row(const json_t *vectors, const char *row, enum sw_outcome_kind kind);

#endif
