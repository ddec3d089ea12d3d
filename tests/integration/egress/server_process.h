/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are not ours, as child processes of a test: started, waited for, stopped. A tool that is missing
 * fails the test. */
#ifndef SW_TESTS_EGRESS_SERVER_PROCESS_H
#define SW_TESTS_EGRESS_SERVER_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct server_process {
	pid_t pid;
	uint16_t port;
	char dir[256]; /* of the certificates */
};

/* A fresh directory with certificates (make_certs.sh), removed by certs_remove. */
void certs_make(char *dir_out, size_t size);
void certs_remove(const char *dir);
/* Starts a script of this folder; it prints "PORT n" as its first line. argv ends with NULL and is added after the
 * directory of the certificates and the port ("0": any). */
void server_start(struct server_process *server, const char *interpreter, const char *script, const char *dir,
		  uint16_t port, const char *const *argv);
/* nghttpd with a document root of its own; answers when this returns. */
void server_start_nghttpd(struct server_process *server, const char *dir, int streams_max);
void server_stop(struct server_process *server);
/* A port nobody listens on at the moment. */
uint16_t free_port(void);

#endif
