/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli_admin.h"

#include "app/cli_client.h"
#include "app/cli_http.h"

#include <surewire/mem.h>

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 64 << 20, ANSWER_DEPTH = 16, OPERATOR_MAX = 65, HOST_MAX = 256 };

struct sw_cli_admin {
	char *url;
	const char *token; /* the configuration's */
	const char *ca_file;
	char operator[OPERATOR_MAX];
	const char *key;
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct sw_cli_admin_options *options = state->input;
	switch (key) {
	case 'u':
		options->url = arg;
		return 0;
	case 'a':
		options->ca_file = arg;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option admin_options[] = {
	{"json", 'j', NULL, 0, "Print JSON, one object a line", 0},
	{"url", 'u', "URL", 0, "http://HOST:PORT (default: $SUREWIRE_ADMIN_URL, then [admin] listen)", 0},
	{"ca", 'a', "FILE", 0, "Certificates that https is checked with (default: the system's)", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};
const struct argp sw_cli_admin_argp = {.options = admin_options, .parser = on_option};

/* ---- the API ---- */

static void name_operator(struct sw_cli_admin *admin)
{
	char host[HOST_MAX] = "";
	gethostname(host, sizeof(host) - 1);
	const struct passwd *user = getpwuid(geteuid());
	snprintf(admin->operator, sizeof(admin->operator), "%.31s@%.32s", user ? user->pw_name : "unknown", host);
}

int sw_cli_admin_open(const struct sw_config *config, const struct sw_cli_admin_options *options,
		      struct sw_cli_admin **admin_out, struct sw_diag *diag_out)
{
	int err = sw_config_need(config, "admin", "token", diag_out);
	char *url = NULL;
	err = err ? err : sw_cli_server_url(config, SW_CLI_ADMIN, options->url, &url, diag_out);
	if (err) {
		return err;
	}
	struct sw_cli_admin *admin = sw_xcalloc(1, sizeof(*admin));
	admin->url = url;
	admin->token = config->admin.token;
	admin->ca_file = options->ca_file;
	name_operator(admin);
	*admin_out = admin;
	return SW_OK;
}

void sw_cli_admin_set_key(struct sw_cli_admin *admin, const char *key)
{
	admin->key = key;
}

void sw_cli_admin_close(struct sw_cli_admin *admin)
{
	if (admin) {
		free(admin->url);
		free(admin);
	}
}

static int exit_code(long status)
{
	if (status == 400) {
		return SW_EXIT_USAGE;
	}
	return status == 0 || status == 401 || status >= 500 ? SW_EXIT_UNAVAILABLE : SW_EXIT_FAILURE;
}

static void tell(long status, const json_t *answer, const struct sw_diag *diag)
{
	const char *detail = sw_cli_text(answer, "detail");
	fputs("surewire: ", stderr);
	if (status == 0) {
		fputs(diag->text, stderr);
	} else if (detail[0]) {
		sw_cli_print_text(stderr, detail);
	} else {
		fprintf(stderr, "the operators' API answered HTTP %ld", status);
	}
	fputc('\n', stderr);
}

int sw_cli_admin_call(struct sw_cli_admin *admin, const char *method, const char *path, const char *body,
		      json_t **answer_out)
{
	struct sw_buf answer;
	struct sw_diag diag = {""};
	const struct sw_cli_http request = {.method = method,
					    .base = admin->url,
					    .path = path,
					    .token = admin->token,
					    .operator= admin->operator,
					    .key = admin->key,
					    .ca_file = admin->ca_file,
					    .body = sw_bytes_str(body)};
	sw_buf_init(&answer, ANSWER_BYTES_MAX);
	long status = sw_cli_http(&request, &answer, &diag);
	json_t *root = sw_json_of_answer(sw_buf_bytes(&answer), ANSWER_BYTES_MAX, ANSWER_DEPTH);
	sw_buf_release(&answer);
	if (status >= 200 && status < 300 && root) {
		*answer_out = root;
		return SW_EXIT_OK;
	}
	tell(status, root, &diag);
	json_decref(root);
	return exit_code(status);
}

void sw_cli_put_encoded(struct sw_buf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (const char *c = text; *c; c++) {
		if (strchr(plain, *c)) {
			sw_buf_put_char(out, *c);
		} else {
			sw_buf_printf(out, "%%%02X", (unsigned char)*c);
		}
	}
}

/* ---- showing ---- */

const char *sw_cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

int64_t sw_cli_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void sw_cli_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT);
	putchar('\n');
}

void sw_cli_print_text(FILE *out, const char *text)
{
	struct sw_bytes left = sw_bytes_str(text);
	while (left.len) {
		size_t dangerous = sw_cli_dangerous(left);
		size_t len = dangerous ? dangerous : 1;
		fputc(dangerous ? '?' : left.ptr[0], out);
		left = sw_bytes(left.ptr + len, left.len - len);
	}
}

static bool is_start(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

void sw_cli_print_column(FILE *out, const char *text, int width)
{
	if (width == 0) {
		sw_cli_print_text(out, text);
		return;
	}
	int characters = 0;
	for (const char *c = text; *c; c++) {
		characters += is_start(*c);
	}
	int room = characters > width ? width - 1 : width;
	int shown = 0;
	size_t end = 0;
	for (; text[end] && shown + is_start(text[end]) <= room; end++) {
		shown += is_start(text[end]);
	}
	char *part = sw_xstrndup(text, end);
	sw_cli_print_text(out, part);
	free(part);
	fprintf(out, "%s%*s  ", characters > width ? "…" : "", width - shown - (characters > width), "");
}

const char *sw_cli_time(int64_t at_ms, char text_out[SW_CLI_TIME_MAX])
{
	if (at_ms == 0) {
		return "-";
	}
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	size_t len = strftime(text_out, SW_CLI_TIME_MAX, "%Y-%m-%d %H:%M:%S", &local);
	snprintf(text_out + len, SW_CLI_TIME_MAX - len, ".%03d", (int)(at_ms % 1000));
	return text_out;
}
