/* SPDX-License-Identifier: Apache-2.0 */
/* surewire send: one message over POST /v1/messages, for scripts. It does not try again: the exit code says what is
 * known, and the cid it prints makes a second run harmless. */
#include "app/cli_client.h"
#include "app/cli_http.h"

#include "auth/token.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <surewire/json.h>
#include <surewire/mem.h>

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXIT_ACCEPTED_ONLY = 75, /* EX_TEMPFAIL */
	BODY_BYTES_MAX = 4 << 20,
	ANSWER_BYTES_MAX = 1 << 20,
};

struct arguments {
	const char *from;
	const char *to;
	const char *conv;
	const char *cid;
	const char *title;
	const char *url;
	const char *token;
	const char *ca_file;
	struct sw_buf text;
};

/* ---- command line ---- */

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'f':
		arguments->from = arg;
		return 0;
	case 't':
		arguments->to = arg;
		return 0;
	case 'C':
		arguments->conv = arg;
		return 0;
	case 'i':
		arguments->cid = arg;
		return 0;
	case 'T':
		arguments->title = arg;
		return 0;
	case 'u':
		arguments->url = arg;
		return 0;
	case 'k':
		arguments->token = arg;
		return 0;
	case 'a':
		arguments->ca_file = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->text.len) {
			sw_buf_put_char(&arguments->text, ' ');
		}
		sw_buf_put_str(&arguments->text, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* NULL, or what is wrong. */
static const char *complaint(const struct arguments *arguments, struct sw_uuid *cid_out)
{
	uint64_t conv = 0;
	if (!arguments->from && !arguments->token) {
		return "expected --from USER (or --token)";
	}
	if (!arguments->to == !arguments->conv) {
		return "expected either --to USER or --conv ID";
	}
	if (arguments->to && !sw_user_name_valid(sw_bytes_str(arguments->to))) {
		return "--to: expected a user name";
	}
	if (arguments->conv && sw_bytes_to_u64(sw_bytes_str(arguments->conv), &conv) != SW_OK) {
		return "--conv: expected a decimal number";
	}
	if (arguments->cid && sw_uuid_parse(sw_bytes_str(arguments->cid), cid_out) != SW_OK) {
		return "--cid: expected a UUID, 36 characters";
	}
	if (arguments->text.err || !sw_utf8_valid(sw_buf_bytes(&arguments->text)) ||
	    (arguments->title && !sw_utf8_valid(sw_bytes_str(arguments->title)))) {
		return "expected text in UTF-8, not longer than 4 MiB";
	}
	return arguments->text.len ? NULL : "expected a text";
}

/* ---- request ---- */

static void put_request(struct sw_buf *out, const struct arguments *arguments, const char *cid)
{
	sw_buf_printf(out, "{\"cid\":\"%s\",\"to\":{\"%s\":", cid, arguments->to ? "user" : "conv");
	sw_json_put_cstr(out, arguments->to ? arguments->to : arguments->conv);
	sw_buf_put_str(out, "},\"kind\":\"text\",\"body\":{\"text\":");
	sw_json_put_string(out, sw_buf_bytes(&arguments->text));
	sw_buf_put_char(out, '}');
	if (arguments->title) {
		sw_buf_put_str(out, ",\"alert\":{\"title\":");
		sw_json_put_cstr(out, arguments->title);
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, '}');
}

/* ---- answer ---- */

static int report(long status, struct sw_bytes answer, const char *cid, const char *why)
{
	json_t *root = NULL;
	struct sw_diag diag = {""};
	bool is_json = answer.len && sw_json_parse(answer, 32, &root, &diag) == SW_OK;
	while (answer.len && answer.ptr[answer.len - 1] == '\n') {
		answer.len--;
	}
	if (status && is_json) {
		printf("%.*s\n", SW_BYTES_FMT(answer));
	}
	int code = status == 201 ? SW_EXIT_OK : status == 202 ? EXIT_ACCEPTED_ONLY : SW_EXIT_FAILURE;
	if (status == 0 || status >= 500) {
		code = SW_EXIT_UNAVAILABLE;
	}
	if (code != SW_EXIT_OK && code != EXIT_ACCEPTED_ONLY) {
		struct sw_bytes detail = sw_json_get_str(root, "detail");
		if (status == 0) {
			fprintf(stderr, "surewire: %s\n", why);
		} else if (detail.len) {
			fprintf(stderr, "surewire: %.*s\n", SW_BYTES_FMT(detail));
		} else {
			fprintf(stderr, "surewire: the gateway answered HTTP %ld\n", status);
		}
	}
	if (code == SW_EXIT_UNAVAILABLE || code == EXIT_ACCEPTED_ONLY) {
		fprintf(stderr, "surewire: to try again without doubling it: --cid %s\n", cid);
	}
	json_decref(root);
	return code;
}

static int send_message(const struct sw_config *config, const struct arguments *arguments, const struct sw_uuid *cid)
{
	struct sw_diag diag = {""};
	char *url = NULL;
	char *token = NULL;
	int err = sw_cli_server_url(config, SW_CLI_HTTP, arguments->url, &url, &diag);
	err = err ? err : sw_cli_client_token(config, arguments->from, arguments->token, &token, &diag);
	if (err) {
		free(url);
		return err == SW_EINVAL ? sw_cli_usage("surewire send", "%s", diag.text) : sw_cli_fail(err, &diag);
	}
	char cid_text[SW_UUID_TEXT_LEN + 1];
	struct sw_buf request;
	struct sw_buf answer;
	sw_uuid_format(cid, cid_text);
	sw_buf_init(&request, 8 * (size_t)BODY_BYTES_MAX);
	sw_buf_init(&answer, ANSWER_BYTES_MAX);
	put_request(&request, arguments, cid_text);
	const struct sw_cli_http http = {.method = "POST",
					 .base = url,
					 .path = "/v1/messages",
					 .token = token,
					 .ca_file = arguments->ca_file,
					 .body = sw_buf_bytes(&request)};
	long status = sw_cli_http(&http, &answer, &diag); /* the gateway answers after 10 s at the latest */
	int code = report(status, sw_buf_bytes(&answer), cid_text, diag.text);
	sw_buf_release(&request);
	sw_buf_release(&answer);
	sw_free_secret(token, strlen(token));
	free(url);
	return code;
}

int sw_cmd_send(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"from", 'f', "USER", 0, "Who sends", 0},
		{"to", 't', "USER", 0, "The other person", 0},
		{"conv", 'C', "ID", 0, "A conversation", 0},
		{"cid", 'i', "UUID", 0, "The message's own id: the same one never stores it twice (default: random)",
		 0},
		{"alert-title", 'T', "TITLE", 0, "Title of the push (default: the sender)", 0},
		{"url", 'u', "URL", 0, "http://HOST:PORT (default: $SUREWIRE_URL, then [gateway] listen)", 0},
		{"token", 'k', "TOKEN", 0, "A client token (default: minted with a key of [auth] keys_dir)", 0},
		{"ca", 'a', "FILE", 0, "Certificates that https is checked with (default: the system's)", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.args_doc = "TEXT...",
		.doc = "Sends one message and prints the gateway's answer.\v"
		       "Exit codes: 0 stored, 75 accepted but not known to be stored yet, 1 refused, 69 not reached or no answer.",
	};
	struct arguments arguments = {.from = NULL};
	struct sw_uuid cid = sw_uuid_random();
	sw_buf_init(&arguments.text, BODY_BYTES_MAX);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	const char *wrong = complaint(&arguments, &cid);
	int code = wrong ? sw_cli_usage(argv[0], "%s", wrong) : send_message(config, &arguments, &cid);
	sw_buf_release(&arguments.text);
	return code;
}
