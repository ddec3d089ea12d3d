/* SPDX-License-Identifier: Apache-2.0 */
/* Push certificates such as Apple issues, signed by themselves. */
#ifndef SW_TEST_FIXTURE_CERTIFICATE_H
#define SW_TEST_FIXTURE_CERTIFICATE_H

#include "fixture.h"

struct fixture_certificate {
	const char *uid;           /* of the subject; NULL: none */
	const char *const *topics; /* of extension 1.2.840.113635.100.6.3.6, NULL at the end; NULL: no extension */
	int64_t not_before_s;      /* since the epoch */
	int64_t not_after_s;
};
/* Files NAME (certificate and key), NAME.crt, NAME.key. */
void fixture_certificate(const char *name, const struct fixture_certificate *what);

#endif
