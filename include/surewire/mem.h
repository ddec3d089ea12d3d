/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts with a log line when memory is exhausted. Sizes that a peer chooses are capped before. */
#ifndef SUREWIRE_MEM_H
#define SUREWIRE_MEM_H

#include <stddef.h>

void *sw_xmalloc(size_t size_bytes);
void *sw_xcalloc(size_t count, size_t size_bytes);
void *sw_xrealloc(void *ptr, size_t size_bytes);
char *sw_xstrdup(const char *text);
/* Copies exactly len bytes and terminates them. */
char *sw_xstrndup(const char *text, size_t len);
void *sw_xmemdup(const void *ptr, size_t len);
/* printf into a fresh string; the caller frees it. */
char *sw_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Overwrites before freeing: for keys and passwords. NULL is allowed. */
void sw_free_secret(void *ptr, size_t len);

#endif
