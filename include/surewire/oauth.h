/* SPDX-License-Identifier: Apache-2.0 */
/* An OAuth 2 access token and its life, for providers that fetch one (RFC 6749): taken from the answer of the token
 * endpoint, renewed ahead of its expiry, given up when the service refuses it. The last good one is kept until it
 * expires. When to fetch is said here; the pusher runs the exchange, and the provider knows the grant. Pure; the
 * provider's thread. */
#ifndef SUREWIRE_OAUTH_H
#define SUREWIRE_OAUTH_H

#include <surewire/provider.h>

/* A row of what the endpoint's "error" means. A number counts as its decimal text, and with a "sub_error" beside it as "1101/12304";
 * a row for the error alone holds for every sub_error that has none. A table ends with a row whose error is NULL. What is
 * not listed goes by the status: 408, 429 and 5xx are SW_EUNAVAILABLE, the rest SW_EAUTH. */
struct sw_oauth_error {
	const char *error;
	int result; /* SW_EAUTH waits for an operator, SW_EUNAVAILABLE is tried again */
	const char *hint;
};

/* All zero: none fetched yet. */
struct sw_oauth_token {
	char *authorization; /* "Bearer …", owned; NULL until one was fetched */
	int64_t expires_ms;  /* wall clock, as all times here */
	int64_t renew_ms;    /* from here on a new one is fetched beside it */
	bool refused;        /* the service answered to the token in force that it is no good */
	int refusals;        /* in a row, without an accepted token between */
	bool held;           /* no fetch for a minute from held_since_ms */
	int64_t held_since_ms;
};

/* Forgets and wipes the token; the rest stays. */
void sw_oauth_drop(struct sw_oauth_token *token);
/* The identity was replaced: fetch at the next occasion, whatever happened to the old one. */
void sw_oauth_renew(struct sw_oauth_token *token);

/* These four are what provider.h asks for, and `accepted`: a request with the token went through. */
enum sw_credential_state sw_oauth_state(const struct sw_oauth_token *token, int64_t now_ms);
int sw_oauth_response(struct sw_oauth_token *token, const struct sw_oauth_error *errors,
		      const struct sw_http_response *response, int64_t now_ms, struct sw_diag *diag_out);
void sw_oauth_refused(struct sw_oauth_token *token, int64_t now_ms);
void sw_oauth_accepted(struct sw_oauth_token *token);
/* Adds the token to a request, as a copy: it may be renewed while the request waits. SW_EAUTH when there is none yet. */
int sw_oauth_authorize(const struct sw_oauth_token *token, struct sw_arena *arena, struct sw_http_request *request,
		       struct sw_diag *diag_out) SW_MUST_CHECK;

/* https://…, or http://… towards loopback. */
bool sw_oauth_is_token_uri(const char *uri);

/* A pair of the request's form (application/x-www-form-urlencoded). A secret is in it: the form ends with
 * sw_oauth_request, which wipes it. */
struct sw_oauth_pair {
	const char *name;
	const char *value;
};
/* The POST of a form to uri; pairs end with a NULL name. SW_ELIMIT with a text when it is too large. */
int sw_oauth_request(const char *uri, const struct sw_oauth_pair *pairs, struct sw_arena *arena,
		     struct sw_credential_request *request_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
