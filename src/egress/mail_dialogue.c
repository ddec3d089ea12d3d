/* SPDX-License-Identifier: Apache-2.0 */
/* One mail through libcurl, blocking, in a worker's thread: options, MIME parts, and how far the dialogue came. The
 * stage is read off the commands that libcurl shows to its debug callback; the callback looks at the verb only and
 * keeps nothing, for AUTH lines are secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <surewire/clock.h>
#include <surewire/mem.h>

#include "egress/curl_loop_int.h"
#include "egress/host_int.h"
#include "egress/mail_int.h"
#include "egress/mail_reply_int.h"

enum { ANSWER_TIMEOUT_DEFAULT_MS = 60000, IDLE_SECONDS_MAX = 30, STAGE_NONE = -1 };

struct sw_mail_dialogue {
	const struct sw_endpoint *endpoint;
	const atomic_bool *abort_flag;
	CURL *easy;
	curl_socket_t socket; /* CURL_SOCKET_BAD: none */
	int stage;
	struct sw_mail_reply_reader reader;
	struct sw_bytes last_part; /* the part whose end is the end of the message */
	size_t last_part_at;
	bool leaving;  /* QUIT was sent: what comes now is not about the mail */
	bool all_read; /* from here on the final dot may be on the wire */
	char error[CURL_ERROR_SIZE];
};

int sw_mail_answer_timeout_ms(const struct sw_endpoint *endpoint)
{
	return endpoint->answer_timeout_ms > 0 ? endpoint->answer_timeout_ms : ANSWER_TIMEOUT_DEFAULT_MS;
}

static bool starts_with(struct sw_bytes text, const char *verb)
{
	size_t len = strlen(verb);
	return text.len >= len && strncasecmp((const char *)text.ptr, verb, len) == 0;
}

static int stage_of(const struct sw_mail_dialogue *d, struct sw_bytes command)
{
	static const struct {
		const char *verb;
		int stage;
	} verbs[] = {
		{"EHLO ", SW_MAIL_STAGE_CONNECT},    {"HELO ", SW_MAIL_STAGE_CONNECT},
		{"STARTTLS", SW_MAIL_STAGE_CONNECT}, {"AUTH ", SW_MAIL_STAGE_AUTH},
		{"MAIL FROM:", SW_MAIL_STAGE_MAIL},  {"RCPT TO:", SW_MAIL_STAGE_RCPT},
	};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (starts_with(command, verbs[i].verb)) {
			return verbs[i].stage;
		}
	}
	if (d->stage == SW_MAIL_STAGE_RCPT && starts_with(command, "DATA\r\n")) {
		return SW_MAIL_STAGE_DATA;
	}
	return d->stage == SW_MAIL_STAGE_AUTH && !starts_with(command, "QUIT") ? SW_MAIL_STAGE_AUTH : STAGE_NONE;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t len, void *ctx)
{
	(void)easy;
	struct sw_mail_dialogue *d = ctx;
	if (type != CURLINFO_HEADER_OUT) {
		return 0;
	}
	int stage = stage_of(d, sw_bytes(data, len));
	if (stage != STAGE_NONE) {
		d->stage = stage;
		d->leaving = false;
		sw_mail_reply_reset(&d->reader);
	} else if (starts_with(sw_bytes(data, len), "QUIT") && d->socket != CURL_SOCKET_BAD) {
		d->leaving = true;
		/* libcurl would wait for the 221 beyond any deadline of the mail. */
		(void)shutdown(d->socket, SHUT_RD);
	}
	return 0;
}

static size_t on_reply(char *data, size_t size, size_t count, void *ctx)
{
	struct sw_mail_dialogue *d = ctx;
	if (!d->leaving) {
		sw_mail_reply_feed(&d->reader, sw_bytes(data, size * count));
	}
	return size * count;
}

static size_t on_read_part(char *buf, size_t size, size_t count, void *ctx)
{
	struct sw_mail_dialogue *d = ctx;
	size_t left = d->last_part.len - d->last_part_at;
	size_t n = size * count < left ? size * count : left;
	if (n > 0) {
		memcpy(buf, d->last_part.ptr + d->last_part_at, n);
		d->last_part_at += n;
	}
	if (d->last_part_at == d->last_part.len && !d->all_read) {
		d->all_read = true;
		/* The 354 is not the answer to what follows. */
		sw_mail_reply_reset(&d->reader);
	}
	return n;
}

