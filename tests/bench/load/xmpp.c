/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP (RFC 6120, 6121) as far as a chat goes: SASL PLAIN, bind, presence, messages to a full JID. The stream is
 * searched for what is awaited, not parsed. */
#include "load.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

#define RESOURCE "bench"

enum state { ST_FEATURES, ST_AUTHENTICATING, ST_RESTARTED, ST_BINDING, ST_READY };

static void open_stream(struct client *client)
{
	conn_put_text(&client->conn,
		      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
		      " to='localhost' version='1.0'>");
}

static void start(struct load *load, struct client *client)
{
	(void)load;
	conn_put_text(&client->conn, "<?xml version='1.0'?>");
	open_stream(client);
}

static void authenticate(struct client *client)
{
	unsigned char plain[256], coded[400];
	int len = snprintf((char *)plain, sizeof(plain), "%c%s%c%s", 0, client->name, 0, client->secret);
	if (len < 0 || len >= (int)sizeof(plain)) {
		load_fail("a name or password that is too long");
	}
	EVP_EncodeBlock(coded, plain, len);
	conn_put_text(&client->conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
	conn_put_text(&client->conn, (char *)coded);
	conn_put_text(&client->conn, "</auth>");
}

static void bind_resource(struct client *client)
{
	conn_put_text(&client->conn,
		      "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" RESOURCE
		      "</resource></bind></iq>");
}

/* True, and it and everything before it is consumed, when the awaited text has come. */
static bool took(struct client *client, const char *awaited)
{
	struct conn *conn = &client->conn;
	size_t len = strlen(awaited);
	const uint8_t *at = memmem(conn->in, conn->in_len, awaited, len);
	if (!at) {
		if (memmem(conn->in, conn->in_len, "<failure", 8)) {
			load_fail("%s: log-in refused: %.*s", client->name, (int)conn->in_len, (const char *)conn->in);
		}
		return false;
	}
	conn_consume(conn, (size_t)(at + len - conn->in));
	return true;
}

/* The steps until messages may flow; false: more must come first. */
static bool advance(struct load *load, struct client *client)
{
	static const char *const awaited[] = {"</stream:features>", "<success", "</stream:features>", "</iq>"};
	if (!took(client, awaited[client->state])) {
		return false;
	}
	switch (client->state++) {
	case ST_FEATURES:
		authenticate(client);
		break;
	case ST_AUTHENTICATING:
		open_stream(client);
		break;
	case ST_RESTARTED:
		bind_resource(client);
		break;
	default:
		conn_put_text(&client->conn, "<presence/>");
		client->ready = true;
		load->hooks->on_ready(load->ctx, client);
	}
	load_mark(load, client);
	return true;
}

static void on_message(struct load *load, struct client *client, const uint8_t *stanza, size_t len)
{
	static const char body[] = "<body>";
	uint64_t from, number;
	const uint8_t *text = memmem(stanza, len, body, sizeof(body) - 1);
	if (!text || memmem(stanza, (size_t)(text - stanza), "type='error'", 12)) {
		load_fail("%s got %.*s", client->name, (int)(len < 400 ? len : 400), (const char *)stanza);
	}
	text += sizeof(body) - 1;
	load_read_text(text, len - (size_t)(text - stanza), &from, &number);
	load->hooks->on_message(load->ctx, client, from, number);
}

static void take_messages(struct load *load, struct client *client)
{
	static const char close[] = "</message>";
	struct conn *conn = &client->conn;
	const uint8_t *end, *at = conn->in, *limit = conn->in + conn->in_len;
	while ((end = memmem(at, (size_t)(limit - at), close, sizeof(close) - 1))) {
		const uint8_t *stanza = memmem(at, (size_t)(end - at), "<message", 8);
		if (!stanza) {
			load_fail("%s: a message that does not begin", client->name);
		}
		on_message(load, client, stanza, (size_t)(end - stanza));
		at = end + sizeof(close) - 1;
	}
	conn_consume(conn, (size_t)(at - conn->in));
}

static void receive(struct load *load, struct client *client)
{
	while (client->state < ST_READY) {
		if (!advance(load, client)) {
			return;
		}
	}
	take_messages(load, client);
}

static void send_message(struct load *load, struct client *from, const struct client *to, uint64_t number)
{
	char stanza[LOAD_BODY_MAX + 256];
	int len = snprintf(stanza, 256, "<message to='%s@localhost/" RESOURCE "' id='m%llu' type='chat'><body>",
			   to->name, (unsigned long long)number);
	len += (int)load_put_text(load, stanza + len, from->index, number);
	conn_put(&from->conn, stanza, (size_t)len);
	conn_put_text(&from->conn, "</body></message>");
	load_mark(load, from);
}

const struct protocol load_xmpp = {
	.name = "xmpp", .answers = false, .start = start, .receive = receive, .send = send_message};
