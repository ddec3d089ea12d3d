/* SPDX-License-Identifier: Apache-2.0 */
/* The older way to be known to APNs: a client certificate that names its topics. Reads them out of it and looks whether
 * its key fits; whom it leads to is Apple's to judge. The connections read the same files for themselves. */
#include "apns_int.h"

#include <surewire/mem.h>
#include <surewire/pem.h>
#include <surewire/provider_config.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PEM_FILE_MAX_BYTES = 64 * 1024, TOPICS_MAX_BYTES = 16 * 1024 };

/* Apple's Certification Practice Statement, WWDR: pairs of a topic and a list of what it is for. */
#define TOPICS_OID "1.2.840.113635.100.6.3.6"

static const char *key_path(const struct sw_provider *provider)
{
	return provider->cert_key_file ? provider->cert_key_file : provider->cert_file;
}

/* ---- files ---- */

static BIO *read_pem(const struct sw_provider_source *source, struct sw_bytes *text_out, struct sw_diag *diag_out)
{
	if (sw_provider_file(source, PEM_FILE_MAX_BYTES, text_out, diag_out)) {
		return NULL;
	}
	return BIO_new_mem_buf(text_out->ptr, (int)text_out->len);
}

static X509 *read_certificate(const struct sw_provider *provider, struct sw_diag *diag_out)
{
	const struct sw_provider_source source = {provider->instance, "cert_file", provider->cert_file, "PEM file"};
	struct sw_bytes text = {NULL, 0};
	BIO *bio = read_pem(&source, &text, diag_out);
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, sw_pem_no_passphrase, NULL) : NULL;
	BIO_free(bio);
	sw_free_secret((void *)text.ptr, text.len);
	if (!x509) {
		sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] cert_file: expected a certificate in PEM form: %s",
			    provider->instance, provider->cert_file);
	}
	return x509;
}

static int check_key(const struct sw_provider *provider, X509 *x509, struct sw_diag *diag_out)
{
	const char *name = provider->cert_key_file ? "cert_key_file" : "cert_file";
	const struct sw_provider_source source = {provider->instance, name, key_path(provider), "PEM file"};
	struct sw_bytes text = {NULL, 0};
	BIO *bio = read_pem(&source, &text, diag_out);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, sw_pem_no_passphrase, NULL) : NULL;
	bool fits = key && X509_check_private_key(x509, key) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	sw_free_secret((void *)text.ptr, text.len);
	return fits ? SW_OK
		    : sw_diag_set(diag_out, SW_ECONFIG,
				  "[push.%s] %s: expected the certificate's private key in PEM form, without "
				  "passphrase: %s",
				  provider->instance, name, source.path);
}

/* ---- topics ---- */

