/* SPDX-License-Identifier: Apache-2.0 */
/* surewire bounce: one delivery status notification from a mail system's pipe. Whose it is says the signed word in the
 * address that it was sent to; when mail will never arrive there, the user's mailbox is told to drop the address. */
#include "app/commands.h"
#include "bounce/report.h"
#include "bus/bus.h"
#include "proto/envelope.h"
#include "proto/partition.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mail_token.h>
#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <argp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONFIRM_MS = 15000, LIFETIME_S = 30 * 24 * 3600, SECOND_MS = 1000 };

/* ---- the input ---- */

/* The whole of it is taken, so that the mail system's write does not fail; what is too much is known by the length. */
static int read_mail(struct sw_buf *mail, struct sw_diag *diag_out)
{
	uint8_t part[16 * 1024];
	size_t total = 0;
	ssize_t n;
	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0) {
		total += (size_t)n;
		if (total <= SW_BOUNCE_MAIL_MAX) {
			sw_buf_put(mail, part, (size_t)n);
		}
	}
	if (n < 0) {
		return sw_diag_set(diag_out, SW_EIO, "the standard input cannot be read");
	}
	return total <= SW_BOUNCE_MAIL_MAX
		     ? SW_OK
		     : sw_diag_set(diag_out, SW_ELIMIT, "expected a mail of at most %d bytes, got %zu",
				   SW_BOUNCE_MAIL_MAX, total);
}

/* ---- whose it is ---- */

/* Of name+word@domain. */
static struct sw_bytes word_of(const char *address)
{
	const char *at = strrchr(address, '@');
	size_t len = at ? (size_t)(at - address) : strlen(address);
	const char *plus = memrchr(address, '+', len);
	return plus ? sw_bytes(plus + 1, len - (size_t)(plus + 1 - address)) : sw_bytes(NULL, 0);
}

/* SW_ENOTFOUND: no section makes such words. */
static int read_word(const struct sw_config *config, struct sw_bytes word, struct sw_mail_token *token_out,
		     struct sw_diag *diag_out)
{
	char key[SW_PROVIDER_SECRET_MAX + 1] = "";
	int found = SW_ENOTFOUND;
	for (size_t i = 0; i < config->push_count && found != SW_OK; i++) {
		const struct sw_provider_config *section = &config->push[i].provider_config;
		const char *path = sw_provider_text(section, "signing_key_file", NULL);
		if (!path || !sw_provider_text(section, "bounce_address", NULL)) {
			continue;
		}
		int err = sw_provider_secret(section->instance, "signing_key_file", path, key, diag_out);
		if (err) {
			return err;
		}
		found = sw_mail_token_read(sw_bytes_str(key), SW_MAIL_TOKEN_BOUNCE, word, token_out);
	}
	explicit_bzero(key, sizeof(key));
	return found;
}

static int find_token(const struct sw_config *config, const char *recipient, const struct sw_bounce_report *report,
		      struct sw_mail_token *token_out, struct sw_diag *diag_out)
{
	int found = recipient ? read_word(config, word_of(recipient), token_out, diag_out) : SW_EPARSE;
	for (size_t i = 0; !recipient && i < report->address_count && (found == SW_EPARSE || found == SW_EAUTH); i++) {
		found = read_word(config, word_of(report->addresses[i]), token_out, diag_out);
	}
	if (found == SW_ENOTFOUND) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "expected a [push.NAME] with bounce_address and signing_key_file, got none");
	}
	if (found == SW_EPARSE || found == SW_EAUTH) {
		return sw_diag_set(diag_out, found, "expected it to be sent to an address that we have signed");
	}
	if (found == SW_OK && token_out->issued_s + LIFETIME_S < sw_clock_wall_ms() / SECOND_MS) {
		return sw_diag_set(diag_out, SW_EEXPIRED, "the mail that it is about is older than %d days",
				   LIFETIME_S / 86400);
	}
	return found;
}

/* ---- telling the mailbox ---- */

struct delivery {
	struct sw_publish publish; /* first */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
	int result;
};

static void on_done(struct sw_publish *publish, int result)
{
	struct delivery *delivery = (struct delivery *)publish;
	pthread_mutex_lock(&delivery->lock);
	delivery->done = true;
	delivery->result = result;
	pthread_cond_signal(&delivery->changed);
	pthread_mutex_unlock(&delivery->lock);
}

static struct sw_blob *pack(const struct sw_mail_token *token)
{
	/* A registration in the second of the mail may be older than it. */
	struct sw_item item = {.kind = SW_ITEM_ADDRESS_DROP,
			       .as.address_drop = {.user = token->account,
						   .address_id = token->address_id,
						   .since_ms = (token->issued_s + 1) * SECOND_MS}};
	struct sw_uuid id = sw_uuid_derive("surewire.bounce", sw_bytes(&item.as.address_drop.address_id, 8),
					   sw_bytes(&item.as.address_drop.since_ms, 8));
	struct sw_buf buf;
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	sw_envelope_begin(&buf);
	size_t mark = sw_section_begin(&buf, &id);
	sw_item_put(&buf, &item);
	sw_section_end(&buf, mark);
	struct sw_blob *blob = sw_blob_new(sw_buf_bytes(&buf));
	sw_buf_release(&buf);
	return blob;
}

