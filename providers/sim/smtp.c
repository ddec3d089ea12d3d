/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in of an SMTP relay (RFC 5321, 3207, 4954): one dialogue a connection. A mail is taken only when it is one
 * (mail_check.c). AUTH is offered inside TLS only; AUTH itself is in smtp_auth.c. */
#include "sim/smtp_int.h"

#include <stdio.h>
#include <string.h>

#include <surewire/clock.h>

#include "sim/mail_check.h"

enum { HANDSHAKE_MS = 10000, COMMAND_MS = 300000, TICK_MS = 100, WRITE_TIMEOUT_MS = 10000 };

void sw_sim_smtp_reply(struct sw_sim_smtp *smtp, int code, const char *enhanced, const char *text)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%d %s%s%.400s\r\n", code, enhanced, enhanced[0] ? " " : "", text);
	if (sw_sim_conn_write(&smtp->link->conn, sw_bytes(line, (size_t)n), WRITE_TIMEOUT_MS) != SW_OK || code == 421) {
		smtp->ended = true;
	}
}

/* A refusal that is counted. */
static void refuse(struct sw_sim_smtp *smtp, int code, const char *enhanced, const char *text)
{
	struct sw_sim *sim = smtp->link->sim;
	char reason[32];
	snprintf(reason, sizeof(reason), "%d %s", code, enhanced);
	pthread_mutex_lock(&sim->lock);
	sw_sim_stats_refuse(&sim->stats[SW_SIM_SMTP], reason);
	pthread_mutex_unlock(&sim->lock);
	sw_sim_smtp_reply(smtp, code, enhanced, text);
}

static void default_enhanced(const struct sw_sim_action *action, int code, char out[12])
{
	if (action->smtp_enhanced[0]) {
		snprintf(out, 12, "%s", action->smtp_enhanced);
	} else {
		snprintf(out, 12, "%d.%s", code / 100 == 4 ? 4 : 5, action->token_dead_ms >= 0 ? "1.1" : "0.0");
	}
}

/* Waiting, silence, cut, code. True when the stage is settled by it. */
static bool apply(struct sw_sim_smtp *smtp, const struct sw_sim_action *action)
{
	sw_sim_link_wait(smtp->link, action->effect.delay_ms);
	if (action->effect.silence != SW_SIM_SILENT_NO) {
		sw_sim_link_mute(smtp->link);
	}
	if (action->effect.silence != SW_SIM_SILENT_NO || action->effect.drop || action->cut_after_dot) {
		smtp->ended = true;
		return true;
	}
	int code = action->smtp_code ? action->smtp_code : action->token_dead_ms >= 0 ? 550 : 0;
	if (code == 0) {
		return false;
	}
	char enhanced[12];
	default_enhanced(action, code, enhanced);
	refuse(smtp, code, enhanced, action->reason[0] ? action->reason : "injected by the simulator");
	return true;
}

bool sw_sim_smtp_fault(struct sw_sim_smtp *smtp, enum sw_sim_stage stage, struct sw_bytes token)
{
	struct sw_sim *sim = smtp->link->sim;
	struct sw_sim_action action;
	pthread_mutex_lock(&sim->lock);
	bool hit = sw_sim_take_fault(sim, SW_SIM_SMTP, stage, token, &action);
	pthread_mutex_unlock(&sim->lock);
	return hit && apply(smtp, &action);
}

int sw_sim_smtp_line(struct sw_sim_smtp *smtp, size_t max_bytes, struct sw_bytes *line_out, size_t *used_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + COMMAND_MS;
	int err = SW_ETIMEOUT;
	while (err == SW_ETIMEOUT && sw_clock_mono_ms() < deadline_ms && !sw_sim_stopping(smtp->link) &&
	       atomic_load(&smtp->link->command) == SW_SIM_COMMAND_NONE) {
		err = sw_sim_conn_line(&smtp->link->conn, max_bytes, TICK_MS, line_out, used_out);
	}
	return err;
}

static void reset_mail(struct sw_sim_smtp *smtp)
{
	smtp->has_sender = false;
	smtp->recipient_count = 0;
}

