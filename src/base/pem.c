/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/pem.h>

int sw_pem_no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}
