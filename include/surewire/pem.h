/* SPDX-License-Identifier: Apache-2.0 */
/* For OpenSSL's readers of PEM: where they are given no callback they would ask for a passphrase on the terminal, and hang
 * a daemon. Pure. */
#ifndef SUREWIRE_PEM_H
#define SUREWIRE_PEM_H

/* A pem_password_cb that has none: an encrypted key is then one that cannot be read. */
int sw_pem_no_passphrase(char *buf, int size, int rwflag, void *ctx);

#endif
