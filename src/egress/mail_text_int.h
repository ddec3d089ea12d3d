/* SPDX-License-Identifier: Apache-2.0 */
/* Mail header fields from UTF-8 values, and the checks that keep a value from becoming a second header or command.
 * Sources: RFC 5322 (2.1.1, 2.2.3), RFC 2047 (2, 5), RFC 5321 (4.1.2). Pure. */
#ifndef SW_EGRESS_MAIL_TEXT_INT_H
#define SW_EGRESS_MAIL_TEXT_INT_H

#include <surewire/buf.h>

enum {
	SW_MAIL_HEADER_BYTES_MAX = 8 * 1024,
	SW_MAIL_LINE_MAX = 998, /* without CRLF */
	SW_MAIL_ADDRESS_BYTES_MAX = 320,
};

/* "Name: value", folded with CRLF SP at 76 characters where there is a space, without a CRLF at the end. A value that
 * is not ASCII becomes encoded words of at most 75 characters; in From, To, Cc, Reply-To and Sender only the display
 * name does, of one mailbox. SW_EINVAL with a text on CR, LF, control characters, invalid UTF-8, a name that is not
 * one, or an address that is not ASCII; SW_ELIMIT when a word is longer than a line may be. */
int sw_mail_header_put(struct sw_buf *out, const char *name, struct sw_bytes value, struct sw_diag *diag_out);
/* local@domain without spaces, controls, brackets. */
int sw_mail_address_check(struct sw_bytes address, struct sw_diag *diag_out);
/* Every line end becomes CRLF, NUL is dropped. */
void sw_mail_body_put(struct sw_buf *out, struct sw_bytes text);
/* "quoted-printable", or "base64" when that would blow up the text. */
const char *sw_mail_body_encoding(struct sw_bytes text);

#endif
