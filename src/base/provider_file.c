/* SPDX-License-Identifier: Apache-2.0 */
/* Files of credentials that an operator keeps: read with a limit, checked, never shown. */
#include <surewire/provider_config.h>

#include <surewire/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const struct sw_provider_source *source, const char *expected, struct sw_diag *diag_out)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected %s: %s", source->instance, source->key,
			   expected, source->path);
}

/* The descriptor, or -1. */
static int open_source(const struct sw_provider_source *source, struct sw_diag *diag_out)
{
	/* Not blocking: a FIFO by mistake must not stop the loop. */
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		(void)!sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected a readable %s, %s: %s",
				   source->instance, source->key, source->kind, strerror(errno), source->path);
	}
	return fd;
}

static int read_whole(int fd, const struct sw_provider_source *source, size_t bytes_max, struct sw_bytes *text_out,
		      struct sw_diag *diag_out)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 || (size_t)st.st_size > bytes_max) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected a %s of 1 to %zu bytes: %s",
				   source->instance, source->key, source->kind, bytes_max, source->path);
	}
	size_t size = (size_t)st.st_size;
	char *text = sw_xmalloc(size + 1);
	ssize_t got = read(fd, text, size);
	if (got < 0 || (size_t)got != size) {
		sw_free_secret(text, size);
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: cannot read %s", source->instance, source->key,
				   source->path);
	}
	text[size] = '\0';
	*text_out = sw_bytes(text, size);
	return SW_OK;
}

int sw_provider_file(const struct sw_provider_source *source, size_t bytes_max, struct sw_bytes *text_out,
		     struct sw_diag *diag_out)
{
	int fd = open_source(source, diag_out);
	if (fd < 0) {
		return SW_ECONFIG;
	}
	int err = read_whole(fd, source, bytes_max, text_out, diag_out);
	close(fd);
	return err;
}

/* ---- secrets of one line ---- */

/* Without the line end that editors add. */
static int take(const struct sw_provider_source *source, struct sw_bytes text, char *to, struct sw_diag *diag_out)
{
	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
		text.len--;
	}
	if (text.len == 0 || text.len > SW_PROVIDER_SECRET_MAX) {
		return refuse(source, "one line of 1 to 1024 bytes", diag_out);
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
			return refuse(source, "one line without control characters", diag_out);
		}
	}
	memset(to, 0, SW_PROVIDER_SECRET_MAX + 1);
	memcpy(to, text.ptr, text.len);
	return SW_OK;
}

int sw_provider_secret(const char *instance, const char *key, const char *path, char to[SW_PROVIDER_SECRET_MAX + 1],
		       struct sw_diag *diag_out)
{
	enum { READ_MAX = SW_PROVIDER_SECRET_MAX + 3 };
	const struct sw_provider_source source = {instance, key, path, "file"};
	int fd = open_source(&source, diag_out);
	if (fd < 0) {
		return SW_ECONFIG;
	}
	struct stat st;
	char *text = sw_xcalloc(1, READ_MAX);
	ssize_t got = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, READ_MAX) : -1;
	int err = got < 0 ? refuse(&source, "a regular file", diag_out)
			  : take(&source, sw_bytes(text, (size_t)got), to, diag_out);
	close(fd);
	sw_free_secret(text, READ_MAX);
	return err;
}