/* The publisher's close ends what was not confirmed, so that this always comes back. */
static int send(struct sw_publisher *publisher, struct delivery *delivery)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CONFIRM_MS / SECOND_MS;
	int err = sw_publisher_send(publisher, &delivery->publish);
	if (err) {
		sw_blob_unref(delivery->publish.body);
	}
	pthread_mutex_lock(&delivery->lock);
	while (!err && !delivery->done && pthread_cond_timedwait(&delivery->changed, &delivery->lock, &until) == 0) {
	}
	err = err ? err : delivery->done ? delivery->result : SW_ETIMEOUT;
	pthread_mutex_unlock(&delivery->lock);
	return err;
}

static int tell_mailbox(const struct sw_config *config, const struct sw_mail_token *token, struct sw_diag *diag_out)
{
	struct sw_bus_config bus;
	int err = sw_bus_config_parse(config->bus.url, &bus, diag_out);
	if (err) {
		return err;
	}
	bus.name = "surewire";
	bus.connect_timeout_ms = (int)config->bus.connect_timeout_ms;
	struct delivery delivery = {
		.publish = {
			.exchange = "", .body = pack(token), .mandatory = true, .persistent = true, .done = on_done}};
	pthread_mutex_init(&delivery.lock, NULL);
	pthread_cond_init(&delivery.changed, NULL);
	unsigned queue = sw_partition_of_user(token->account) % (unsigned)config->mailbox.mailbox_queues;
	sw_queue_name(SW_ROLE_MAILBOX, queue, delivery.publish.routing_key);
	struct sw_publisher *publisher = NULL;
	err = sw_publisher_open(&bus, "bounce", &publisher);
	if (err) {
		sw_blob_unref(delivery.publish.body);
	} else {
		err = send(publisher, &delivery);
	}
	sw_publisher_close(publisher, sw_clock_mono_ms());
	sw_bus_config_release(&bus);
	pthread_cond_destroy(&delivery.changed);
	pthread_mutex_destroy(&delivery.lock);
	return err ? sw_diag_set(diag_out, err, "%s was not told: %s", delivery.publish.routing_key, sw_err_text(err))
		   : SW_OK;
}

/* ---- the command ---- */

static void tell_log(const struct sw_mail_token *token, const struct sw_bounce_report *report, const char *kept)
{
	SW_LOG(INFO, "bounce.read", SW_F_INT("user", token->account), SW_F_STR("status", report->status),
	       SW_F_STR("diagnostic", report->text), SW_F_STR("address", kept ? "kept" : "dropped"),
	       SW_F_STR("why", kept ? kept : "a permanent failure"));
}

static int take(const struct sw_config *config, const char *recipient, struct sw_bytes mail, struct sw_diag *diag_out)
{
	struct sw_bounce_report *report = sw_xcalloc(1, sizeof(*report));
	struct sw_mail_token token;
	struct sw_diag why = {""};
	int err = sw_bounce_read(mail, report, &why);
	int found = find_token(config, recipient, report, &token, diag_out);
	err = found ? found : err ? sw_diag_set(diag_out, err, "%s", why.text) : SW_OK;
	const char *kept = err ? NULL : sw_bounce_keeps(report);
	if (!err && !kept) {
		err = tell_mailbox(config, &token, diag_out);
	}
	if (!err) {
		tell_log(&token, report, kept);
	}
	free(report);
	return err;
}

static int exit_code(int err)
{
	switch (err) {
	case SW_OK:
		return SW_EXIT_OK;
	case SW_EPARSE:
	case SW_EAUTH:
	case SW_EEXPIRED:
	case SW_ELIMIT:
		return SW_EXIT_DATA;
	case SW_ECONFIG:
		return SW_EXIT_CONFIG;
	default:
		return SW_EXIT_TEMPORARY;
	}
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	const char **recipient = state->input;
	if (key != 'r') {
		return ARGP_ERR_UNKNOWN;
	}
	*recipient = arg;
	return 0;
}

int sw_cmd_bounce(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"recipient", 'r', "ADDRESS", 0,
		 "Where the notification was sent to (default: X-Original-To, Delivered-To, Envelope-To or To of it)",
		 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.doc = "Reads one delivery status notification (RFC 3464) from the standard input, as a mail system pipes it "
		       "to the address [push.NAME] bounce_address, and drops the address that it is about when mail will "
		       "never arrive there.\v"
		       "Exit codes (sysexits.h): 0 taken, 65 not a notification about a mail of ours, 75 the broker is away "
		       "(keep it), 78 configuration.",
	};
	const char *recipient = NULL;
	struct sw_diag diag = {""};
	struct sw_buf mail;
	argp_parse(&argp, argc, argv, 0, NULL, &recipient);
	sw_buf_init(&mail, SW_BOUNCE_MAIL_MAX);
	int err = sw_config_need(config, "bus", "url", &diag);
	err = err ? err : read_mail(&mail, &diag);
	err = err ? err : take(config, recipient, sw_buf_bytes(&mail), &diag);
	sw_buf_release(&mail);
	if (err) {
		fprintf(stderr, "surewire: %s\n", diag.text[0] ? diag.text : sw_err_text(err));
	}
	return exit_code(err);
}
