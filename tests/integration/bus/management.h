/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests do to the broker from outside, over its management API (RabbitMQ: HTTP API). A failure fails the
 * test. */
#ifndef TEST_BUS_MANAGEMENT_H
#define TEST_BUS_MANAGEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* base_url: http://user:pass@host:port */
void management_open(const char *base_url);
void management_close(void);
void management_create_vhost(const char *vhost, const char *user);
void management_delete_vhost(const char *vhost);
/* arguments: a JSON object. */
void management_declare_queue(const char *vhost, const char *queue, const char *arguments);
void management_delete_queue(const char *vhost, const char *queue);
/* Closes every connection whose client-provided name is this; waits until there is one (10 s). */
void management_close_connection(const char *client_name);

#endif
