/* SPDX-License-Identifier: Apache-2.0 */
/* What `surewire chat` prints. Text that others wrote is shown, never obeyed: control characters and those that turn the
 * direction of writing do not reach the terminal. */
#include "app/chat_int.h"

#include <surewire/mem.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIM "\x1b[2m"
#define PLAIN "\x1b[0m"

enum { TEXT_BYTES_MAX = 4 << 20 };

static void put_visible(struct sw_buf *out, struct sw_bytes text)
{
	while (text.len) {
		size_t len = sw_cli_dangerous(text);
		if (text.ptr[0] == '\n') {
			sw_buf_put_str(out, "\n         ");
		} else if (len) {
			sw_buf_put_char(out, text.ptr[0] == '\t' ? ' ' : '?');
		} else {
			sw_buf_put(out, text.ptr, 1);
		}
		len = len ? len : 1;
		text = sw_bytes(text.ptr + len, text.len - len);
	}
}

void chat_note(const struct chat *chat, const char *fmt, ...)
{
	char text[1024];
	struct sw_buf visible;
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sw_buf_init(&visible, 16384);
	put_visible(&visible, sw_bytes_str(text));
	printf("%s  %s%s\n", chat->color ? DIM : "", sw_buf_cstr(&visible), chat->color ? PLAIN : "");
	sw_buf_release(&visible);
}

/* "2026-11-24T05:00:00.123Z" as local "HH:MM:SS". */
static void put_time(struct sw_buf *out, struct sw_bytes at)
{
	char text[32];
	char clock[16] = "--:--:--";
	struct tm tm = {0};
	snprintf(text, sizeof(text), "%.*s", (int)(at.len < sizeof(text) ? at.len : 0), (const char *)at.ptr);
	if (strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) {
		time_t seconds = timegm(&tm);
		localtime_r(&seconds, &tm);
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	}
	sw_buf_put_str(out, clock);
}

/* {"title":…,"members":[…]} */
static void put_created(struct sw_buf *out, const json_t *body)
{
	struct sw_bytes title = sw_json_get_str(body, "title");
	const json_t *members = json_object_get(body, "members");
	sw_buf_put_str(out, title.len ? "created the group " : "created the conversation");
	put_visible(out, title);
	for (size_t i = 0; i < json_array_size(members); i++) {
		const char *name = json_string_value(json_array_get(members, i));
		sw_buf_put_str(out, i ? ", " : " with ");
		put_visible(out, sw_bytes_str(name));
	}
}

static void put_body(struct sw_buf *out, struct sw_bytes kind, const json_t *body)
{
	struct sw_bytes text = sw_json_get_str(body, "text");
	if (sw_bytes_equal_str(kind, "created")) {
		put_created(out, body);
	} else if (sw_bytes_equal_str(kind, "text") && text.ptr) {
		put_visible(out, text);
	} else {
		char *json = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
		sw_buf_put_char(out, '[');
		put_visible(out, kind);
		sw_buf_put_str(out, "] ");
		put_visible(out, sw_bytes_str(json));
		free(json);
	}
}

void chat_show_event(struct chat *chat, const json_t *event)
{
	struct sw_bytes conv = sw_json_get_str(event, "conv");
	if (!chat->shown_conv || !sw_bytes_equal_str(conv, chat->shown_conv)) {
		free(chat->shown_conv);
		chat->shown_conv = sw_xstrndup(conv.len ? (const char *)conv.ptr : "", conv.len);
		chat_note(chat, "-- conversation %s (/conv %s to write to it)", chat->shown_conv, chat->shown_conv);
	}
	struct sw_buf line;
	sw_buf_init(&line, TEXT_BYTES_MAX);
	put_time(&line, sw_json_get_str(event, "at"));
	sw_buf_put_char(&line, ' ');
	put_visible(&line, sw_json_get_str(event, "from"));
	sw_buf_put_str(&line, "  ");
	put_body(&line, sw_json_get_str(event, "kind"), json_object_get(event, "body"));
	puts(sw_buf_cstr(&line));
	sw_buf_release(&line);
}
