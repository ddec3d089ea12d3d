/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and their replacement; see show.h. */
#include "pusher/show.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *language;
	const char *new_message;
} texts[] = {
#define SW_PUSH_TEXT(language, new_message) {language, new_message},
#include "pusher/texts.def"
#undef SW_PUSH_TEXT
};

enum sw_push_content sw_push_content_parse(struct sw_bytes text)
{
	return sw_bytes_equal_str(text, "full")   ? SW_PUSH_CONTENT_FULL
	     : sw_bytes_equal_str(text, "sender") ? SW_PUSH_CONTENT_SENDER
						  : SW_PUSH_CONTENT_NONE;
}

/* The first subtag (RFC 5646, 2.1). */
static bool is_of_language(struct sw_bytes locale, const char *language)
{
	size_t len = strlen(language);
	return locale.len >= len && strncasecmp((const char *)locale.ptr, language, len) == 0 &&
	       (locale.len == len || locale.ptr[len] == '-' || locale.ptr[len] == '_');
}

const char *sw_push_new_message(struct sw_bytes locale)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (is_of_language(locale, texts[i].language)) {
			return texts[i].new_message;
		}
	}
	return texts[0].new_message;
}

void sw_push_show(struct sw_notification *notification, enum sw_push_content content, const struct sw_push_words *words)
{
	if (content == SW_PUSH_CONTENT_FULL) {
		return;
	}
	struct sw_bytes nothing = sw_bytes("", 0);
	notification->title = content == SW_PUSH_CONTENT_SENDER ? words->sender : nothing;
	notification->body = sw_bytes_str(sw_push_new_message(words->locale));
	notification->subtitle = notification->image = nothing;
	notification->title_loc = notification->subtitle_loc = (struct sw_push_loc){0};
	notification->body_loc = (struct sw_push_loc){.key = words->key};
}
