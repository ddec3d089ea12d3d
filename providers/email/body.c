/* SPDX-License-Identifier: Apache-2.0 */
/* The text and the HTML part: of one message, or of all that a person missed, grouped by conversation. What a person
 * wrote is escaped before it comes near HTML. */
#include "email_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char ellipsis[] = "\xe2\x80\xa6"; /* U+2026, three bytes */
enum {
	ELLIPSIS_LEN = sizeof(ellipsis) - 1,
	HTML_GROWTH = 6,
	MARKUP_BYTES_MAX = 96 * 1024,
	ENTRY_BYTES = 64, /* of an entry besides what people wrote */
	TIME_BYTES = 32,
};

/* ---- pieces ---- */

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

struct sw_bytes sw_email_cut(struct sw_bytes text, size_t max, struct sw_arena *arena)
{
	if (text.len <= max) {
		return text;
	}
	size_t len = max - ELLIPSIS_LEN;
	while (len > 0 && (text.ptr[len] & 0xc0) == 0x80) {
		len--;
	}
	uint8_t *copy = sw_arena_alloc(arena, len + ELLIPSIS_LEN);
	memcpy(copy, text.ptr, len);
	memcpy(copy + len, ellipsis, ELLIPSIS_LEN);
	return sw_bytes(copy, len + ELLIPSIS_LEN);
}

static struct sw_bytes one_line(struct sw_bytes text, size_t max, struct sw_arena *arena)
{
	struct sw_bytes shortened = sw_email_cut(text, max, arena);
	uint8_t *copy = sw_arena_alloc(arena, shortened.len + 1);
	for (size_t i = 0; i < shortened.len; i++) {
		copy[i] = is_control(shortened.ptr[i]) ? ' ' : shortened.ptr[i];
	}
	return sw_bytes(copy, shortened.len);
}

struct sw_bytes sw_email_line(struct sw_bytes text, struct sw_arena *arena)
{
	return one_line(text, SW_EMAIL_SUBJECT_MAX, arena);
}

/* Length of the line end at text[i], 0 if there is none. CR LF, CR and LF all count. */
static size_t line_end(struct sw_bytes text, size_t i)
{
	if (text.ptr[i] == '\r') {
		return i + 1 < text.len && text.ptr[i + 1] == '\n' ? 2 : 1;
	}
	return text.ptr[i] == '\n' ? 1 : 0;
}

/* One byte of text, as a mail may carry it. */
static void put_plain(struct sw_buf *buf, uint8_t c)
{
	sw_buf_put_char(buf, is_control(c) && c != '\t' ? ' ' : (char)c);
}

static void put_text(struct sw_buf *buf, struct sw_bytes text)
{
	for (size_t i = 0; i < text.len;) {
		size_t end = line_end(text, i);
		if (end) {
			sw_buf_put_str(buf, "\r\n");
		} else {
			put_plain(buf, text.ptr[i]);
		}
		i += end ? end : 1;
	}
}

static const char *html_entity(uint8_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void put_html(struct sw_buf *buf, struct sw_bytes text)
{
	for (size_t i = 0; i < text.len;) {
		size_t end = line_end(text, i);
		const char *entity = html_entity(text.ptr[i]);
		if (end) {
			sw_buf_put_str(buf, "<br>\r\n");
		} else if (entity) {
			sw_buf_put_str(buf, entity);
		} else {
			put_plain(buf, text.ptr[i]);
		}
		i += end ? end : 1;
	}
}

/* ---- what was missed ---- */

/* The entries that are shown: the first that fit. */
struct digest {
	const struct sw_push_missed *entries;
	size_t count;
	size_t conversations;
	int64_t more;
};

static bool is_first_of_its_conversation(const struct sw_push_missed *entries, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (sw_bytes_equal(entries[k].thread, entries[i].thread)) {
			return false;
		}
	}
	return true;
}

static struct digest digest_of(const struct sw_notification *n)
{
	struct digest digest = {.entries = n->missed, .more = n->missed_more};
	size_t used = 0;
	for (size_t i = 0; i < n->missed_count; i++) {
		const struct sw_push_missed *entry = &n->missed[i];
		bool first = is_first_of_its_conversation(n->missed, i);
		used += ENTRY_BYTES + entry->sender.len + entry->preview.len + (first ? entry->title.len : 0);
		if (used > SW_EMAIL_BODY_MAX) {
			digest.more += (int64_t)(n->missed_count - i);
			break;
		}
		digest.count++;
		digest.conversations += first;
	}
	return digest;
}

static void put_time(struct sw_buf *buf, int64_t wall_ms)
{
	char text[TIME_BYTES];
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm = {0};
	gmtime_r(&seconds, &tm);
	sw_buf_put(buf, text, strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm));
}

static void put_summary(struct sw_buf *buf, const struct digest *digest)
{
	sw_buf_printf(buf, "%" PRId64 " messages", (int64_t)digest->count + digest->more);
	if (digest->more == 0) {
		sw_buf_printf(buf, " in %zu conversation%s", digest->conversations,
			      digest->conversations == 1 ? "" : "s");
	}
}

/* How a part writes the same things. */
struct form {
	void (*put)(struct sw_buf *buf, struct sw_bytes text);
	const char *lead, *lead_end, *group, *group_end, *entry, *sender, *preview, *entry_end, *groups_end, *more,
		*more_end;
};

