/* SPDX-License-Identifier: Apache-2.0 */
/* Topics are in extension 1.2.840.113635.100.6.3.6 as a SEQUENCE of UTF8String and of what each is for, or the one topic
 * is the subject's user id. */
#include "sim/apns_certificate.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <string.h>
#include <time.h>

static const unsigned char session_context[] = "surewire sim";

/* The certificate is looked at when a request comes: so the answer has a reason that can be read. */
static int take_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

void sw_sim_apns_ask_certificate(SSL_CTX *tls)
{
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, take_any);
	SSL_CTX_set_session_id_context(tls, session_context, sizeof(session_context) - 1);
}

/* Calls for each topic listed. Walks the DER itself; what is malformed ends the walk. */
struct walk {
	struct sw_bytes wanted;
	int count;
	bool found;
};

static void visit(struct walk *walk, const unsigned char *text, long len)
{
	walk->count++;
	walk->found = walk->found || sw_bytes_equal(sw_bytes(text, (size_t)len), walk->wanted);
}

static void walk_list(struct walk *walk, const unsigned char *der, long len)
{
	long size;
	int tag;
	int class;
	const unsigned char *end = der + len;
	if ((ASN1_get_object(&der, &size, &tag, &class, len) & 0x80) || tag != V_ASN1_SEQUENCE) {
		return;
	}
	while (der < end) {
		if (ASN1_get_object(&der, &size, &tag, &class, end - der) & 0x80) {
			return;
		}
		if (tag == V_ASN1_UTF8STRING) {
			visit(walk, der, size);
		}
		der += size;
	}
}

static void walk_topics(struct walk *walk, X509 *certificate)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113635.100.6.3.6", 1);
	int at = X509_get_ext_by_OBJ(certificate, oid, -1);
	ASN1_OBJECT_free(oid);
	if (at >= 0) {
		const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
		walk_list(walk, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
		return;
	}
	X509_NAME *subject = X509_get_subject_name(certificate);
	at = X509_NAME_get_index_by_NID(subject, NID_userId, -1);
	if (at >= 0) {
		const ASN1_STRING *uid = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
		visit(walk, ASN1_STRING_get0_data(uid), ASN1_STRING_length(uid));
	}
}

struct sw_sim_verdict sw_sim_apns_check_certificate(X509 *certificate, struct sw_bytes topic, int64_t now_s)
{
	time_t now = (time_t)now_s;
	struct walk walk = {.wanted = topic};
	walk_topics(&walk, certificate);
	bool in_time = X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
		       X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
	if (walk.count == 0 || !in_time) {
		return (struct sw_sim_verdict){403, "BadCertificate"};
	}
	if (topic.len == 0) {
		return walk.count > 1 ? (struct sw_sim_verdict){400, "MissingTopic"}
				      : (struct sw_sim_verdict){200, NULL};
	}
	return walk.found ? (struct sw_sim_verdict){200, NULL} : (struct sw_sim_verdict){400, "TopicDisallowed"};
}
