/* SPDX-License-Identifier: Apache-2.0 */
/* Signed words in mails, by which somebody who is not logged in may say one thing about one address: take me off
 * (RFC 8058), or it bounced (the envelope sender). A word holds all that is needed and cannot be made without the key;
 * it names the address by a hash, so that it tells nobody who it is about. Pure; any thread. */
#ifndef SUREWIRE_MAIL_TOKEN_H
#define SUREWIRE_MAIL_TOKEN_H

#include <surewire/bytes.h>
#include <surewire/err.h>

/* a-z and 2-7; upper case is read as well, since mail systems may change the case of a local part. */
enum { SW_MAIL_TOKEN_CHARS = 52, SW_MAIL_TOKEN_KEY_MIN = 32 };

/* One is no good for the other. */
enum sw_mail_token_use { SW_MAIL_TOKEN_UNSUBSCRIBE, SW_MAIL_TOKEN_BOUNCE };

struct sw_mail_token {
	int64_t account;
	int64_t address_id; /* sw_mail_address_id */
	int64_t issued_s;   /* wall clock, 1970 to 2106 */
};

/* Names an address that a device of the account has. */
int64_t sw_mail_address_id(int64_t account, struct sw_bytes device, struct sw_bytes address);
/* key: SW_MAIL_TOKEN_KEY_MIN bytes or more. Terminated. */
void sw_mail_token_write(struct sw_bytes key, enum sw_mail_token_use use, const struct sw_mail_token *token,
			 char text_out[SW_MAIL_TOKEN_CHARS + 1]);
/* SW_EPARSE: not the form of one. SW_EAUTH: not signed with this key for this use. */
int sw_mail_token_read(struct sw_bytes key, enum sw_mail_token_use use, struct sw_bytes text,
		       struct sw_mail_token *token_out) SW_MUST_CHECK;

#endif
