/* SPDX-License-Identifier: Apache-2.0 */
#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int http_send(uint16_t port, const char *method, const char *path, const char *headers)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	char request[2048];
	int len = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method,
			   path, headers);
	assert_true(len > 0 && (size_t)len < sizeof(request));
	assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
	return fd;
}

void http_receive(int fd, struct http_answer *answer_out)
{
	size_t len = 0;
	ssize_t n;
	while (len + 1 < sizeof(answer_out->text) &&
	       (n = recv(fd, answer_out->text + len, sizeof(answer_out->text) - 1 - len, 0)) > 0) {
		len += (size_t)n;
	}
	close(fd);
	answer_out->text[len] = '\0';
	assert_int_equal(strncmp(answer_out->text, "HTTP/1.1 ", 9), 0);
	answer_out->status = (int)strtol(answer_out->text + 9, NULL, 10);
	const char *body = strstr(answer_out->text, "\r\n\r\n");
	assert_non_null(body);
	answer_out->body = body + 4;
}

void http_ask(uint16_t port, const char *method, const char *path, const char *headers, struct http_answer *answer_out)
{
	http_receive(http_send(port, method, path, headers), answer_out);
}