static void on_ehlo(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	if (sw_sim_smtp_fault(smtp, SW_SIM_STAGE_EHLO, sw_bytes("", 0))) {
		return;
	}
	if (rest.len == 0) {
		refuse(smtp, 501, "5.5.4", "expected EHLO name");
		return;
	}
	char text[256];
	int n = snprintf(text, sizeof(text),
			 "250-sim.surewire.invalid\r\n250-SIZE %zu\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			 "250-PIPELINING\r\n%s250 ENHANCEDSTATUSCODES\r\n",
			 smtp->link->sim->smtp_size_max_bytes,
			 smtp->link->conn.ssl ? "250-AUTH PLAIN LOGIN\r\n" : "250-STARTTLS\r\n");
	smtp->ended = sw_sim_conn_write(&smtp->link->conn, sw_bytes(text, (size_t)n), WRITE_TIMEOUT_MS) != SW_OK;
	smtp->greeted = true;
	reset_mail(smtp);
}

static void on_helo(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	(void)rest;
	if (!sw_sim_smtp_fault(smtp, SW_SIM_STAGE_EHLO, sw_bytes("", 0))) {
		smtp->greeted = true;
		reset_mail(smtp);
		sw_sim_smtp_reply(smtp, 250, "", "sim.surewire.invalid");
	}
}

static void on_starttls(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	struct sw_sim_conn *conn = &smtp->link->conn;
	if (conn->ssl || rest.len > 0) {
		refuse(smtp, conn->ssl ? 503 : 501, conn->ssl ? "5.5.1" : "5.5.4", "STARTTLS once, without parameters");
		return;
	}
	if (conn->in.len > 0) {
		/* Commands behind STARTTLS in clear would be taken for commands inside TLS. */
		refuse(smtp, 554, "5.5.1", "commands pipelined behind STARTTLS");
		smtp->ended = true;
		return;
	}
	sw_sim_smtp_reply(smtp, 220, "2.0.0", "go ahead");
	if (!smtp->ended &&
	    sw_sim_conn_handshake(conn, smtp->link->sim->services[smtp->link->service].tls, HANDSHAKE_MS)) {
		smtp->ended = true;
	}
	smtp->greeted = false;
	smtp->authenticated = false;
	reset_mail(smtp);
}

/* Is it time for MAIL? */
static bool may_send(struct sw_sim_smtp *smtp)
{
	bool must_auth = smtp->link->sim->smtp_user != NULL;
	if (must_auth && !smtp->link->conn.ssl) {
		refuse(smtp, 530, "5.7.0", "must issue STARTTLS first");
	} else if (!smtp->greeted || smtp->has_sender) {
		refuse(smtp, 503, "5.5.1", smtp->greeted ? "nested MAIL" : "EHLO first");
	} else if (must_auth && !smtp->authenticated) {
		refuse(smtp, 530, "5.7.0", "authentication required");
	} else {
		return true;
	}
	return false;
}

static void refuse_path(struct sw_sim_smtp *smtp, int err, const char *text)
{
	bool parameter = err == SW_ENOTFOUND;
	refuse(smtp, parameter ? 555 : 501, parameter ? "5.5.4" : "5.1.7", parameter ? "parameter not known" : text);
}

static void on_mail(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	struct sw_sim_smtp_path path;
	if (!may_send(smtp)) {
		return;
	}
	int err = sw_sim_smtp_parse_path(rest, "FROM:", &path);
	if (err) {
		refuse_path(smtp, err, "expected MAIL FROM:<address>");
		return;
	}
	if (sw_sim_smtp_fault(smtp, SW_SIM_STAGE_MAIL, sw_bytes_str(path.address))) {
		return;
	}
	if (path.size_bytes > smtp->link->sim->smtp_size_max_bytes) {
		refuse(smtp, 552, "5.3.4", "message too big");
		return;
	}
	smtp->sender = path;
	smtp->has_sender = true;
	sw_sim_smtp_reply(smtp, 250, "2.1.0", "ok");
}

static void on_rcpt(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	struct sw_sim_smtp_path path;
	if (!smtp->has_sender) {
		refuse(smtp, 503, "5.5.1", "MAIL first");
		return;
	}
	int err = sw_sim_smtp_parse_path(rest, "TO:", &path);
	if (err) {
		refuse_path(smtp, err, "expected RCPT TO:<address>");
		return;
	}
	if (sw_sim_smtp_fault(smtp, SW_SIM_STAGE_RCPT, sw_bytes_str(path.address))) {
		return;
	}
	if (smtp->recipient_count == SW_SIM_RECIPIENTS_MAX) {
		refuse(smtp, 452, "4.5.3", "too many recipients");
		return;
	}
	snprintf(smtp->recipients[smtp->recipient_count++], sizeof(smtp->recipients[0]), "%s", path.address);
	sw_sim_smtp_reply(smtp, 250, "2.1.5", "ok");
}

