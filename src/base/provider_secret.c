/* SPDX-License-Identifier: Apache-2.0 */
/* A secret that an operator keeps in a file of one line: read with a limit, checked, never shown. */
#include <surewire/provider_config.h>

#include <surewire/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct source {
	const char *instance;
	const char *key;
	const char *path;
};

static int refuse(const struct source *source, const char *expected, struct sw_diag *diag_out)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected %s: %s", source->instance, source->key,
			   expected, source->path);
}

/* Without the line end that editors add. */
static int take(const struct source *source, struct sw_bytes text, char *to, struct sw_diag *diag_out)
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
	const struct source source = {instance, key, path};
	/* Not blocking: a FIFO by mistake must not stop the loop. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected a readable file, %s: %s", instance,
				   key, strerror(errno), path);
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