static int on_seek_part(void *ctx, curl_off_t offset, int origin)
{
	struct sw_mail_dialogue *d = ctx;
	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > d->last_part.len) {
		return CURL_SEEKFUNC_CANTSEEK;
	}
	d->last_part_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *ctx, curl_off_t dl_total, curl_off_t dl_now, curl_off_t ul_total, curl_off_t ul_now)
{
	(void)dl_total;
	(void)dl_now;
	(void)ul_total;
	(void)ul_now;
	const struct sw_mail_dialogue *d = ctx;
	return atomic_load(d->abort_flag) ? 1 : 0;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	(void)purpose;
	struct sw_mail_dialogue *d = ctx;
	if (d->endpoint->mail_tls == SW_MAIL_PLAIN && !sw_host_sockaddr_is_loopback(&addr->addr)) {
		return CURL_SOCKET_BAD;
	}
	d->socket = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
	return d->socket;
}

static int on_close_socket(void *ctx, curl_socket_t fd)
{
	struct sw_mail_dialogue *d = ctx;
	if (d->socket == fd) {
		d->socket = CURL_SOCKET_BAD;
	}
	return close(fd);
}

static void set_connection(struct sw_mail_dialogue *d, const char *password)
{
	const struct sw_endpoint *endpoint = d->endpoint;
	bool bracket = strchr(endpoint->host, ':') != NULL;
	char *url = sw_xasprintf("%s://%s%s%s:%u/%s", endpoint->mail_tls == SW_MAIL_TLS ? "smtps" : "smtp",
				 bracket ? "[" : "", endpoint->host, bracket ? "]" : "", endpoint->port,
				 endpoint->ehlo_name != NULL ? endpoint->ehlo_name : "");
	curl_easy_setopt(d->easy, CURLOPT_URL, url);
	free(url);
	curl_easy_setopt(d->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(d->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(d->easy, CURLOPT_USE_SSL,
			 endpoint->mail_tls == SW_MAIL_PLAIN ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(d->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (endpoint->ca_file != NULL) {
		curl_easy_setopt(d->easy, CURLOPT_CAINFO, endpoint->ca_file);
		curl_easy_setopt(d->easy, CURLOPT_CAPATH, NULL);
	}
	if (endpoint->cert_file != NULL) {
		curl_easy_setopt(d->easy, CURLOPT_SSLCERT, endpoint->cert_file);
		curl_easy_setopt(d->easy, CURLOPT_SSLKEY, endpoint->key_file);
	}
	if (endpoint->username != NULL) {
		curl_easy_setopt(d->easy, CURLOPT_USERNAME, endpoint->username);
		curl_easy_setopt(d->easy, CURLOPT_PASSWORD, password != NULL ? password : "");
		curl_easy_setopt(d->easy, CURLOPT_SASL_IR, 1L);
	}
	long timeout_ms = sw_mail_answer_timeout_ms(endpoint);
	curl_easy_setopt(d->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(d->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (timeout_ms + 999) / 1000);
	curl_easy_setopt(d->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)SW_MAIL_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(d->easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS_MAX);
	curl_easy_setopt(d->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(d->easy, CURLOPT_QUICK_EXIT, 1L);
}

static void set_callbacks(struct sw_mail_dialogue *d)
{
	curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, d->error);
	curl_easy_setopt(d->easy, CURLOPT_VERBOSE, 1L); /* without it no debug callback */
	curl_easy_setopt(d->easy, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(d->easy, CURLOPT_DEBUGDATA, d);
	curl_easy_setopt(d->easy, CURLOPT_HEADERFUNCTION, on_reply);
	curl_easy_setopt(d->easy, CURLOPT_HEADERDATA, d);
	curl_easy_setopt(d->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(d->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(d->easy, CURLOPT_XFERINFODATA, d);
	curl_easy_setopt(d->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(d->easy, CURLOPT_OPENSOCKETDATA, d);
	curl_easy_setopt(d->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(d->easy, CURLOPT_CLOSESOCKETDATA, d);
}

static curl_mimepart *add_part(curl_mime *parts, const char *type, struct sw_bytes body)
{
	curl_mimepart *part = curl_mime_addpart(parts);
	curl_mime_type(part, type);
	curl_mime_encoder(part, sw_mail_body_encoding(body));
	return part;
}

/* multipart/alternative, least rich first. libcurl gives no way to say what the outermost multipart is, it is always
 * "mixed"; so the alternatives are its one part. */
static curl_mime *new_mime(struct sw_mail_dialogue *d, const struct mail_job *job)
{
	curl_mime *mixed = curl_mime_init(d->easy);
	curl_mime *alternative = curl_mime_init(d->easy);
	struct sw_bytes text = sw_buf_bytes(&job->text);
	struct sw_bytes html = sw_buf_bytes(&job->html);
	curl_mimepart *part = add_part(alternative, "text/plain; charset=utf-8", text);
	d->last_part = text;
	if (html.len > 0) {
		curl_mime_data(part, text.len > 0 ? (const char *)text.ptr : "", text.len);
		part = add_part(alternative, "text/html; charset=utf-8", html);
		d->last_part = html;
	}
	d->last_part_at = 0;
	d->all_read = d->last_part.len == 0;
	curl_mime_data_cb(part, (curl_off_t)d->last_part.len, on_read_part, on_seek_part, NULL, d);
	part = curl_mime_addpart(mixed);
	curl_mime_subparts(part, alternative);
	curl_mime_type(part, "multipart/alternative");
	return mixed;
}

static void conclude(struct sw_mail_dialogue *d, struct mail_job *job, CURLcode code)
{
	struct sw_mail_result *result = &job->result;
	result->reply = d->reader.reply;
	result->reply.stage = d->stage;
	bool past_end = d->stage == SW_MAIL_STAGE_DATA && d->all_read;
	bool refused = result->reply.code >= 400;
	if (code == CURLE_OK || refused || (past_end && result->reply.code / 100 == 2)) {
		result->end = SW_MAIL_ANSWERED;
		return;
	}
	result->reply.code = 0;
	result->reply.enhanced[0] = '\0';
	result->reply.text[0] = '\0';
	snprintf(job->detail, sizeof(job->detail), "%.150s", d->error[0] != '\0' ? d->error : curl_easy_strerror(code));
	if (past_end) {
		result->end = SW_MAIL_UNKNOWN;
	} else {
		result->end = d->stage >= SW_MAIL_STAGE_MAIL ? SW_MAIL_UNSENT : SW_MAIL_CONNECT_FAILED;
	}
}

void sw_mail_dialogue_run(struct sw_mail_dialogue *d, struct mail_job *job)
{
	int64_t started_ms = sw_clock_mono_ms();
	curl_easy_reset(d->easy); /* keeps the connection */
	d->stage = SW_MAIL_STAGE_CONNECT;
	d->leaving = false;
	d->error[0] = '\0';
	sw_mail_reply_reset(&d->reader);
	set_connection(d, job->password);
	set_callbacks(d);
	curl_mime *mime = new_mime(d, job);
	struct curl_slist *recipients = curl_slist_append(NULL, job->envelope_to);
	if (recipients == NULL || mime == NULL) {
		abort();
	}
	if (job->envelope_from != NULL) {
		curl_easy_setopt(d->easy, CURLOPT_MAIL_FROM, job->envelope_from);
	}
	curl_easy_setopt(d->easy, CURLOPT_MAIL_RCPT, recipients);
	curl_easy_setopt(d->easy, CURLOPT_HTTPHEADER, job->headers);
	curl_easy_setopt(d->easy, CURLOPT_MIMEPOST, mime);
	conclude(d, job, curl_easy_perform(d->easy));
	curl_easy_setopt(d->easy, CURLOPT_MIMEPOST, NULL);
	curl_mime_free(mime);
	curl_slist_free_all(recipients);
	job->result.duration_ms = sw_clock_mono_ms() - started_ms;
}

struct sw_mail_dialogue *sw_mail_dialogue_new(const struct sw_endpoint *endpoint, const atomic_bool *abort_flag)
{
	sw_curl_global();
	struct sw_mail_dialogue *d = sw_xcalloc(1, sizeof(*d));
	d->endpoint = endpoint;
	d->abort_flag = abort_flag;
	d->socket = CURL_SOCKET_BAD;
	d->easy = curl_easy_init();
	if (d->easy == NULL) {
		abort();
	}
	return d;
}

void sw_mail_dialogue_free(struct sw_mail_dialogue *d)
{
	if (d->socket != CURL_SOCKET_BAD) {
		/* Else libcurl's QUIT would wait for a server that may have fallen silent. */
		(void)shutdown(d->socket, SHUT_RDWR);
	}
	curl_easy_cleanup(d->easy);
	free(d);
}
