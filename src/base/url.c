/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an http or https address; see url.h. */
#include <surewire/err.h>
#include <surewire/url.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 63, HTTP_PORT = 80, HTTPS_PORT = 443 };

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A name of labels. One whose last label begins with a digit would be read as an IPv4 address in one of its odd
 * spellings: it has to be a plain one. */
static bool is_name(const char *host)
{
	const char *label = host;
	struct in_addr v4;
	for (;;) {
		size_t len = 0;
		while (is_label_char(label[len])) {
			len++;
		}
		if (len == 0 || len > LABEL_MAX || (label[len] != '.' && label[len] != '\0')) {
			return false;
		}
		if (label[len] == '\0') {
			return label[0] < '0' || label[0] > '9' || inet_pton(AF_INET, host, &v4) == 1;
		}
		label += len + 1;
	}
}

/* Lower case, without the brackets of an IPv6 address. */
static bool take_host(struct sw_bytes text, struct sw_url *url)
{
	struct in6_addr v6;
	bool bracket = text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
	if (bracket) {
		text = sw_bytes(text.ptr + 1, text.len - 2);
	}
	if (text.len == 0 || text.len > SW_URL_HOST_MAX) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		url->host[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	url->host[text.len] = '\0';
	if (strlen(url->host) != text.len) {
		return false;
	}
	return bracket ? inet_pton(AF_INET6, url->host, &v6) == 1 : is_name(url->host);
}

static bool take_port(struct sw_bytes text, struct sw_url *url)
{
	uint64_t port = 0;
	if (text.len == 0 || text.ptr[0] == '0' || sw_bytes_to_u64(text, &port) != SW_OK || port > UINT16_MAX) {
		return false;
	}
	url->port = (uint16_t)port;
	return true;
}

/* The colon before the port; NULL when there is none. Those inside brackets are the address's. */
static const uint8_t *find_colon(struct sw_bytes authority)
{
	for (size_t i = authority.len; i-- > 0;) {
		if (authority.ptr[i] == ':') {
			return authority.ptr + i;
		}
		if (authority.ptr[i] == ']') {
			return NULL;
		}
	}
	return NULL;
}

static uint16_t default_port(const struct sw_url *url)
{
	return url->plain ? HTTP_PORT : HTTPS_PORT;
}

static bool take_authority(struct sw_bytes authority, struct sw_url *url)
{
	const uint8_t *colon = find_colon(authority);
	size_t host_len = colon ? (size_t)(colon - authority.ptr) : authority.len;
	url->port = default_port(url);
	if (!take_host(sw_bytes(authority.ptr, host_len), url) ||
	    (colon && !take_port(sw_bytes(colon + 1, authority.len - host_len - 1), url))) {
		return false;
	}
	bool bracket = strchr(url->host, ':') != NULL;
	int len = snprintf(url->origin, sizeof(url->origin), "%s%s%s%s", url->plain ? "http://" : "https://",
			   bracket ? "[" : "", url->host, bracket ? "]" : "");
	if (url->port != default_port(url)) {
		snprintf(url->origin + len, sizeof(url->origin) - (size_t)len, ":%u", url->port);
	}
	return true;
}

/* Of RFC 3986; a fragment is never sent. */
static bool take_path(struct sw_bytes text, struct sw_url *url)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c <= 0x20 || c >= 0x7f || strchr("\"#<>\\^`{|}", c)) {
			return false;
		}
		url->path[i] = (char)c;
	}
	url->path[text.len] = '\0';
	return text.len > 0 && text.ptr[0] == '/';
}

static bool begins(struct sw_bytes text, const char *prefix)
{
	return text.len > strlen(prefix) && memcmp(text.ptr, prefix, strlen(prefix)) == 0;
}

bool sw_url_read(struct sw_bytes text, struct sw_url *url_out)
{
	url_out->plain = begins(text, "http://");
	if ((!url_out->plain && !begins(text, "https://")) || text.len > SW_URL_MAX) {
		return false;
	}
	size_t scheme_len = strlen(url_out->plain ? "http://" : "https://");
	struct sw_bytes rest = sw_bytes(text.ptr + scheme_len, text.len - scheme_len);
	const uint8_t *slash = memchr(rest.ptr, '/', rest.len);
	if (!slash) {
		return false;
	}
	size_t len = (size_t)(slash - rest.ptr);
	return take_authority(sw_bytes(rest.ptr, len), url_out) && take_path(sw_bytes(slash, rest.len - len), url_out);
}
