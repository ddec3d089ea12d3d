/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: keys, ports, one accepting thread per service, one thread per connection. */
#include "sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include "base/hash.h"
#include "sim/apns_certificate.h"
#include "sim/jws.h"
#include "sim/sim_int.h"

enum {
	TICK_MS = 100,
	BACKLOG = 128,
	KEY_FILE_MAX_BYTES = 68 * 1024,
	PASSWORD_MAX_BYTES = 8 * 1024,
	RECORD_MAX_DEFAULT = 10000,
	SMTP_SIZE_DEFAULT = 1024 * 1024,
	TOKEN_WINDOW_DEFAULT_S = 20 * 60,
	OAUTH_EXPIRES_DEFAULT_S = 3599
};

static const char *const service_names[] = {"apns", "fcm", "smtp", "huawei", "webpush", "webhook", "control"};

void sw_sim_options_init(struct sw_sim_options *options)
{
	*options = (struct sw_sim_options){.listen = "127.0.0.1",
					   .record_max = RECORD_MAX_DEFAULT,
					   .smtp_size_max_bytes = SMTP_SIZE_DEFAULT,
					   .apns_token_window_s = TOKEN_WINDOW_DEFAULT_S,
					   .oauth_expires_in_s = OAUTH_EXPIRES_DEFAULT_S};
}

/* Connections. */

void sw_sim_link_wait(const struct sw_sim_link *link, int64_t delay_ms)
{
	int64_t until_ms = sw_clock_mono_ms() + delay_ms;
	for (int64_t left_ms = delay_ms; left_ms > 0 && !sw_sim_stopping(link);
	     left_ms = until_ms - sw_clock_mono_ms()) {
		struct timespec nap = {.tv_nsec = (left_ms > TICK_MS ? TICK_MS : left_ms) * 1000000};
		nanosleep(&nap, NULL);
	}
}

void sw_sim_link_mute(struct sw_sim_link *link)
{
	while (!sw_sim_stopping(link) && atomic_load(&link->command) == SW_SIM_COMMAND_NONE &&
	       sw_sim_conn_ignore(&link->conn, TICK_MS) == SW_ETIMEOUT) {
	}
}

/* The provider whose counters and faults a service uses. */
static enum sw_sim_provider provider_of(int service)
{
	static const enum sw_sim_provider providers[] = {SW_SIM_APNS,   SW_SIM_FCM,     SW_SIM_SMTP,
							 SW_SIM_HUAWEI, SW_SIM_WEBPUSH, SW_SIM_WEBHOOK};
	return providers[service];
}

/* A fault at the door; false when the connection is over with it. SMTP does its own, it has a greeting to spoil. */
static bool pass_door(struct sw_sim_link *link)
{
	struct sw_sim_action action;
	struct sw_sim *sim = link->sim;
	if (link->service == SW_SIM_SERVICE_CONTROL || link->service == SW_SIM_SERVICE_SMTP) {
		return true;
	}
	pthread_mutex_lock(&sim->lock);
	bool hit = sw_sim_take_fault(sim, provider_of(link->service), SW_SIM_STAGE_ACCEPT, sw_bytes("", 0), &action);
	pthread_mutex_unlock(&sim->lock);
	if (!hit) {
		return true;
	}
	sw_sim_link_wait(link, action.effect.delay_ms);
	if (action.effect.silence != SW_SIM_SILENT_NO) {
		sw_sim_link_mute(link);
	}
	return action.effect.silence == SW_SIM_SILENT_NO && !action.effect.drop;
}

static void link_free(struct sw_sim_link *link)
{
	struct sw_sim *sim = link->sim;
	pthread_mutex_lock(&sim->lock);
	if (link->service != SW_SIM_SERVICE_CONTROL) {
		sim->stats[provider_of(link->service)].open--;
	}
	*(link->prev ? &link->prev->next : &sim->links) = link->next;
	if (link->next) {
		link->next->prev = link->prev;
	}
	sw_sim_conn_release(&link->conn);
	free(link);
	sim->link_count--;
	pthread_cond_signal(&sim->link_gone);
	pthread_mutex_unlock(&sim->lock);
}

static void *run_link(void *arg)
{
	struct sw_sim_link *link = arg;
	if (pass_door(link)) {
		link->sim->services[link->service].serve(link);
	}
	OPENSSL_thread_stop();
	link_free(link);
	return NULL;
}

