/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts: nothing useful can be promised to anybody without memory. */
#include <surewire/mem.h>

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *ptr, size_t size_bytes)
{
	if (ptr || size_bytes == 0) {
		return ptr;
	}
	static const char line[] = "level=error event=base.out_of_memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)ignored;
	abort();
}

void *sw_xmalloc(size_t size_bytes)
{
	return checked(malloc(size_bytes ? size_bytes : 1), size_bytes);
}

void *sw_xcalloc(size_t count, size_t size_bytes)
{
	return checked(calloc(count ? count : 1, size_bytes ? size_bytes : 1), 1);
}

void *sw_xrealloc(void *ptr, size_t size_bytes)
{
	return checked(realloc(ptr, size_bytes ? size_bytes : 1), size_bytes);
}

char *sw_xstrdup(const char *text)
{
	return sw_xstrndup(text, strlen(text));
}

char *sw_xstrndup(const char *text, size_t len)
{
	char *copy = sw_xmalloc(len + 1);
	if (len) {
		memcpy(copy, text, len);
	}
	copy[len] = '\0';
	return copy;
}

void *sw_xmemdup(const void *ptr, size_t len)
{
	void *copy = sw_xmalloc(len);
	if (len) {
		memcpy(copy, ptr, len);
	}
	return copy;
}

char *sw_xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, fmt);
	int len = vasprintf(&text, fmt, args);
	va_end(args);
	return checked(len < 0 ? NULL : text, 1);
}

void sw_free_secret(void *ptr, size_t len)
{
	if (ptr) {
		OPENSSL_cleanse(ptr, len);
		free(ptr);
	}
}
