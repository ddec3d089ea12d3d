/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail system says about a mail that it could not deliver: a delivery status notification (RFC 3464). Who it is
 * about is not read from its text, which anybody can write, but from the address it was sent to. */
#ifndef SW_BOUNCE_REPORT_H
#define SW_BOUNCE_REPORT_H

#include <surewire/bytes.h>
#include <surewire/err.h>

enum { SW_BOUNCE_ADDRESSES_MAX = 16, SW_BOUNCE_ADDRESS_MAX = 320, SW_BOUNCE_MAIL_MAX = 1024 * 1024 };

enum sw_bounce_action {
	SW_BOUNCE_FAILED,  /* it gave up */
	SW_BOUNCE_DELAYED, /* it goes on trying */
	SW_BOUNCE_ARRIVED, /* delivered, relayed or expanded, for one of the recipients at least */
};

struct sw_bounce_report {
	enum sw_bounce_action action;
	char status[12]; /* RFC 3463: "5.1.1"; "" when it has none */
	char text[160];  /* Diagnostic-Code; printable ASCII */
	/* Of the header fields that name the address it was sent to, the surest first. */
	char addresses[SW_BOUNCE_ADDRESSES_MAX][SW_BOUNCE_ADDRESS_MAX + 1];
	size_t address_count;
};

/* SW_EPARSE with a text: this is no delivery status notification; the addresses are there all the same. One thread. */
int sw_bounce_read(struct sw_bytes mail, struct sw_bounce_report *report_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* Does the report say that mail to the address will never arrive? NULL, or why the address is kept. */
const char *sw_bounce_keeps(const struct sw_bounce_report *report);

/* The per-recipient fields of a message/delivery-status part (RFC 3464 section 2.3). SW_EPARSE: not one with an Action
 * that is known. Pure. */
int sw_bounce_status_read(struct sw_bytes part, struct sw_bounce_report *report_out) SW_MUST_CHECK;

#endif