static const struct form as_text = {
	.put = put_text,
	.lead = "",
	.lead_end = " that you have not seen:\r\n",
	.group = "\r\n",
	.group_end = "\r\n",
	.entry = "  ",
	.sender = "  ",
	.preview = ": ",
	.entry_end = "\r\n",
	.groups_end = "",
	.more = "\r\n\xe2\x80\xa6 and ",
	.more_end = " more\r\n",
};
static const struct form as_html = {
	.put = put_html,
	.lead = "<p>",
	.lead_end = " that you have not seen:</p>\r\n",
	.group = "<h3>",
	.group_end = "</h3>\r\n<ul>\r\n",
	.entry = "<li><small>",
	.sender = "</small> <strong>",
	.preview = "</strong>: ",
	.entry_end = "</li>\r\n",
	.groups_end = "</ul>\r\n",
	.more = "<p>\xe2\x80\xa6 and ",
	.more_end = " more</p>\r\n",
};

static void put_entry(struct sw_buf *buf, const struct form *form, const struct sw_push_missed *entry,
		      struct sw_arena *arena)
{
	sw_buf_put_str(buf, form->entry);
	put_time(buf, entry->at_ms);
	sw_buf_put_str(buf, form->sender);
	form->put(buf, sw_email_line(entry->sender, arena));
	sw_buf_put_str(buf, form->preview);
	form->put(buf, one_line(entry->preview, SW_EMAIL_BODY_MAX, arena));
	sw_buf_put_str(buf, form->entry_end);
}

static void put_digest(struct sw_buf *buf, const struct form *form, const struct digest *digest, struct sw_arena *arena)
{
	sw_buf_put_str(buf, form->lead);
	put_summary(buf, digest);
	sw_buf_put_str(buf, form->lead_end);
	for (size_t i = 0; i < digest->count; i++) {
		if (!is_first_of_its_conversation(digest->entries, i)) {
			continue;
		}
		sw_buf_put_str(buf, form->group);
		form->put(buf, sw_email_line(digest->entries[i].title, arena));
		sw_buf_put_str(buf, form->group_end);
		for (size_t k = i; k < digest->count; k++) {
			if (sw_bytes_equal(digest->entries[k].thread, digest->entries[i].thread)) {
				put_entry(buf, form, &digest->entries[k], arena);
			}
		}
		sw_buf_put_str(buf, form->groups_end);
	}
	if (digest->more > 0) {
		sw_buf_printf(buf, "%s%" PRId64 "%s", form->more, digest->more, form->more_end);
	}
}

struct sw_bytes sw_email_subject(const struct sw_notification *n, struct sw_arena *arena)
{
	if (n->missed_count == 0) {
		return sw_email_line(n->title.len ? n->title : sw_bytes_str("New message"), arena);
	}
	struct digest digest = digest_of(n);
	struct sw_buf buf;
	sw_buf_init(&buf, 4 * SW_EMAIL_BODY_MAX);
	if (digest.conversations == 1 && digest.more == 0) {
		sw_buf_put_bytes(&buf, sw_email_cut(n->missed[0].title, SW_EMAIL_SUBJECT_MAX - ENTRY_BYTES, arena));
		sw_buf_printf(&buf, ": %zu messages", digest.count);
	} else {
		put_summary(&buf, &digest);
	}
	struct sw_bytes subject = sw_email_line(sw_buf_bytes(&buf), arena);
	sw_buf_release(&buf);
	return subject;
}

/* ---- the parts ---- */

static struct sw_bytes take(struct sw_buf *buf, struct sw_arena *arena)
{
	struct sw_bytes copy = sw_arena_copy(arena, sw_buf_bytes(buf));
	sw_buf_clear(buf);
	return copy;
}

static void put_text_part(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body,
			  struct sw_arena *arena)
{
	if (n->missed_count) {
		struct digest digest = digest_of(n);
		put_digest(buf, &as_text, &digest, arena);
	} else {
		put_text(buf, body);
		sw_buf_put_str(buf, "\r\n");
	}
}

static void put_html_part(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes subject,
			  struct sw_bytes body, struct sw_arena *arena)
{
	if (n->missed_count) {
		struct digest digest = digest_of(n);
		put_digest(buf, &as_html, &digest, arena);
		return;
	}
	if (n->title.len && n->body.len) {
		sw_buf_put_str(buf, "<p><strong>");
		put_html(buf, subject);
		sw_buf_put_str(buf, "</strong></p>\r\n");
	}
	sw_buf_put_str(buf, "<p>");
	put_html(buf, body);
	sw_buf_put_str(buf, "</p>\r\n");
}

int sw_email_body(const struct sw_notification *n, struct sw_bytes subject, struct sw_bytes link,
		  struct sw_arena *arena, struct sw_mail_message *mail_out)
{
	struct sw_bytes body = sw_email_cut(n->body.len ? n->body : subject, SW_EMAIL_BODY_MAX, arena);
	struct sw_buf buf;
	sw_buf_init(&buf, HTML_GROWTH * (SW_EMAIL_BODY_MAX + 2 * SW_EMAIL_SUBJECT_MAX) + MARKUP_BYTES_MAX);
	put_text_part(&buf, n, body, arena);
	if (link.len) {
		sw_buf_put_str(&buf, "\r\n-- \r\nNo more mails to this address: ");
		sw_buf_put_bytes(&buf, link);
		sw_buf_put_str(&buf, "\r\n");
	}
	int err = buf.err;
	mail_out->text = take(&buf, arena);
	sw_buf_put_str(&buf, "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"><title>");
	put_html(&buf, subject);
	sw_buf_put_str(&buf, "</title></head>\r\n<body>\r\n");
	put_html_part(&buf, n, subject, body, arena);
	if (link.len) {
		sw_buf_put_str(&buf, "<hr><p><small><a href=\"");
		put_html(&buf, link);
		sw_buf_put_str(&buf, "\">No more mails to this address</a></small></p>\r\n");
	}
	sw_buf_put_str(&buf, "</body></html>\r\n");
	err = err ? err : buf.err;
	mail_out->html = take(&buf, arena);
	sw_buf_release(&buf);
	return err;
}
