/* SPDX-License-Identifier: Apache-2.0 */
/* A notification as a mail: headers (RFC 5322, RFC 3834), a text and an HTML part. Everything that a person wrote loses
 * its line ends before it comes near a header, and is escaped before it comes near HTML. MIME, encoded words, folding
 * and dot-stuffing are the mail client's. */
#include "email_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char ellipsis[] = "\xe2\x80\xa6"; /* U+2026, three bytes */
enum { ELLIPSIS_LEN = sizeof(ellipsis) - 1, THREAD_MAX_BYTES = 64, LABEL_BYTES_MAX = 512, HTML_GROWTH = 6 };

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* Whole characters, at most max bytes with the ellipsis that then ends it. */
static struct sw_bytes cut(struct sw_bytes text, size_t max, struct sw_arena *arena)
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

/* A header value: control characters, line ends above all, become blanks. */
static struct sw_bytes header_text(struct sw_bytes text, struct sw_arena *arena)
{
	struct sw_bytes shortened = cut(text, SW_EMAIL_SUBJECT_MAX, arena);
	uint8_t *copy = sw_arena_alloc(arena, shortened.len + 1);
	for (size_t i = 0; i < shortened.len; i++) {
		copy[i] = is_control(shortened.ptr[i]) ? ' ' : shortened.ptr[i];
	}
	return sw_bytes(copy, shortened.len);
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

static struct sw_bytes take(struct sw_buf *buf, struct sw_arena *arena)
{
	struct sw_bytes copy = sw_arena_copy(arena, sw_buf_bytes(buf));
	sw_buf_clear(buf);
	return copy;
}

static int render_parts(const struct sw_notification *n, struct sw_bytes subject, struct sw_arena *arena,
			struct sw_mail_message *mail, struct sw_diag *diag_out)
{
	struct sw_bytes body = cut(n->body.len ? n->body : subject, SW_EMAIL_BODY_MAX, arena);
	struct sw_buf buf;
	sw_buf_init(&buf, HTML_GROWTH * (SW_EMAIL_BODY_MAX + 2 * SW_EMAIL_SUBJECT_MAX) + 1024);
	put_text(&buf, body);
	sw_buf_put_str(&buf, "\r\n");
	int err = buf.err;
	mail->text = take(&buf, arena);
	sw_buf_put_str(&buf, "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"><title>");
	put_html(&buf, subject);
	sw_buf_put_str(&buf, "</title></head>\r\n<body>\r\n");
	if (n->title.len && n->body.len) {
		sw_buf_put_str(&buf, "<p><strong>");
		put_html(&buf, subject);
		sw_buf_put_str(&buf, "</strong></p>\r\n");
	}
	sw_buf_put_str(&buf, "<p>");
	put_html(&buf, body);
	sw_buf_put_str(&buf, "</p>\r\n</body></html>\r\n");
	err = err ? err : buf.err;
	mail->html = take(&buf, arena);
	sw_buf_release(&buf);
	return err ? sw_diag_set(diag_out, err, "mail: the text does not fit") : SW_OK;
}

static void add(struct sw_mail_message *mail, const char *name, struct sw_bytes value)
{
	mail->headers[mail->header_count].name = name;
	mail->headers[mail->header_count].value = value;
	mail->header_count++;
}

/* RFC 5322 section 3.3, always in UTC, independent of the locale. */
static struct sw_bytes date(int64_t wall_ms, struct sw_arena *arena)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm = {0};
	gmtime_r(&seconds, &tm);
	char text[64];
	int len = snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000",
			   days + 3 * (size_t)tm.tm_wday, tm.tm_mday, months + 3 * (size_t)tm.tm_mon, tm.tm_year + 1900,
			   tm.tm_hour, tm.tm_min, tm.tm_sec);
	return sw_arena_copy(arena, sw_bytes(text, (size_t)len));
}

static struct sw_bytes id_domain(const struct sw_provider *provider)
{
	return provider->message_id_domain ? sw_bytes_str(provider->message_id_domain)
					   : sw_email_domain(provider->sender);
}