static void put_topic(struct sw_buf *topics, const ASN1_STRING *text)
{
	if (topics->len) {
		sw_buf_put_char(topics, ',');
	}
	sw_buf_put(topics, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

/* SEQUENCE { UTF8String topic, SEQUENCE { UTF8String use, … }, … } */
static void put_listed(struct sw_buf *topics, const ASN1_OCTET_STRING *value)
{
	const unsigned char *der = ASN1_STRING_get0_data(value);
	ASN1_SEQUENCE_ANY *list = d2i_ASN1_SEQUENCE_ANY(NULL, &der, ASN1_STRING_length(value));
	for (int i = 0; list && i < sk_ASN1_TYPE_num(list); i++) {
		const ASN1_TYPE *item = sk_ASN1_TYPE_value(list, i);
		if (item->type == V_ASN1_UTF8STRING) {
			put_topic(topics, item->value.utf8string);
		}
	}
	sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
}

/* The ones listed, or without a list the user id of its subject; nothing when there is neither. */
static void put_topics(struct sw_buf *topics, X509 *x509)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(TOPICS_OID, 1);
	int at = X509_get_ext_by_OBJ(x509, oid, -1);
	ASN1_OBJECT_free(oid);
	if (at >= 0) {
		put_listed(topics, X509_EXTENSION_get_data(X509_get_ext(x509, at)));
		return;
	}
	X509_NAME *subject = X509_get_subject_name(x509);
	at = X509_NAME_get_index_by_NID(subject, NID_userId, -1);
	if (at >= 0) {
		put_topic(topics, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	}
}

static bool are_topics(struct sw_bytes topics)
{
	struct sw_bytes topic;
	bool good = topics.len > 0;
	while (good && sw_provider_next_item(&topics, &topic)) {
		good = sw_apns_is_topic(topic);
	}
	return good;
}

static bool is_listed(struct sw_bytes topics, struct sw_bytes wanted)
{
	struct sw_bytes topic;
	while (sw_provider_next_item(&topics, &topic)) {
		if (sw_bytes_equal(topic, wanted)) {
			return true;
		}
	}
	return false;
}

static bool serves(struct sw_bytes topics, struct sw_bytes app)
{
	struct sw_bytes topic;
	while (sw_provider_next_item(&topics, &topic)) {
		if (sw_apns_is_topic_of(topic, app)) {
			return true;
		}
	}
	return false;
}

/* Every app of the section has a topic in the certificate, be it one with a suffix. */
static int check_apps(const struct sw_provider *provider, struct sw_bytes topics, struct sw_diag *diag_out)
{
	struct sw_bytes rest = sw_bytes_str(provider->topics_text);
	struct sw_bytes app;
	while (sw_provider_next_item(&rest, &app)) {
		if (!serves(topics, app)) {
			return sw_diag_set(diag_out, SW_ECONFIG,
					   "[push.%s] topics: expected topics of the certificate (%.*s), not %.*s",
					   provider->instance, (int)(topics.len > 128 ? 128 : topics.len), topics.ptr,
					   SW_BYTES_FMT(app));
		}
	}
	return SW_OK;
}

/* ---- the certificate ---- */

static int64_t time_ms(const ASN1_TIME *time)
{
	struct tm parts;
	return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) * 1000 : 0;
}

static int take(struct sw_provider *provider, X509 *x509, struct sw_diag *diag_out)
{
	struct sw_buf topics;
	struct sw_apns_certificate fresh = {.not_before_ms = time_ms(X509_get0_notBefore(x509)),
					    .not_after_ms = time_ms(X509_get0_notAfter(x509))};
	unsigned len = sizeof(fresh.fingerprint);
	sw_buf_init(&topics, TOPICS_MAX_BYTES);
	put_topics(&topics, x509);
	int err = SW_OK;
	if (topics.err || !are_topics(sw_buf_bytes(&topics)) ||
	    X509_digest(x509, EVP_sha256(), fresh.fingerprint, &len) != 1) {
		err = sw_diag_set(diag_out, SW_ECONFIG,
				  "[push.%s] cert_file: expected a push certificate of Apple, which names its topics: "
				  "%s",
				  provider->instance, provider->cert_file);
	}
	err = err ? err : check_apps(provider, sw_buf_bytes(&topics), diag_out);
	if (!err) {
		fresh.topics = sw_xstrndup((const char *)topics.ptr, topics.len);
		sw_apns_certificate_release(provider);
		provider->certificate = fresh;
	}
	sw_buf_release(&topics);
	return err;
}

int sw_apns_certificate_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	X509 *x509 = read_certificate(provider, diag_out);
	int err = x509 ? check_key(provider, x509, diag_out) : SW_ECONFIG;
	err = err ? err : take(provider, x509, diag_out);
	X509_free(x509);
	ERR_clear_error();
	return err;
}

void sw_apns_certificate_release(struct sw_provider *provider)
{
	free(provider->certificate.topics);
	provider->certificate.topics = NULL;
}

int sw_apns_certificate_check(const struct sw_provider *provider, const struct sw_apns_push_type *type,
			      struct sw_bytes topic, int64_t now_ms, struct sw_diag *diag_out)
{
	const struct sw_apns_certificate *certificate = &provider->certificate;
	if (now_ms < certificate->not_before_ms || now_ms >= certificate->not_after_ms) {
		return sw_diag_set(diag_out, SW_ECONFIG, "cert_file: expected a certificate that is valid now: %s",
				   now_ms < certificate->not_before_ms ? "it is not yet" : "it has expired");
	}
	if (type->token_only) {
		return sw_diag_set(diag_out, SW_ECONFIG, "push type %s: expected a key, not a certificate", type->name);
	}
	if (!is_listed(sw_bytes_str(certificate->topics), topic)) {
		return sw_diag_set(diag_out, SW_ECONFIG, "push type %s: expected a certificate for the topic %.*s",
				   type->name, SW_BYTES_FMT(topic));
	}
	return SW_OK;
}
