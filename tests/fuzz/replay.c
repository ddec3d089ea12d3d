/* SPDX-License-Identifier: Apache-2.0 */
/* main() of a harness without libFuzzer: feeds every file of the folders in its arguments, by name. What fails is
 * named before it runs, so that the last line says where a crash was. No folder or no file at all is a failure. */
#include "fuzz.h"

#include <surewire/mem.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 4 << 20 };

static void feed(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = sw_xmalloc(FILE_BYTES_MAX);
	size_t size = file ? fread(data, 1, FILE_BYTES_MAX, file) : 0;
	if (!file || ferror(file) || !feof(file)) {
		fprintf(stderr, "%s: expected a file of at most %d bytes\n", path, FILE_BYTES_MAX);
		exit(1);
	}
	fclose(file);
	printf("%s (%zu bytes)\n", path, size);
	fflush(stdout);
	/* Exactly its size, as libFuzzer gives it. */
	data = sw_xrealloc(data, size);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int feed_folder(const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, is_shown, alphasort);
	if (count < 0) {
		perror(folder);
		exit(1);
	}
	for (int i = 0; i < count; i++) {
		char *path = sw_xasprintf("%s/%s", folder, names[i]->d_name);
		feed(path);
		free(path);
		free(names[i]);
	}
	free(names);
	return count;
}

int main(int argc, char **argv)
{
	int fed = 0;
	for (int i = 1; i < argc; i++) {
		fed += feed_folder(argv[i]);
	}
	if (fed == 0) {
		fprintf(stderr, "usage: %s FOLDER…, with files in them\n", argv[0]);
		return 1;
	}
	printf("%d inputs\n", fed);
	return 0;
}
