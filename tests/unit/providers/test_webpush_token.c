/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a subscription as the device token of Web Push, and what is read out of its endpoint. */
#include "webpush/webpush_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENDPOINT "https://push.example/send/abc"
#define P256DH "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define KEYS "\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}"

static void check_token__forms_that_browsers_give__accepted(void **state)
{
	(void)state;
	static const char *const good[] = {
		"{\"endpoint\":\"" ENDPOINT "\",\"expirationTime\":null," KEYS "}",
		"{\"endpoint\":\"" ENDPOINT "\",\"expirationTime\":1790000000000," KEYS "}",
		"{\"endpoint\":\"" ENDPOINT "\"," KEYS "}",
		"{" KEYS ",\"endpoint\":\"" ENDPOINT "\",\"options\":{\"userVisibleOnly\":true}}",
		" {\n \"endpoint\": \"" ENDPOINT "\",\n " KEYS "\n}\n",
		"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" P256DH "=\",\"auth\":\"" AUTH "==\"}}",
		"{\"endpoint\":\"https://wns2-by3p.notify.windows.com/w/?token=BQYAAAB%2f%2bq\"," KEYS "}",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct sw_diag diag = {0};
		assert_int_equal(sw_provider_webpush.check_token(sw_bytes_str(good[i]), &diag), SW_OK);
		assert_string_equal(diag.text, "");
	}
}

static void check_token__anything_else__says_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *token;
		const char *text;
	} rows[] = {
		{"", "the JSON object"},
		{"x", "the JSON object"},
		{"null", "the JSON object"},
		{"[]", "the JSON object"},
		{"{\"a\":[[[[[1]]]]]}", "the JSON object"},
		{"{\"endpoint\":\"" ENDPOINT "\"," KEYS "} x", "the JSON object"},
		{"{\"endpoint\":\"" ENDPOINT "\",\"endpoint\":\"https://b.example/\"," KEYS "}", "the JSON object"},
		{"{" KEYS "}", "\"endpoint\""},
		{"{\"endpoint\":7," KEYS "}", "\"endpoint\""},
		{"{\"endpoint\":\"" ENDPOINT "\"}", "\"keys.p256dh\", an uncompressed"},
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":[]}", "\"keys.p256dh\", an uncompressed"},
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"BCVx\",\"auth\":\"" AUTH "\"}}",
		 "\"keys.p256dh\", an uncompressed"},
		/* compressed */
		{"{\"endpoint\":\"" ENDPOINT
		 "\",\"keys\":{\"p256dh\":\"AiVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx\",\"auth\":\"" AUTH "\"}}",
		 "\"keys.p256dh\", an uncompressed"},
		/* not uncompressed by its first byte */
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"BiVxsr7N_eNgVRqvHtD0zTZsEc6-VV-"
		 "JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\",\"auth\":\"" AUTH "\"}}",
		 "\"keys.p256dh\", an uncompressed"},
		/* one bit off the curve */
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-"
		 "JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw8\",\"auth\":\"" AUTH "\"}}",
		 "\"keys.p256dh\", a point on the curve"},
		/* (0, 0) */
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"auth\":\"" AUTH "\"}}",
		 "\"keys.p256dh\", a point on the curve"},
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" P256DH "\"}}", "\"keys.auth\""},
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" P256DH
		 "\",\"auth\":\"BTBZMqHH6r4Tts7J_aSI\"}}",
		 "\"keys.auth\""},
		{"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "AA\"}}",
		 "\"keys.auth\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_diag diag = {0};
		assert_int_equal(sw_provider_webpush.check_token(sw_bytes_str(rows[i].token), &diag), SW_EINVAL);
		if (!strstr(diag.text, rows[i].text)) {
			fail_msg("row %zu: %s", i, diag.text);
		}
		assert_null(strstr(diag.text, "BTBZ")); /* a secret is not quoted */
	}
}

static int check_endpoint(const char *endpoint)
{
	char token[8192];
	snprintf(token, sizeof(token), "{\"endpoint\":\"%s\"," KEYS "}", endpoint);
	return sw_provider_webpush.check_token(sw_bytes_str(token), NULL);
}

static void check_token__endpoints_that_are_no_plain_https_address__refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"http://push.example/x",
		"HTTPS://push.example/x",
		"//push.example/x",
		"ftp://push.example/x",
		"https:/push.example/x",
		"https://",
		"https:///x",
		"https://push.example",
		"https://push.example?x",
		"https://push.example#x",
		"https://push.example/x#y",
		"https://user@push.example/x",
		"https://user:pw@push.example/x",
		"https://push.example:0/x",
		"https://push.example:/x",
		"https://push.example:65536/x",
		"https://push.example:0443/x",
		"https://push.example:44a/x",
		"https://push.example:443:443/x",
		"https://push.example./x",
		"https://.push.example/x",
		"https://push..example/x",
		"https://push_*.example/x",
		"https://pu%73h.example/x",
		"https://push.ex\xc3\xa4mple/x",
		"https://push.example/a b",
		"https://push.example/a\\\\b",
		"https://push.example/a\\nb",
		"https://push.example/a\\u0000b",
		"https://push\\u0000.example/ab",
		"https://push.example/\xc3\xa4",
		"https://push.example/<>",
		/* IPv4 in the spellings of inet_aton, which resolvers take */
		"https://2130706433/x",
		"https://0x7f000001/x",
		"https://0x7f.1/x",
		"https://127.1/x",
		"https://0177.0.0.1/x",
		"https://127.0.0.1.1/x",
		"https://a.1/x",
		"https://[::1/x",
		"https://::1]/x",
		"https://[::1]a/x",
		"https://[::1]:0/x",
		"https://[fe80::1%25eth0]/x",
		"https://[]/x",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (check_endpoint(bad[i]) != SW_EINVAL) {
			fail_msg("accepted: %s", bad[i]);
		}
	}
}

