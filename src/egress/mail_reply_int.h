/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP replies from bytes in any portions (RFC 5321 4.2, RFC 3463). Pure. */
#ifndef SW_EGRESS_MAIL_REPLY_INT_H
#define SW_EGRESS_MAIL_REPLY_INT_H

#include <surewire/bytes.h>
#include <surewire/provider.h>

enum { SW_MAIL_REPLY_LINE_MAX = 512 };

/* Zero-initialised at the start. */
struct sw_mail_reply_reader {
	char line[SW_MAIL_REPLY_LINE_MAX];
	size_t len;
	bool too_long; /* the rest of this line is dropped */
	/* The last line that was a reply; code 0: none yet. Of a reply of several lines it is the last one. */
	struct sw_mail_reply reply;
};

void sw_mail_reply_feed(struct sw_mail_reply_reader *reader, struct sw_bytes part);
/* Forgets the reply: a new command was sent. */
void sw_mail_reply_reset(struct sw_mail_reply_reader *reader);

#endif
