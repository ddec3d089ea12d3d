/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for senders that come with a client certificate instead of a token. Who issued it is not asked: any
 * certificate of the form that Apple issues is taken. Pure but for the clock's value. Source: "Establishing a
 * certificate-based connection to APNs". */
#ifndef SW_SIM_APNS_CERTIFICATE_H
#define SW_SIM_APNS_CERTIFICATE_H

#include <openssl/ssl.h>

#include "sim/apns_check.h"

/* From now on clients of the context are asked for a certificate, and need not have one. */
void sw_sim_apns_ask_certificate(SSL_CTX *tls);
/* May the holder push to the topic? An empty topic is MissingTopic when the certificate has more than one. */
struct sw_sim_verdict sw_sim_apns_check_certificate(X509 *certificate, struct sw_bytes topic, int64_t now_s);

#endif
