/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH PLAIN and LOGIN (RFC 4954, 4616). Passwords are compared in constant time and never kept. */
#include "sim/smtp_int.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { RESPONSE_MAX = 1024 };

struct secret {
	uint8_t bytes[RESPONSE_MAX];
	size_t len;
};

static void refuse(struct sw_sim_smtp *smtp, int code, const char *enhanced, const char *text)
{
	struct sw_sim *sim = smtp->link->sim;
	pthread_mutex_lock(&sim->lock);
	sw_sim_stats_refuse(&sim->stats[SW_SIM_SMTP], "auth");
	pthread_mutex_unlock(&sim->lock);
	sw_sim_smtp_reply(smtp, code, enhanced, text);
}

/* Padded base64, at most RESPONSE_MAX bytes of it. */
static bool decode(struct sw_bytes text, struct secret *out)
{
	if (text.len == 0 || text.len % 4 != 0 || text.len > RESPONSE_MAX) {
		return false;
	}
	int n = EVP_DecodeBlock(out->bytes, text.ptr, (int)text.len);
	size_t padding = (text.ptr[text.len - 1] == '=') + (text.ptr[text.len - 2] == '=');
	if (n < 0 || (size_t)n < padding) {
		return false;
	}
	out->len = (size_t)n - padding;
	return true;
}

/* The initial response if there is one ("=" is an empty one), else what the client answers to the challenge. */
static bool ask(struct sw_sim_smtp *smtp, struct sw_bytes initial, const char *challenge, struct secret *out)
{
	if (initial.len > 0) {
		return decode(initial, out);
	}
	struct sw_bytes line;
	size_t used;
	sw_sim_smtp_reply(smtp, 334, "", challenge);
	if (smtp->ended || sw_sim_smtp_line(smtp, SW_SIM_LINE_MAX, &line, &used) != SW_OK) {
		smtp->ended = true;
		return false;
	}
	bool ok = decode(line, out);
	OPENSSL_cleanse(smtp->link->conn.in.ptr, used);
	sw_buf_consume(&smtp->link->conn.in, used);
	return ok;
}

static bool known(const struct sw_sim *sim, struct sw_bytes user, struct sw_bytes password)
{
	if (!sim->smtp_user) {
		return user.len > 0 && password.len > 0;
	}
	bool same_user = sw_bytes_equal_str(user, sim->smtp_user);
	return sw_bytes_equal_secret(password, sw_bytes_str(sim->smtp_password)) && same_user;
}

/* authzid NUL authcid NUL password */
static bool check_plain(const struct sw_sim *sim, const struct secret *response)
{
	const uint8_t *end = response->bytes + response->len;
	const uint8_t *user = memchr(response->bytes, 0, response->len);
	const uint8_t *password = user ? memchr(user + 1, 0, (size_t)(end - user - 1)) : NULL;
	return password && known(sim, sw_bytes(user + 1, (size_t)(password - user - 1)),
				 sw_bytes(password + 1, (size_t)(end - password - 1)));
}

static void settle(struct sw_sim_smtp *smtp, bool readable, bool good)
{
	if (smtp->ended) {
		return;
	}
	if (!readable) {
		refuse(smtp, 501, "5.5.2", "expected base64");
	} else if (!good) {
		refuse(smtp, 535, "5.7.8", "authentication credentials invalid");
	} else {
		smtp->authenticated = true;
		sw_sim_smtp_reply(smtp, 235, "2.7.0", "authenticated");
	}
}

static void auth_plain(struct sw_sim_smtp *smtp, struct sw_bytes initial)
{
	struct secret response = {.len = 0};
	bool readable = ask(smtp, initial, "", &response);
	settle(smtp, readable, readable && check_plain(smtp->link->sim, &response));
	OPENSSL_cleanse(&response, sizeof(response));
}

static void auth_login(struct sw_sim_smtp *smtp, struct sw_bytes initial)
{
	struct secret user = {.len = 0};
	struct secret password = {.len = 0};
	bool readable = ask(smtp, initial, "VXNlcm5hbWU6", &user) &&
			ask(smtp, sw_bytes("", 0), "UGFzc3dvcmQ6", &password);
	settle(smtp, readable,
	       readable &&
		       known(smtp->link->sim, sw_bytes(user.bytes, user.len), sw_bytes(password.bytes, password.len)));
	OPENSSL_cleanse(&user, sizeof(user));
	OPENSSL_cleanse(&password, sizeof(password));
}

void sw_sim_smtp_auth(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	char mechanism[16];
	struct sw_bytes initial;
	sw_sim_smtp_split(rest, mechanism, &initial);
	if (!smtp->link->conn.ssl) {
		refuse(smtp, 538, "5.7.11", "encryption required");
	} else if (!smtp->greeted || smtp->authenticated || smtp->has_sender) {
		refuse(smtp, 503, "5.5.1", "AUTH once, after EHLO");
	} else if (sw_sim_smtp_fault(smtp, SW_SIM_STAGE_AUTH, sw_bytes("", 0))) {
		return;
	} else if (strcmp(mechanism, "PLAIN") == 0) {
		auth_plain(smtp, initial);
	} else if (strcmp(mechanism, "LOGIN") == 0) {
		auth_login(smtp, initial);
	} else {
		refuse(smtp, 504, "5.5.4", "expected AUTH PLAIN or LOGIN");
	}
}
