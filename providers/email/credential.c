/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's password, from a file. There is nothing to renew: a refusal (535) is for an operator and classified as
 * CONFIG, never as CREDENTIAL. */
#include "email_int.h"

#include <surewire/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const struct sw_provider *provider, const char *expected, struct sw_diag *diag_out)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] password_file: expected %s: %s", provider->instance,
			   expected, provider->password_file);
}

/* Without the line end that editors add. */
static int take(struct sw_provider *provider, const char *text, size_t len, struct sw_diag *diag_out)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
		len--;
	}
	if (len == 0 || len > SW_EMAIL_PASSWORD_MAX) {
		return refuse(provider, "one line of 1 to 1024 bytes", diag_out);
	}
	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) {
			return refuse(provider, "one line without control characters", diag_out);
		}
	}
	memset(provider->password, 0, sizeof(provider->password));
	memcpy(provider->password, text, len);
	return SW_OK;
}

int sw_email_credential_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	enum { READ_MAX = SW_EMAIL_PASSWORD_MAX + 3 };
	if (!provider->password_file) {
		return SW_OK;
	}
	/* Not blocking: a FIFO by mistake must not stop the loop. */
	int fd = open(provider->password_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] password_file: expected a readable file, %s: %s",
				   provider->instance, strerror(errno), provider->password_file);
	}
	struct stat st;
	char *text = sw_xcalloc(1, READ_MAX);
	ssize_t got = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, READ_MAX) : -1;
	int err = got < 0 ? refuse(provider, "a regular file", diag_out) : take(provider, text, (size_t)got, diag_out);
	close(fd);
	sw_free_secret(text, READ_MAX);
	return err;
}

enum sw_credential_state sw_email_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
	return SW_CREDENTIAL_READY;
}

void sw_email_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	/* classify gives no CREDENTIAL, so there is nothing to renew. */
	(void)provider;
	(void)now_ms;
}