/* One per notification, the same on every attempt: a receiver can tell a repeated mail. */
static struct sw_bytes message_id(const struct sw_provider *provider, const uint8_t id[16], struct sw_arena *arena)
{
	struct sw_buf buf;
	sw_buf_init(&buf, LABEL_BYTES_MAX);
	sw_buf_put_char(&buf, '<');
	for (size_t i = 0; i < 16; i++) {
		sw_buf_printf(&buf, "%02x", id[i]);
	}
	sw_buf_put_char(&buf, '@');
	sw_buf_put_bytes(&buf, id_domain(provider));
	sw_buf_put_char(&buf, '>');
	struct sw_bytes text = take(&buf, arena);
	sw_buf_release(&buf);
	return text;
}

/* The conversation as an ancestor that was never sent: mail programs sort by it. */
static struct sw_bytes thread_id(const struct sw_provider *provider, struct sw_bytes thread, struct sw_arena *arena)
{
	struct sw_buf buf;
	sw_buf_init(&buf, LABEL_BYTES_MAX);
	sw_buf_put_str(&buf, "<thread.");
	for (size_t i = 0; i < thread.len && i < THREAD_MAX_BYTES; i++) {
		uint8_t c = thread.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '_';
		sw_buf_printf(&buf, plain ? "%c" : "=%02x", c);
	}
	sw_buf_put_char(&buf, '@');
	sw_buf_put_bytes(&buf, id_domain(provider));
	sw_buf_put_char(&buf, '>');
	struct sw_bytes text = take(&buf, arena);
	sw_buf_release(&buf);
	return text;
}

static int check(const struct sw_push_target *target, const struct sw_notification *n, struct sw_diag *diag_out)
{
	const char *what;
	if (!sw_email_is_address(target->token, &what)) {
		return sw_diag_set(diag_out, SW_EINVAL, "e-mail address: expected %s", what);
	}
	if (n->kind == SW_PUSH_SILENT) {
		return sw_diag_set(diag_out, SW_EINVAL, "a silent push has no form as a mail: expected an alert");
	}
	if (n->title.len == 0 && n->body.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "an alert: expected a title or a body");
	}
	if (!sw_email_is_utf8(n->title) || !sw_email_is_utf8(n->body)) {
		return sw_diag_set(diag_out, SW_EINVAL, "title and body: expected UTF-8");
	}
	return SW_OK;
}

static void add_headers(const struct sw_provider *provider, const struct sw_notification *n, struct sw_bytes date_text,
			struct sw_arena *arena, struct sw_mail_message *mail)
{
	add(mail, "Date", date_text);
	add(mail, "Message-ID", message_id(provider, n->id, arena));
	if (n->thread.len) {
		struct sw_bytes thread = thread_id(provider, n->thread, arena);
		add(mail, "In-Reply-To", thread);
		add(mail, "References", thread);
	}
	if (provider->reply_to.len) {
		add(mail, "Reply-To", provider->reply_to);
	}
	add(mail, "Auto-Submitted", sw_bytes_str("auto-generated"));
	add(mail, "X-Auto-Response-Suppress", sw_bytes_str("All"));
}

/* NOLINTNEXTLINE(readability-function-size): the shape of provider.h */
int sw_email_encode(struct sw_provider *provider, const struct sw_push_target *target,
		    const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		    struct sw_send *send_out, struct sw_diag *diag_out)
{
	int err = check(target, notification, diag_out);
	if (err) {
		return err;
	}
	*send_out = (struct sw_send){.endpoint = &provider->endpoint};
	struct sw_mail_message *mail = &send_out->as.mail;
	struct sw_bytes title = notification->title;
	struct sw_bytes subject = header_text(title.len ? title : sw_bytes_str("New message"), arena);
	mail->envelope_from = provider->sender;
	mail->envelope_to = sw_arena_copy(arena, target->token);
	add(mail, "From", provider->from);
	add(mail, "To", mail->envelope_to);
	add(mail, "Subject", subject);
	int64_t created_ms = notification->created_at_ms > 0 ? notification->created_at_ms : now_ms;
	add_headers(provider, notification, date(created_ms, arena), arena, mail);
	return render_parts(notification, subject, arena, mail, diag_out);
}