static json_t *mail_headers(const struct sw_sim_mail *mail)
{
	json_t *headers = json_object();
	for (size_t i = 0; i < mail->header_count; i++) {
		char name[128];
		snprintf(name, sizeof(name), "%.*s", SW_BYTES_FMT(mail->headers[i].name));
		json_t *value = json_stringn((const char *)mail->headers[i].value.ptr, mail->headers[i].value.len);
		json_object_set_new(headers, name, value ? value : json_string(""));
	}
	return headers;
}

static void keep(struct sw_sim_smtp *smtp, const struct sw_sim_mail *mail)
{
	struct sw_sim *sim = smtp->link->sim;
	struct sw_bytes id = sw_sim_mail_header(mail, "Message-ID");
	pthread_mutex_lock(&sim->lock);
	for (size_t i = 0; i < smtp->recipient_count; i++) {
		struct sw_buf key;
		sw_buf_init(&key, SW_SIM_LINE_MAX);
		sw_buf_printf(&key, "%s\n%.*s", smtp->recipients[i], SW_BYTES_FMT(id));
		struct sw_sim_record_new record = {
			.provider = "smtp",
			.token = sw_bytes_str(smtp->recipients[i]),
			.id = id,
			.repeat_key = sw_buf_bytes(&key),
			.topic = sw_bytes_str(smtp->sender.address),
			.payload = sw_buf_bytes(&smtp->text),
			.headers = mail_headers(mail),
			.received_at_ms = sw_clock_wall_ms(),
		};
		sw_sim_accept(sim, SW_SIM_SMTP, &record);
		sw_buf_release(&key);
	}
	pthread_mutex_unlock(&sim->lock);
}

/* The text up to the final dot. A mail that is too big is read to its end and forgotten. False: connection over. */
static bool read_text(struct sw_sim_smtp *smtp)
{
	struct sw_sim_conn *conn = &smtp->link->conn;
	struct sw_sim_smtp_data data = {0};
	int64_t deadline_ms = sw_clock_mono_ms() + COMMAND_MS;
	sw_buf_clear(&smtp->text);
	for (;;) {
		size_t used = sw_sim_smtp_data_feed(&data, sw_buf_bytes(&conn->in), &smtp->text);
		sw_buf_consume(&conn->in, used);
		if (sw_sim_smtp_data_done(&data)) {
			return true;
		}
		int err = sw_sim_conn_fill(conn, TICK_MS);
		bool over = sw_sim_stopping(smtp->link) || sw_clock_mono_ms() > deadline_ms ||
			    atomic_load(&smtp->link->command) != SW_SIM_COMMAND_NONE;
		if ((err && err != SW_ETIMEOUT) || over) {
			return false;
		}
	}
}

/* A fault at the final dot that names one of the recipients, or nobody. */
static bool take_dot_fault(struct sw_sim_smtp *smtp, struct sw_sim_action *action)
{
	struct sw_sim *sim = smtp->link->sim;
	bool hit = false;
	pthread_mutex_lock(&sim->lock);
	for (size_t i = 0; i < smtp->recipient_count && !hit; i++) {
		hit = sw_sim_take_fault(sim, SW_SIM_SMTP, SW_SIM_STAGE_DOT, sw_bytes_str(smtp->recipients[i]), action);
	}
	pthread_mutex_unlock(&sim->lock);
	return hit;
}

static void on_text(struct sw_sim_smtp *smtp)
{
	struct sw_sim_mail mail;
	struct sw_sim_action action;
	struct sw_diag diag = {{0}};
	if (smtp->text.err || smtp->text.len > smtp->link->sim->smtp_size_max_bytes) {
		refuse(smtp, 552, "5.3.4", "message too big");
		return;
	}
	if (sw_sim_mail_check(sw_buf_bytes(&smtp->text), smtp->sender.eight_bit, smtp->sender.utf8, &mail, &diag)) {
		refuse(smtp, 554, "5.6.0", diag.text);
		return;
	}
	bool fault = take_dot_fault(smtp, &action);
	/* Cut after the dot: the mail was received in full, only the sender does not learn it. */
	if (!fault || action.cut_after_dot || sw_sim_action_processes(&action)) {
		keep(smtp, &mail);
	}
	if (!fault || !apply(smtp, &action)) {
		sw_sim_smtp_reply(smtp, 250, "2.0.0", "accepted");
	}
}

