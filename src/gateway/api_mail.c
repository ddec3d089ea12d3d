/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/mail/unsubscribe: whoever holds a mail's signed word takes its address off, without being logged in. POST is what
 * mail programs send by themselves (RFC 8058) and what the page's button sends; GET shows the page and changes nothing,
 * since scanners follow every link. The mailbox writes it. */
#include "gateway/gateway_int.h"
#include "net/http1.h"

#include <surewire/clock.h>
#include <surewire/mail_token.h>
#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES_MAX = 256, LIFETIME_S = 366 * 24 * 3600, STATUS_GONE = 410 };

static const char field[] = "List-Unsubscribe";
static const char one_click[] = "One-Click";

static const char page_extra[] =
	"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Robots-Tag: noindex\r\n"
	"Content-Security-Policy: default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n";
#define PAGE(text)                                                                              \
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"                     \
	"<meta name=\"viewport\" content=\"width=device-width\"><title>E-mail</title></head>\n" \
	"<body>" text "</body></html>\n"

/* ---- the keys ---- */

/* One for each account of a mail provider that makes links. */
struct mail_keys {
	size_t count;
	char keys[][SW_PROVIDER_SECRET_MAX + 1];
};

int mail_keys_load(const struct sw_gateway_config *config, struct mail_keys **keys_out, struct sw_diag *diag_out)
{
	struct mail_keys *keys = sw_xcalloc(1, sizeof(*keys) + config->provider_count * sizeof(keys->keys[0]));
	int err = SW_OK;
	for (size_t i = 0; i < config->provider_count && !err; i++) {
		const struct sw_provider_config *section = config->providers[i].config;
		const char *path = section ? sw_provider_text(section, "signing_key_file", NULL) : NULL;
		if (path && sw_provider_text(section, "unsubscribe_url", NULL)) {
			err = sw_provider_secret(section->instance, "signing_key_file", path, keys->keys[keys->count],
						 diag_out);
			keys->count++;
		}
	}
	if (err) {
		mail_keys_free(keys);
		return err;
	}
	*keys_out = keys;
	return SW_OK;
}

void mail_keys_free(struct mail_keys *keys)
{
	if (keys) {
		sw_free_secret(keys, sizeof(*keys) + keys->count * sizeof(keys->keys[0]));
	}
}

/* SW_ENOTFOUND: there are no links here. Else as sw_mail_token_read. */
static int read_word(struct sw_gateway *gateway, struct sw_bytes word, struct sw_mail_token *token_out)
{
	int err = SW_ENOTFOUND;
	pthread_mutex_lock(&gateway->keys_lock);
	const struct mail_keys *keys = gateway->mail_keys;
	for (size_t i = 0; i < keys->count; i++) {
		err = sw_mail_token_read(sw_bytes_str(keys->keys[i]), SW_MAIL_TOKEN_UNSUBSCRIBE, word, token_out);
		if (err != SW_EAUTH) {
			break;
		}
	}
	pthread_mutex_unlock(&gateway->keys_lock);
	return err;
}

/* False: it was answered. */
static bool take_token(struct gw_loop *loop, struct sw_http_exchange *exchange, struct sw_mail_token *token_out)
{
	struct sw_buf word;
	sw_buf_init(&word, WORD_BYTES_MAX);
	int err = sw_http1_query_param(sw_http_query(exchange), "t", &word);
	err = err || word.err ? SW_EPARSE : SW_OK;
	int found = read_word(loop->gateway, sw_buf_bytes(&word), token_out);
	sw_buf_release(&word);
	err = err && found != SW_ENOTFOUND ? err : found;
	if (err == SW_ENOTFOUND) {
		api_fail(exchange, SW_ERROR_NOT_FOUND, NULL);
	} else if (err == SW_EPARSE) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "t: expected the word of a link in one of our mails, whole");
	} else if (err) {
		api_fail(exchange, SW_ERROR_FORBIDDEN, "this link is not from one of our mails");
	} else if (token_out->issued_s + LIFETIME_S < sw_clock_wall_ms() / 1000) {
		sw_http_problem(exchange, STATUS_GONE, "gone", "this link is too old: take one of a newer mail", NULL);
	} else {
		return true;
	}
	return false;
}