static void check_token__limits_of_lengths__exact(void **state)
{
	(void)state;
	char endpoint[SW_URL_MAX + 2];
	char token[SW_WEBPUSH_TOKEN_MAX + 2];
	memset(endpoint, 'x', sizeof(endpoint));
	memcpy(endpoint, ENDPOINT "/", sizeof(ENDPOINT));
	endpoint[SW_URL_MAX] = '\0';
	assert_int_equal(check_endpoint(endpoint), SW_OK);
	endpoint[SW_URL_MAX] = 'x';
	endpoint[SW_URL_MAX + 1] = '\0';
	assert_int_equal(check_endpoint(endpoint), SW_EINVAL);
	int len = snprintf(token, sizeof(token), "{\"endpoint\":\"" ENDPOINT "\"," KEYS "}");
	memset(token + len, ' ', sizeof(token) - (size_t)len);
	assert_int_equal(sw_provider_webpush.check_token(sw_bytes(token, SW_WEBPUSH_TOKEN_MAX), NULL), SW_OK);
	assert_int_equal(sw_provider_webpush.check_token(sw_bytes(token, SW_WEBPUSH_TOKEN_MAX + 1), NULL), SW_EINVAL);
}

static void check_token__longest_host__accepted(void **state)
{
	(void)state;
	char endpoint[512] = "https://";
	char *to = endpoint + strlen(endpoint);
	for (int i = 0; i < 4; i++) { /* three labels of 63 and one of 61, with dots 253 */
		int len = i < 3 ? 63 : 61;
		memset(to, 'a', (size_t)len);
		to += len;
		*to++ = i < 3 ? '.' : '/';
	}
	*to = '\0';
	assert_int_equal(check_endpoint(endpoint), SW_OK);
	memmove(to - 1 + 1, to - 1, 2); /* one more in the last label */
	to[-1] = 'a';
	assert_int_equal(check_endpoint(endpoint), SW_EINVAL);
	char label[128] = "https://";
	memset(label + 8, 'a', 64);
	memcpy(label + 72, ".example/x", 11);
	assert_int_equal(check_endpoint(label), SW_EINVAL);
}

static void read__endpoint__origin_host_port_and_path(void **state)
{
	(void)state;
	static const struct {
		const char *endpoint;
		const char *origin;
		const char *host;
		uint16_t port;
		const char *path;
	} rows[] = {
		{"https://push.example/a/b?c=d", "https://push.example", "push.example", 443, "/a/b?c=d"},
		{"https://Push.EXAMPLE/A", "https://push.example", "push.example", 443, "/A"},
		{"https://push.example:443/a", "https://push.example", "push.example", 443, "/a"},
		{"https://push.example:8443/", "https://push.example:8443", "push.example", 8443, "/"},
		{"https://192.0.2.1:8443/a", "https://192.0.2.1:8443", "192.0.2.1", 8443, "/a"},
		{"https://[2001:DB8::1]/a", "https://[2001:db8::1]", "2001:db8::1", 443, "/a"},
		{"https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443", "2001:db8::1", 8443, "/a"},
		{"https://localhost:65535/a", "https://localhost:65535", "localhost", 65535, "/a"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char token[1024];
		struct sw_webpush_subscription sub;
		snprintf(token, sizeof(token), "{\"endpoint\":\"%s\"," KEYS "}", rows[i].endpoint);
		assert_int_equal(sw_webpush_subscription_read(sw_bytes_str(token), &sub, NULL), SW_OK);
		assert_string_equal(sub.url.origin, rows[i].origin);
		assert_string_equal(sub.url.host, rows[i].host);
		assert_int_equal(sub.url.port, rows[i].port);
		assert_string_equal(sub.url.path, rows[i].path);
	}
}

static void check_token__every_prefix__refused(void **state)
{
	(void)state;
	static const char token[] = "{\"endpoint\":\"" ENDPOINT "\"," KEYS "}";
	for (size_t len = 0; len < sizeof(token) - 1; len++) {
		assert_int_equal(sw_provider_webpush.check_token(sw_bytes(token, len), NULL), SW_EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_token__forms_that_browsers_give__accepted),
		cmocka_unit_test(check_token__anything_else__says_what_was_expected),
		cmocka_unit_test(check_token__endpoints_that_are_no_plain_https_address__refused),
		cmocka_unit_test(check_token__limits_of_lengths__exact),
		cmocka_unit_test(check_token__longest_host__accepted),
		cmocka_unit_test(read__endpoint__origin_host_port_and_path),
		cmocka_unit_test(check_token__every_prefix__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
