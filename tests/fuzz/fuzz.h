/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses share. A harness is a fuzz_<parser>.c with LLVMFuzzerTestOneInput: clang builds it with libFuzzer,
 * every other compiler with replay.c, which feeds files. It checks properties with FUZZ_CHECK, beside what the
 * sanitizers see; the same bytes must always do the same. */
#ifndef SW_FUZZ_H
#define SW_FUZZ_H

#include <surewire/buf.h>
#include <surewire/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(holds)                                        \
	do {                                                     \
		if (!(holds)) {                                  \
			fuzz_broken(#holds, __FILE__, __LINE__); \
		}                                                \
	} while (0)
/* Says which property does not hold, and aborts. */
void fuzz_broken(const char *property, const char *file, int line) __attribute__((noreturn));

/* The first bytes of an input choose options, the rest is what the parser gets. 0 when there are none left. */
uint8_t fuzz_take_u8(struct sw_bytes *input);
uint16_t fuzz_take_u16(struct sw_bytes *input);
/* Everything up to a line feed, which is taken too; or all. */
struct sw_bytes fuzz_take_line(struct sw_bytes *input);

/* On the heap in exactly its size, so that AddressSanitizer sees a read past the end; free. */
uint8_t *fuzz_copy(struct sw_bytes bytes);

/* Where to split an input: a sequence that depends on the input's bytes alone. */
struct fuzz_splits {
	uint32_t state;
};
struct fuzz_splits fuzz_splits_new(struct sw_bytes input);
/* 1 to left. */
size_t fuzz_split(struct fuzz_splits *splits, size_t left);

/* A file without a place on a disk, with a path that can be opened as often as wanted. */
struct fuzz_file {
	int fd;
	char path[32];
};
struct fuzz_file fuzz_file_new(struct sw_bytes contents);
void fuzz_file_close(const struct fuzz_file *file);

bool fuzz_printable(const char *text);
/* Every run that a parser gives lies in what it was given. */
bool fuzz_within(struct sw_bytes part, struct sw_bytes whole);

#endif
