/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of providers, and the key or account file they name. Input: a byte that chooses the provider, lines
 * "key=value" up to an empty one, then the file's contents; every *_file key names that file, or with a value that
 * begins with "@" a good one. Properties: a refusal names section and key; what is opened can be reloaded, encodes or
 * says why not, and its endpoint can be used. */
#include "fuzz.h"

#include <surewire/log.h>
#include <surewire/provider.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 32, TEXT_MAX = 256 };

static const struct sw_provider_ops *const providers[] = {&sw_provider_apns,   &sw_provider_fcm,
							  &sw_provider_email,  &sw_provider_webpush,
							  &sw_provider_huawei, &sw_provider_webhook};
#define SUBSCRIPTION                                                                                      \
	"{\"endpoint\":\"https://push.example/1\",\"keys\":{\"p256dh\":\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-" \
	"JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\",\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}"
static const char *const tokens[] = {"00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0",
				     "token:1",
				     "a@b.example",
				     SUBSCRIPTION,
				     "IQAAAA-token",
				     "https://hooks.example/1"};
enum { PROVIDERS = sizeof(providers) / sizeof(providers[0]) };

struct section {
	char keys[KEYS_MAX][TEXT_MAX];
	char values[KEYS_MAX][TEXT_MAX];
	size_t count;
	const char *given_path;
	const char *good_path;
};

static const char *get(const struct sw_provider_config *config, const char *key)
{
	const struct section *section = config->ctx;
	for (size_t i = 0; i < section->count; i++) {
		size_t len = strlen(key);
		if (strcmp(section->keys[i], key) != 0) {
			continue;
		}
		if (len > 5 && strcmp(key + len - 5, "_file") == 0) {
			return section->values[i][0] == '@' ? section->good_path : section->given_path;
		}
		return section->values[i];
	}
	return NULL;
}

static void copy_text(struct sw_bytes from, char to[TEXT_MAX])
{
	size_t len = from.len < TEXT_MAX ? from.len : TEXT_MAX - 1;
	memcpy(to, from.ptr, len);
	to[len] = '\0';
}

static void read_section(struct sw_bytes *input, struct section *section)
{
	while (input->len && section->count < KEYS_MAX) {
		struct sw_bytes line = fuzz_take_line(input);
		const uint8_t *equals = line.len ? memchr(line.ptr, '=', line.len) : NULL;
		if (line.len == 0) {
			return;
		}
		if (equals) {
			size_t len = (size_t)(equals - line.ptr);
			copy_text(sw_bytes(line.ptr, len), section->keys[section->count]);
			copy_text(sw_bytes(equals + 1, line.len - len - 1), section->values[section->count++]);
		}
	}
}

/* A push certificate of the key, for all time. */
static void put_certificate(BIO *bio, EVP_PKEY *key)
{
	X509 *x509 = X509_new();
	X509_NAME *subject = X509_get_subject_name(x509);
	ASN1_TIME_set(X509_getm_notBefore(x509), 0);
	ASN1_TIME_set(X509_getm_notAfter(x509), INT32_MAX);
	X509_set_pubkey(x509, key);
	X509_NAME_add_entry_by_NID(subject, NID_userId, MBSTRING_UTF8, (const unsigned char *)"org.example.chat", -1,
				   -1, 0);
	X509_sign(x509, key, EVP_sha256());
	PEM_write_bio_X509(bio, x509);
	X509_free(x509);
}

/* Fresh at every start: which key it is does not matter to any property. */
static struct fuzz_file good_file(const struct sw_provider_ops *ops)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	EVP_PKEY *key = ops == &sw_provider_fcm ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	if (ops == &sw_provider_apns) {
		put_certificate(bio, key);
	}
	BIO_write(bio, "", 1);
	BIO_get_mem_data(bio, &text);
	json_t *account = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "service_account", "client_email",
				    "a@b.example", "private_key_id", "1", "project_id", "demo", "private_key", text);
	char *json = json_dumps(account, 0);
	const char *contents = ops == &sw_provider_fcm                                 ? json
			     : ops == &sw_provider_email || ops == &sw_provider_huawei ? "secret"
			     : ops == &sw_provider_webhook ? "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"
							   : text;
	struct fuzz_file file = fuzz_file_new(sw_bytes_str(contents));
	free(json);
	json_decref(account);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return file;
}

static void check_endpoint(const struct sw_endpoint *endpoint)
{
	FUZZ_CHECK(endpoint->host[0] && endpoint->port > 0);
	FUZZ_CHECK(endpoint->connections_max >= 1 && endpoint->connections_max <= 64);
	FUZZ_CHECK(endpoint->answer_timeout_ms > 0);
	FUZZ_CHECK(!endpoint->username == !endpoint->password);
}

static void try_encode(const struct sw_provider_ops *ops, struct sw_provider *provider, const char *token)
{
	struct sw_arena arena;
	struct sw_send send = {.endpoint = NULL};
	struct sw_diag diag = {""};
	struct sw_push_target target = {.token = sw_bytes_str(token)};
	struct sw_notification notification = {.title = sw_bytes_str("t"), .body = sw_bytes_str("b"), .badge = -1};
	sw_arena_init(&arena);
	FUZZ_CHECK(ops->check_token(target.token, NULL) == SW_OK);
	if (ops->encode(provider, &target, &notification, 1000, &arena, &send, &diag) == SW_OK) {
		check_endpoint(send.endpoint);
	} else {
		FUZZ_CHECK(diag.text[0]);
	}
	FUZZ_CHECK(ops->reload(provider, &diag) == SW_OK);
	sw_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file good[PROVIDERS];
	struct sw_bytes input = sw_bytes(data, size);
	unsigned which = fuzz_take_u8(&input) % PROVIDERS;
	const struct sw_provider_ops *ops = providers[which];
	if (!good[which].path[0]) {
		good[which] = good_file(ops);
	}
	sw_log_set_level(SW_LOG_ERROR);
	struct section section = {.good_path = good[which].path};
	read_section(&input, &section);
	struct fuzz_file given = fuzz_file_new(input);
	section.given_path = given.path;
	struct sw_provider_config config = {.instance = "one", .get = get, .ctx = &section};
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {""};
	int err = ops->open(&config, &provider, &diag);
	if (err == SW_OK) {
		try_encode(ops, provider, tokens[which]);
	} else {
		FUZZ_CHECK(err == SW_ECONFIG && !provider && strncmp(diag.text, "[push.one] ", 11) == 0);
	}
	ops->close(provider);
	fuzz_file_close(&given);
	return 0;
}
