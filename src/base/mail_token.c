/* SPDX-License-Identifier: Apache-2.0 */
/* account (8 bytes) | address id (8) | time of issue in seconds (4) | HMAC-SHA256 cut to 96 bits (RFC 2104 section 5), in
 * base32 (RFC 4648): short enough for a local part of 64 octets with a name before it. */
#include <surewire/mail_token.h>

#include <surewire/buf.h>

#include "base/uuid.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIM_BYTES = 20, MAC_BYTES = 12, TOKEN_BYTES = CLAIM_BYTES + MAC_BYTES, SHA256_BYTES = 32 };

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char *const uses[] = {
	[SW_MAIL_TOKEN_UNSUBSCRIBE] = "surewire.mail.unsubscribe",
	[SW_MAIL_TOKEN_BOUNCE] = "surewire.mail.bounce",
};

static void put_i64(uint8_t *to, int64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		to[i] = (uint8_t)((uint64_t)value >> 8 * (bytes - 1 - i));
	}
}

static int64_t get_i64(const uint8_t *from, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++) {
		value = value << 8 | from[i];
	}
	return (int64_t)value;
}

int64_t sw_mail_address_id(int64_t account, struct sw_bytes device, struct sw_bytes address)
{
	struct sw_buf owner;
	sw_buf_init(&owner, sizeof(int64_t) + device.len);
	sw_buf_put_u64(&owner, (uint64_t)account);
	sw_buf_put_bytes(&owner, device);
	struct sw_uuid id = sw_uuid_derive("surewire.address", sw_buf_bytes(&owner), address);
	sw_buf_release(&owner);
	return get_i64(id.bytes, sizeof(int64_t));
}

static void sign(struct sw_bytes key, enum sw_mail_token_use use, const uint8_t claim[CLAIM_BYTES],
		 uint8_t mac_out[SHA256_BYTES])
{
	uint8_t text[64];
	size_t len = strlen(uses[use]) + 1; /* the terminator keeps the two apart */
	memcpy(text, uses[use], len);
	memcpy(text + len, claim, CLAIM_BYTES);
	if (!HMAC(EVP_sha256(), key.ptr, (int)key.len, text, len + CLAIM_BYTES, mac_out, NULL)) {
		abort();
	}
}

void sw_mail_token_write(struct sw_bytes key, enum sw_mail_token_use use, const struct sw_mail_token *token,
			 char text_out[SW_MAIL_TOKEN_CHARS + 1])
{
	uint8_t bytes[TOKEN_BYTES];
	uint8_t mac[SHA256_BYTES];
	put_i64(bytes, token->account, 8);
	put_i64(bytes + 8, token->address_id, 8);
	put_i64(bytes + 16, token->issued_s, 4);
	sign(key, use, bytes, mac);
	memcpy(bytes + CLAIM_BYTES, mac, MAC_BYTES);
	unsigned bits = 0;
	uint32_t held = 0;
	char *to = text_out;
	for (size_t i = 0; i < TOKEN_BYTES; i++) {
		held = held << 8 | bytes[i];
		for (bits += 8; bits >= 5; bits -= 5) {
			*to++ = digits[held >> (bits - 5) & 31];
		}
	}
	*to++ = digits[held << (5 - bits) & 31]; /* 256 bits leave one over */
	*to = '\0';
}

static int digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z') {
		c = (uint8_t)(c - 'A' + 'a');
	}
	return c >= 'a' && c <= 'z' ? c - 'a' : c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static bool decode(struct sw_bytes text, uint8_t bytes_out[TOKEN_BYTES])
{
	unsigned bits = 0;
	uint32_t held = 0;
	size_t len = 0;
	if (text.len != SW_MAIL_TOKEN_CHARS) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		int value = digit(text.ptr[i]);
		if (value < 0) {
			return false;
		}
		held = held << 5 | (uint32_t)value;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			bytes_out[len++] = (uint8_t)(held >> bits);
		}
	}
	return (held & ((1U << bits) - 1)) == 0; /* one text for one token */
}

int sw_mail_token_read(struct sw_bytes key, enum sw_mail_token_use use, struct sw_bytes text,
		       struct sw_mail_token *token_out)
{
	uint8_t bytes[TOKEN_BYTES];
	uint8_t mac[SHA256_BYTES];
	if (!decode(text, bytes)) {
		return SW_EPARSE;
	}
	sign(key, use, bytes, mac);
	if (!sw_bytes_equal_secret(sw_bytes(mac, MAC_BYTES), sw_bytes(bytes + CLAIM_BYTES, MAC_BYTES))) {
		return SW_EAUTH;
	}
	*token_out = (struct sw_mail_token){
		.account = get_i64(bytes, 8), .address_id = get_i64(bytes + 8, 8), .issued_s = get_i64(bytes + 16, 4)};
	return SW_OK;
}
