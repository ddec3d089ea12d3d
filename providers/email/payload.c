/* SPDX-License-Identifier: Apache-2.0 */
/* A notification as a mail: its headers (RFC 5322, RFC 3834, RFC 2369, RFC 8058). Everything that a person wrote loses its
 * line ends before it comes near one. MIME, encoded words, folding and dot-stuffing are the mail client's. */
#include "email_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { THREAD_MAX_BYTES = 64, LABEL_BYTES_MAX = 512 };

static struct sw_bytes take(struct sw_buf *buf, struct sw_arena *arena)
{
	struct sw_bytes copy = sw_arena_copy(arena, sw_buf_bytes(buf));
	sw_buf_clear(buf);
	return copy;
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
	bool good = sw_email_is_utf8(n->title) && sw_email_is_utf8(n->body);
	for (size_t i = 0; i < n->missed_count && good; i++) {
		const struct sw_push_missed *missed = &n->missed[i];
		good = sw_email_is_utf8(missed->title) && sw_email_is_utf8(missed->sender) &&
		       sw_email_is_utf8(missed->preview);
	}
	return good ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "title and body: expected UTF-8");
}

/* Of a list of one: by a click of their mail program, without opening the link. */
static void add_unsubscribe(struct sw_bytes link, struct sw_arena *arena, struct sw_mail_message *mail)
{
	struct sw_buf buf;
	sw_buf_init(&buf, LABEL_BYTES_MAX);
	sw_buf_put_char(&buf, '<');
	sw_buf_put_bytes(&buf, link);
	sw_buf_put_char(&buf, '>');
	add(mail, "List-Unsubscribe", take(&buf, arena));
	add(mail, "List-Unsubscribe-Post", sw_bytes_str("List-Unsubscribe=One-Click"));
	sw_buf_release(&buf);
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
	struct sw_bytes subject = sw_email_subject(notification, arena);
	struct sw_bytes link = sw_email_unsubscribe_link(provider, target, now_ms, arena);
	mail->envelope_from = sw_email_envelope_from(provider, target, now_ms, arena);
	mail->envelope_to = sw_arena_copy(arena, target->token);
	add(mail, "From", provider->from);
	add(mail, "To", mail->envelope_to);
	add(mail, "Subject", subject);
	int64_t created_ms = notification->created_at_ms > 0 ? notification->created_at_ms : now_ms;
	add_headers(provider, notification, date(created_ms, arena), arena, mail);
	if (link.len) {
		add_unsubscribe(link, arena, mail);
	}
	err = sw_email_body(notification, subject, link, arena, mail);
	return err ? sw_diag_set(diag_out, err, "mail: the text does not fit") : SW_OK;
}