static void on_data(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	struct sw_sim *sim = smtp->link->sim;
	if (rest.len > 0 || smtp->recipient_count == 0) {
		refuse(smtp, rest.len > 0 ? 501 : 503, rest.len > 0 ? "5.5.4" : "5.5.1",
		       "RCPT first, DATA has no parameters");
		return;
	}
	for (size_t i = 0; i < smtp->recipient_count; i++) {
		if (sw_sim_smtp_fault(smtp, SW_SIM_STAGE_DATA, sw_bytes_str(smtp->recipients[i]))) {
			return;
		}
	}
	pthread_mutex_lock(&sim->lock);
	sim->stats[SW_SIM_SMTP].streams++;
	pthread_mutex_unlock(&sim->lock);
	sw_sim_smtp_reply(smtp, 354, "", "end with CRLF.CRLF");
	if (smtp->ended || !read_text(smtp)) {
		smtp->ended = true;
		return;
	}
	on_text(smtp);
	reset_mail(smtp);
}

static void on_rset(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	(void)rest;
	reset_mail(smtp);
	sw_sim_smtp_reply(smtp, 250, "2.0.0", "ok");
}

static void on_noop(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	(void)rest;
	sw_sim_smtp_reply(smtp, 250, "2.0.0", "ok");
}

static void on_vrfy(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	(void)rest;
	sw_sim_smtp_reply(smtp, 252, "2.5.2", "send some mail and see");
}

static void on_quit(struct sw_sim_smtp *smtp, struct sw_bytes rest)
{
	(void)rest;
	sw_sim_smtp_reply(smtp, 221, "2.0.0", "bye");
	sw_sim_conn_finish(&smtp->link->conn);
	smtp->ended = true;
}

static const struct {
	const char *verb;
	void (*on_command)(struct sw_sim_smtp *smtp, struct sw_bytes rest);
} commands[] = {{"EHLO", on_ehlo}, {"HELO", on_helo}, {"STARTTLS", on_starttls}, {"AUTH", sw_sim_smtp_auth},
		{"MAIL", on_mail}, {"RCPT", on_rcpt}, {"DATA", on_data},         {"RSET", on_rset},
		{"NOOP", on_noop}, {"VRFY", on_vrfy}, {"QUIT", on_quit}};

static void dispatch(struct sw_sim_smtp *smtp, struct sw_bytes line)
{
	char verb[16];
	struct sw_bytes rest;
	sw_sim_smtp_split(line, verb, &rest);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(verb, commands[i].verb) == 0) {
			commands[i].on_command(smtp, rest);
			return;
		}
	}
	refuse(smtp, 500, "5.5.2", "command not known");
}

static void read_command(struct sw_sim_smtp *smtp)
{
	struct sw_bytes line;
	size_t used;
	int err = sw_sim_smtp_line(smtp, SW_SIM_LINE_MAX, &line, &used);
	if (err == SW_ELIMIT) {
		refuse(smtp, 500, "5.5.2", "line too long");
	}
	if (err) {
		smtp->ended = true;
		return;
	}
	/* The line is copied: STARTTLS and DATA look at what is left in the buffer. */
	char text[SW_SIM_LINE_MAX];
	size_t len = line.len;
	memcpy(text, line.ptr, len);
	sw_buf_consume(&smtp->link->conn.in, used);
	dispatch(smtp, sw_bytes(text, len));
}

void sw_sim_serve_smtp(struct sw_sim_link *link)
{
	struct sw_sim_smtp smtp = {.link = link};
	sw_buf_init(&smtp.text, link->sim->smtp_size_max_bytes + 1);
	if (!sw_sim_smtp_fault(&smtp, SW_SIM_STAGE_ACCEPT, sw_bytes("", 0))) {
		sw_sim_smtp_reply(&smtp, 220, "", "sim.surewire.invalid ESMTP");
	}
	while (!smtp.ended && !sw_sim_stopping(link)) {
		read_command(&smtp);
	}
	sw_buf_release(&smtp.text);
}
