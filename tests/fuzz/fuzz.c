/* SPDX-License-Identifier: Apache-2.0 */
/* See fuzz.h. */
#include "fuzz.h"

#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_broken(const char *property, const char *file, int line)
{
	fprintf(stderr, "%s:%d: expected %s\n", file, line, property);
	abort();
}

uint8_t fuzz_take_u8(struct sw_bytes *input)
{
	if (input->len == 0) {
		return 0;
	}
	uint8_t byte = input->ptr[0];
	*input = sw_bytes(input->ptr + 1, input->len - 1);
	return byte;
}

uint16_t fuzz_take_u16(struct sw_bytes *input)
{
	uint8_t high = fuzz_take_u8(input);
	return (uint16_t)(high << 8 | fuzz_take_u8(input));
}

struct sw_bytes fuzz_take_line(struct sw_bytes *input)
{
	const uint8_t *end = input->len ? memchr(input->ptr, '\n', input->len) : NULL;
	size_t len = end ? (size_t)(end - input->ptr) : input->len;
	size_t used = end ? len + 1 : len;
	struct sw_bytes line = sw_bytes(input->ptr, len);
	*input = sw_bytes(input->ptr + used, input->len - used);
	return line;
}

uint8_t *fuzz_copy(struct sw_bytes bytes)
{
	return sw_xmemdup(bytes.ptr, bytes.len);
}

struct fuzz_splits fuzz_splits_new(struct sw_bytes input)
{
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < input.len; i++) {
		hash = (hash ^ input.ptr[i]) * 16777619U;
	}
	return (struct fuzz_splits){hash | 1};
}

/* Xorshift. Half of the pieces are of one to four bytes: that is where headers are cut. */
size_t fuzz_split(struct fuzz_splits *splits, size_t left)
{
	uint32_t x = splits->state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	splits->state = x;
	size_t most = x & 0x100 ? left : 4;
	size_t piece = 1 + (x >> 9) % (most ? most : 1);
	return piece < left ? piece : left;
}

struct fuzz_file fuzz_file_new(struct sw_bytes contents)
{
	struct fuzz_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
	bool whole = file.fd >= 0 && write(file.fd, contents.ptr, contents.len) == (ssize_t)contents.len;
	if (!whole) {
		perror("memfd");
		abort();
	}
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

void fuzz_file_close(const struct fuzz_file *file)
{
	close(file->fd);
}

bool fuzz_printable(const char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text >= 0x7f) {
			return false;
		}
	}
	return true;
}

bool fuzz_within(struct sw_bytes part, struct sw_bytes whole)
{
	return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}
