/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture_certificate.h"

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ASN1_TYPE *utf8(const char *text)
{
	ASN1_UTF8STRING *string = ASN1_UTF8STRING_new();
	assert(ASN1_STRING_set(string, text, -1) == 1);
	ASN1_TYPE *type = ASN1_TYPE_new();
	ASN1_TYPE_set(type, V_ASN1_UTF8STRING, string);
	return type;
}

/* A SEQUENCE of the list, which is used up. */
static ASN1_TYPE *sequence(ASN1_SEQUENCE_ANY *list)
{
	unsigned char *der = NULL;
	int len = i2d_ASN1_SEQUENCE_ANY(list, &der);
	assert(len > 0);
	ASN1_STRING *string = ASN1_STRING_new();
	ASN1_STRING_set0(string, der, len);
	ASN1_TYPE *type = ASN1_TYPE_new();
	ASN1_TYPE_set(type, V_ASN1_SEQUENCE, string);
	sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
	return type;
}

static void add_topics(X509 *x509, const char *const *topics)
{
	ASN1_SEQUENCE_ANY *list = sk_ASN1_TYPE_new_null();
	for (; *topics; topics++) {
		ASN1_SEQUENCE_ANY *uses = sk_ASN1_TYPE_new_null();
		sk_ASN1_TYPE_push(uses, utf8("app"));
		sk_ASN1_TYPE_push(list, utf8(*topics));
		sk_ASN1_TYPE_push(list, sequence(uses));
	}
	ASN1_TYPE *whole = sequence(list);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(value, whole->value.sequence->data, whole->value.sequence->length);
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113635.100.6.3.6", 1);
	X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	assert(X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(value);
	ASN1_TYPE_free(whole);
}

static X509 *issue(EVP_PKEY *key, const struct fixture_certificate *what)
{
	X509 *x509 = X509_new();
	X509_NAME *subject = X509_get_subject_name(x509);
	X509_set_version(x509, X509_VERSION_3);
	ASN1_TIME_set(X509_getm_notBefore(x509), what->not_before_s);
	ASN1_TIME_set(X509_getm_notAfter(x509), what->not_after_s);
	X509_set_pubkey(x509, key);
	if (what->uid) {
		X509_NAME_add_entry_by_NID(subject, NID_userId, MBSTRING_UTF8, (const unsigned char *)what->uid, -1, -1,
					   0);
	}
	X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)"Apple Push Services",
				   -1, -1, 0);
	X509_set_issuer_name(x509, subject);
	if (what->topics) {
		add_topics(x509, what->topics);
	}
	assert(X509_sign(x509, key, EVP_sha256()) > 0);
	return x509;
}

static void write_file(const char *name, const char *suffix, const X509 *x509, EVP_PKEY *key)
{
	char file[128];
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	snprintf(file, sizeof(file), "%s%s", name, suffix);
	assert(!x509 || PEM_write_bio_X509(bio, x509) == 1);
	assert(!key || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	long len = BIO_get_mem_data(bio, &text);
	fixture_write(file, text, (size_t)len);
	BIO_free(bio);
}

void fixture_certificate(const char *name, const struct fixture_certificate *what)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = issue(key, what);
	write_file(name, "", x509, key);
	write_file(name, ".crt", x509, NULL);
	write_file(name, ".key", NULL, key);
	X509_free(x509);
	EVP_PKEY_free(key);
}
