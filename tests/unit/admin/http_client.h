/* SPDX-License-Identifier: Apache-2.0 */
/* One request over a fresh connection, blocking; the whole answer as text. */
#ifndef SW_TEST_HTTP_CLIENT_H
#define SW_TEST_HTTP_CLIENT_H

#include <stdint.h>

enum { HTTP_ANSWER_MAX = 262144 };

struct http_answer {
	int status;
	const char *body; /* into text */
	char text[HTTP_ANSWER_MAX];
};

/* headers: lines ended by CR LF, or "". Fails the test when there is no HTTP answer. */
void http_ask(uint16_t port, const char *method, const char *path, const char *headers, struct http_answer *answer_out);
/* The two halves of it: a connected socket that has sent the request, and reading until its end. */
int http_send(uint16_t port, const char *method, const char *path, const char *headers);
void http_receive(int fd, struct http_answer *answer_out);

#endif