/* ---- GET ---- */

void api_mail_page(struct gw_loop *loop, struct sw_http_exchange *exchange)
{
	/* Without an action the form goes to this very address, wherever a proxy has put it. */
	static const char page[] = PAGE("<p>Do you want no more mails about missed messages to this address?</p>\n"
					"<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" "
					"value=\"One-Click\"><button>No more mails</button></form>\n");
	struct sw_mail_token token;
	if (take_token(loop, exchange, &token)) {
		sw_http_respond(exchange, 200, "text/html; charset=utf-8", page_extra, sw_bytes_str(page));
	}
}

/* ---- POST ---- */

/* multipart/form-data, of which mail providers send one field. */
static bool part_says_so(struct sw_bytes body)
{
	static const char name[] = "name=\"List-Unsubscribe\"";
	const uint8_t *at = body.len ? memmem(body.ptr, body.len, name, sizeof(name) - 1) : NULL;
	size_t left = at ? body.len - (size_t)(at - body.ptr) : 0;
	const uint8_t *value = at ? memmem(at, left, "\r\n\r\n", 4) : NULL;
	left = value ? body.len - (size_t)(value + 4 - body.ptr) : 0;
	return left >= sizeof(one_click) - 1 && memcmp(value + 4, one_click, sizeof(one_click) - 1) == 0;
}

static bool body_says_so(const struct sw_http_exchange *exchange)
{
	static const char multipart[] = "multipart/form-data";
	struct sw_bytes type = sw_http_header(exchange, "content-type");
	if (type.len >= sizeof(multipart) - 1 &&
	    strncasecmp((const char *)type.ptr, multipart, sizeof(multipart) - 1) == 0) {
		return part_says_so(sw_http_body(exchange));
	}
	struct sw_buf value;
	sw_buf_init(&value, WORD_BYTES_MAX);
	bool yes = sw_http1_query_param(sw_http_body(exchange), field, &value) == SW_OK && !value.err &&
		   sw_bytes_equal_str(sw_buf_bytes(&value), one_click);
	sw_buf_release(&value);
	return yes;
}

static void on_result(struct request *request, enum request_result result, const struct sw_item *item)
{
	(void)item;
	static const char done[] = PAGE("<p>No more mails will go to this address.</p>\n");
	switch (result) {
	case REQUEST_REPLY:
		sw_http_respond(request->exchange, 200, "text/html; charset=utf-8", page_extra, sw_bytes_str(done));
		break;
	case REQUEST_TIMEOUT:
	case REQUEST_GONE:
		if (request->accepted) {
			sw_http_respond(request->exchange, 202, "text/html; charset=utf-8", page_extra,
					sw_bytes_str(done));
			break;
		}
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, NULL);
		break;
	case REQUEST_REFUSED:
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, NULL);
		break;
	default:
		return;
	}
	request_free(request);
}

void api_mail_unsubscribe(struct gw_loop *loop, struct sw_http_exchange *exchange)
{
	struct sw_mail_token token;
	if (!take_token(loop, exchange, &token)) {
		return;
	}
	if (!body_says_so(exchange)) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "expected the form field List-Unsubscribe=One-Click");
		return;
	}
	struct request *request = request_new(loop, exchange, on_result, ANSWER_WAIT_MS);
	struct sw_item item = {.kind = SW_ITEM_ADDRESS_DROP,
			       .as.address_drop = {.user = token.account,
						   .address_id = token.address_id,
						   .node = loop->gateway->config.node,
						   .request = request->number}};
	struct waiter waiter = {.kind = WAIT_REQUEST, .number = request->number};
	if (lane_add(loop, SW_ROLE_MAILBOX, sw_partition_of_user(token.account), &item, &waiter, false) != SW_OK) {
		on_result(request, REQUEST_REFUSED, NULL);
	}
}
