/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a message a push shows, as its person wishes, and the neutral texts that take the place of the rest. Pure;
 * any thread. */
#ifndef SW_PUSHER_SHOW_H
#define SW_PUSHER_SHOW_H

#include <surewire/notify.h>

enum sw_push_content {
	SW_PUSH_CONTENT_NONE,   /* that there is something */
	SW_PUSH_CONTENT_SENDER, /* and from whom */
	SW_PUSH_CONTENT_FULL,
};

/* What cannot be read is NONE: rather too little than too much. */
enum sw_push_content sw_push_content_parse(struct sw_bytes text);

/* locale: BCP 47, may be empty. */
const char *sw_push_new_message(struct sw_bytes locale);

/* What is said instead. */
struct sw_push_words {
	struct sw_bytes sender; /* a name, or empty */
	struct sw_bytes locale; /* of the device */
	struct sw_bytes key;    /* of a text that the app itself has for a new message; empty: ours is sent */
};
/* Replaces what is not to be shown; nothing of it is left in the notification. */
void sw_push_show(struct sw_notification *notification, enum sw_push_content content,
		  const struct sw_push_words *words);

#endif