static void link_start(struct sw_sim_service *service, int fd)
{
	struct sw_sim *sim = service->sim;
	struct sw_sim_link *link = sw_xcalloc(1, sizeof(*link));
	link->sim = sim;
	link->service = service->index;
	sw_sim_conn_init(&link->conn, fd);
	pthread_mutex_lock(&sim->lock);
	if (service->index != SW_SIM_SERVICE_CONTROL) {
		sim->stats[provider_of(service->index)].connections++;
		sim->stats[provider_of(service->index)].open++;
	}
	link->next = sim->links;
	if (link->next) {
		link->next->prev = link;
	}
	sim->links = link;
	sim->link_count++;
	bool full = sim->link_count > SW_SIM_LINKS_MAX;
	pthread_mutex_unlock(&sim->lock);
	pthread_t thread;
	if (full || pthread_create(&thread, NULL, run_link, link) != 0) {
		SW_LOG(WARN, "sim.connection_refused", SW_F_STR("service", service_names[service->index]));
		link_free(link);
		return;
	}
	pthread_detach(thread);
}

static void *run_service(void *arg)
{
	struct sw_sim_service *service = arg;
	while (!atomic_load(&service->sim->stopping)) {
		struct pollfd p = {.fd = service->fd, .events = POLLIN};
		if (poll(&p, 1, TICK_MS) <= 0) {
			continue;
		}
		int fd = accept4(service->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			link_start(service, fd);
		} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			SW_LOG(WARN, "sim.accept_failed", SW_F_STR("service", service_names[service->index]),
			       SW_F_STR("error", strerror(errno)));
			struct timespec nap = {.tv_nsec = TICK_MS * 1000000};
			nanosleep(&nap, NULL);
		}
	}
	return NULL;
}

/* Shared actions. */

bool sw_sim_token_in_force(struct sw_sim *sim, const uint8_t hash[32])
{
	for (size_t i = 0; i < SW_SIM_SEEN_MAX; i++) {
		if (memcmp(sim->seen[i].hash, hash, 32) == 0) {
			return !sim->seen[i].expired;
		}
	}
	struct sw_sim_seen_token *slot = &sim->seen[sim->seen_next];
	sim->seen_next = (sim->seen_next + 1) % SW_SIM_SEEN_MAX;
	memcpy(slot->hash, hash, 32);
	slot->expired = false;
	return true;
}

void sw_sim_expire_credentials(struct sw_sim *sim)
{
	sw_sim_tokens_expire_all(&sim->oauth.tokens);
	sw_sim_tokens_expire_all(&sim->huawei.tokens);
	for (size_t i = 0; i < SW_SIM_SEEN_MAX; i++) {
		sim->seen[i].expired = true;
	}
	sim->credential_generation++;
}

bool sw_sim_take_fault(struct sw_sim *sim, enum sw_sim_provider provider, enum sw_sim_stage stage,
		       struct sw_bytes token, struct sw_sim_action *action_out)
{
	if (!sw_sim_faults_take(&sim->faults, provider, stage, token, action_out)) {
		return false;
	}
	sim->stats[provider].faults++;
	if (action_out->expire_credentials) {
		sw_sim_expire_credentials(sim);
	}
	return true;
}

void sw_sim_accept(struct sw_sim *sim, enum sw_sim_provider provider, const struct sw_sim_record_new *record)
{
	unsigned repeats = sw_sim_records_put(&sim->records, record);
	sim->stats[provider].accepted++;
	sim->stats[provider].repeats += repeats > 0;
}

bool sw_sim_action_processes(const struct sw_sim_action *action)
{
	const struct sw_sim_effect *effect = &action->effect;
	bool prevented = action->status || action->token_dead_ms >= 0 || action->smtp_code || effect->rst_code >= 0 ||
			 effect->goaway == SW_SIM_GOAWAY_NONE || effect->goaway == SW_SIM_GOAWAY_AT ||
			 effect->silence != SW_SIM_SILENT_NO || effect->drop;
	return action->accept || !prevented;
}

/* Opening. */

static int service_open(struct sw_sim_service *service, const char *address, uint16_t port, struct sw_diag *diag)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t len = sizeof(sa);
	int one = 1;
	if (inet_pton(AF_INET, address, &sa.sin_addr) != 1) {
		return sw_diag_set(diag, SW_ECONFIG, "%s: expected an IPv4 address to listen on", address);
	}
	service->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (service->fd < 0 || setsockopt(service->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(service->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 || listen(service->fd, BACKLOG) != 0 ||
	    getsockname(service->fd, (struct sockaddr *)&sa, &len) != 0) {
		return sw_diag_set(diag, SW_ECONNECT, "%s on %s:%u: %s", service_names[service->index], address,
				   (unsigned)port, strerror(errno));
	}
	service->port = ntohs(sa.sin_port);
	return SW_OK;
}

static int open_services(struct sw_sim *sim, const struct sw_sim_options *options, struct sw_diag *diag)
{
	static void (*const serves[])(struct sw_sim_link *) = {
		sw_sim_serve_apns,    sw_sim_serve_fcm,     sw_sim_serve_smtp,   sw_sim_serve_huawei,
		sw_sim_serve_webpush, sw_sim_serve_webhook, sw_sim_serve_control};
	static const char *const alpns[] = {"\x02h2", "\x02h2\x08http/1.1", NULL, "\x02h2\x08http/1.1",
					    "\x02h2", "\x08http/1.1",       NULL};
	const uint16_t ports[] = {options->apns_port,   options->fcm_port,     options->smtp_port,
				  options->huawei_port, options->webpush_port, options->webhook_port,
				  options->control_port};
	int err = SW_OK;
	for (int i = 0; i < SW_SIM_SERVICE_COUNT && !err; i++) {
		struct sw_sim_service *service = &sim->services[i];
		service->serve = serves[i];
		if (i != SW_SIM_SERVICE_CONTROL) {
			err = sw_sim_tls_new(options->cert_file, options->key_file, alpns[i], &service->tls, diag);
		}
		if (!err && i == SW_SIM_SERVICE_APNS) {
			sw_sim_apns_ask_certificate(service->tls);
		}
		if (!err) {
			err = service_open(service, i == SW_SIM_SERVICE_CONTROL ? "127.0.0.1" : options->listen,
					   ports[i], diag);
		}
	}
	return err;
}

static int load_apns_key(struct sw_sim *sim, const char *spec, struct sw_diag *diag)
{
	const char *equals = strchr(spec, '=');
	size_t kid_len = equals ? (size_t)(equals - spec) : 0;
	if (kid_len == 0 || kid_len >= SW_SIM_KID_MAX || sim->apns_key_count == SW_SIM_KEYS_MAX) {
		return sw_diag_set(diag, SW_ECONFIG, "APNs key \"%s\": expected KID=FILE, at most %d of them", spec,
				   SW_SIM_KEYS_MAX);
	}
	struct sw_sim_apns_key *key = &sim->apns_keys[sim->apns_key_count];
	struct sw_buf pem;
	sw_buf_init(&pem, KEY_FILE_MAX_BYTES);
	int err = sw_sim_file_read(equals + 1, &pem, diag);
	err = err ? err : sw_sim_key_parse(equals + 1, sw_buf_bytes(&pem), "ES256", &key->key, diag);
	if (!err) {
		memcpy(key->kid, spec, kid_len);
		key->kid[kid_len] = '\0';
		sim->apns_key_count++;
	}
	OPENSSL_cleanse(pem.ptr, pem.len);
	sw_buf_release(&pem);
	return err;
}

static int load_smtp_user(struct sw_sim *sim, const struct sw_sim_options *options, struct sw_diag *diag)
{
	if (!options->smtp_user) {
		return SW_OK;
	}
	if (!options->smtp_password_file) {
		return sw_diag_set(diag, SW_ECONFIG, "SMTP user %s: expected a password file as well",
				   options->smtp_user);
	}
	struct sw_buf text;
	sw_buf_init(&text, PASSWORD_MAX_BYTES);
	int err = sw_sim_file_read(options->smtp_password_file, &text, diag);
	if (!err) {
		size_t len = strcspn(sw_buf_cstr(&text), "\r\n");
		sim->smtp_user = sw_xstrdup(options->smtp_user);
		sim->smtp_password = sw_xstrndup(sw_buf_cstr(&text), len);
	}
	OPENSSL_cleanse(text.ptr, text.len);
	sw_buf_release(&text);
	return err;
}

static int load_keys(struct sw_sim *sim, const struct sw_sim_options *options, struct sw_diag *diag)
{
	int err = load_smtp_user(sim, options, diag);
	for (size_t i = 0; i < options->apns_key_count && !err; i++) {
		err = load_apns_key(sim, options->apns_keys[i], diag);
	}
	for (size_t i = 0; i < options->fcm_account_count && !err; i++) {
		err = sw_sim_oauth_load(&sim->oauth, options->fcm_accounts[i], diag);
	}
	for (size_t i = 0; i < options->huawei_client_count && !err; i++) {
		err = sw_sim_huawei_oauth_load(&sim->huawei, options->huawei_clients[i], diag);
	}
	if (!err && options->webhook_secret_file) {
		err = sw_sim_webhook_secrets_load(&sim->webhook_secrets, options->webhook_secret_file, diag);
	}
	return err;
}

static struct sw_sim *sim_new(const struct sw_sim_options *options)
{
	struct sw_sim *sim = sw_xcalloc(1, sizeof(*sim));
	pthread_mutex_init(&sim->lock, NULL);
	pthread_cond_init(&sim->link_gone, NULL);
	sw_sim_records_init(&sim->records, options->record_max);
	sw_sim_faults_init(&sim->faults);
	sw_sim_webpush_subs_init(&sim->webpush_subs);
	sim->apns_team = options->apns_team;
	memcpy(sim->topics, options->topics, sizeof(sim->topics));
	sim->topic_count = options->topic_count;
	sim->smtp_size_max_bytes = options->smtp_size_max_bytes;
	sim->apns_token_window_s = options->apns_token_window_s;
	sim->oauth.expires_in_s = options->oauth_expires_in_s;
	for (int i = 0; i < SW_SIM_SERVICE_COUNT; i++) {
		sim->services[i] = (struct sw_sim_service){.sim = sim, .index = i, .fd = -1};
	}
	return sim;
}

int sw_sim_open(const struct sw_sim_options *options, struct sw_sim **sim_out, struct sw_diag *diag_out)
{
	if (options->record_max < 1 || options->oauth_expires_in_s < 1 || options->apns_token_window_s < 0) {
		return sw_diag_set(diag_out, SW_ECONFIG, "expected at least 1 record and 1 second of token life");
	}
	struct sw_sim *sim = sim_new(options);
	int err = load_keys(sim, options, diag_out);
	err = err ? err : open_services(sim, options, diag_out);
	for (int i = 0; i < SW_SIM_SERVICE_COUNT && !err; i++) {
		struct sw_sim_service *service = &sim->services[i];
		service->started = pthread_create(&service->thread, NULL, run_service, service) == 0;
		err = service->started ? SW_OK : sw_diag_set(diag_out, SW_EIO, "no thread for %s", service_names[i]);
	}
	if (err) {
		sw_sim_close(sim);
		return err;
	}
	*sim_out = sim;
	return SW_OK;
}

struct sw_sim_ports sw_sim_ports(const struct sw_sim *sim)
{
	return (struct sw_sim_ports){.apns = sim->services[SW_SIM_SERVICE_APNS].port,
				     .fcm = sim->services[SW_SIM_SERVICE_FCM].port,
				     .smtp = sim->services[SW_SIM_SERVICE_SMTP].port,
				     .huawei = sim->services[SW_SIM_SERVICE_HUAWEI].port,
				     .webpush = sim->services[SW_SIM_SERVICE_WEBPUSH].port,
				     .webhook = sim->services[SW_SIM_SERVICE_WEBHOOK].port,
				     .control = sim->services[SW_SIM_SERVICE_CONTROL].port};
}

void sw_sim_close(struct sw_sim *sim)
{
	if (!sim) {
		return;
	}
	atomic_store(&sim->stopping, true);
	for (int i = 0; i < SW_SIM_SERVICE_COUNT; i++) {
		if (sim->services[i].started) {
			pthread_join(sim->services[i].thread, NULL);
		}
		if (sim->services[i].fd >= 0) {
			close(sim->services[i].fd);
		}
	}
	pthread_mutex_lock(&sim->lock);
	for (struct sw_sim_link *link = sim->links; link; link = link->next) {
		shutdown(link->conn.fd, SHUT_RDWR);
	}
	while (sim->link_count > 0) {
		pthread_cond_wait(&sim->link_gone, &sim->lock);
	}
	pthread_mutex_unlock(&sim->lock);
	for (int i = 0; i < SW_SIM_SERVICE_COUNT; i++) {
		SSL_CTX_free(sim->services[i].tls);
	}
	for (size_t i = 0; i < sim->apns_key_count; i++) {
		EVP_PKEY_free(sim->apns_keys[i].key);
	}
	sw_sim_oauth_release(&sim->oauth);
	OPENSSL_cleanse(&sim->huawei, sizeof(sim->huawei));
	OPENSSL_cleanse(&sim->webhook_secrets, sizeof(sim->webhook_secrets));
	sw_sim_records_release(&sim->records);
	sw_sim_faults_release(&sim->faults);
	sw_sim_webpush_subs_release(&sim->webpush_subs);
	free(sim->smtp_user);
	sw_free_secret(sim->smtp_password, sim->smtp_password ? strlen(sim->smtp_password) : 0);
	pthread_cond_destroy(&sim->link_gone);
	pthread_mutex_destroy(&sim->lock);
	free(sim);
}
