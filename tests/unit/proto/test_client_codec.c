/* SPDX-License-Identifier: Apache-2.0 */
/* What clients may write, and the code and text that answers each thing they may not. */
#include "proto/client_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CID "0b0a0f0e-1111-4222-8333-444455556666"
enum { BODY_MAX = 100 };

struct parsed {
	struct sw_client_frame frame;
	struct sw_diag diag;
	enum sw_error_code error;
};

static struct parsed parse(const char *text)
{
	struct parsed p = {.error = SW_ERROR_NONE};
	p.error = sw_client_frame_parse(sw_bytes_str(text), BODY_MAX, &p.frame, &p.diag);
	return p;
}

/* NULL: any text will do, as long as there is one. */
static void expect(const char *text, enum sw_error_code error, const char *diag)
{
	struct parsed p = parse(text);
	if (p.error != error || (diag && strcmp(p.diag.text, diag) != 0) || (error && !p.diag.text[0])) {
		fail_msg("%s\n  gave %s \"%s\", expected %s \"%s\"", text, sw_error_code(p.error), p.diag.text,
			 sw_error_code(error), diag ? diag : "(any)");
	}
	sw_client_frame_release(&p.frame);
}

/* ---- good frames ---- */

static void hello__all_fields__read(void **state)
{
	(void)state;
	struct parsed p = parse(
		"{\"t\":\"hello\",\"token\":\"a.b.c\",\"device\":\"phone-1\",\"cursor\":\"118\",\"new\":[1]}");
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_int_equal(p.frame.type, SW_FRAME_HELLO);
	assert_true(sw_bytes_equal_str(p.frame.as.hello.token, "a.b.c"));
	assert_true(sw_bytes_equal_str(p.frame.as.hello.device, "phone-1"));
	assert_int_equal(p.frame.as.hello.cursor, 118);
	assert_true(p.frame.as.hello.active);
	sw_client_frame_release(&p.frame);
	p = parse("{\"t\":\"hello\",\"token\":\"x\",\"device\":\"d\",\"state\":\"away\"}");
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_int_equal(p.frame.as.hello.cursor, -1);
	assert_false(p.frame.as.hello.active);
	sw_client_frame_release(&p.frame);
}

static void send__to_a_user__read_with_defaults(void **state)
{
	(void)state;
	struct parsed p = parse("{\"t\":\"send\",\"cid\":\"" CID "\",\"to\":{\"user\":\"bob\"},"
				"\"body\":{ \"text\" : \"h\\u00e4\" , \"n\":1},\"colour\":\"red\"}");
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_int_equal(p.frame.type, SW_FRAME_SEND);
	const struct sw_send_frame *send = &p.frame.as.send;
	char cid[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(&send->cid, cid);
	assert_string_equal(cid, CID);
	assert_true(sw_bytes_equal_str(send->to_user, "bob"));
	assert_int_equal(send->to_conv, 0);
	assert_true(sw_bytes_equal_str(send->kind, "text"));
	assert_true(sw_bytes_equal_str(send->body, "{\"text\":\"h\xc3\xa4\",\"n\":1}"));
	assert_true(sw_bytes_equal_str(send->preview, "h\xc3\xa4"));
	assert_int_equal(send->title.len, 0);
	assert_true(sw_bytes_equal_str(p.frame.cid, CID));
	sw_client_frame_release(&p.frame);
}

static void send__to_a_conversation_with_alert__read(void **state)
{
	(void)state;
	struct parsed p = parse(
		"{\"t\":\"send\",\"cid\":\"" CID "\",\"to\":{\"conv\":\"123456789012345678\"},"
		"\"kind\":\"x.y-z_1\",\"body\":{\"k\":true},\"alert\":{\"title\":\"T\",\"body\":\"B\"}}");
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_true(p.frame.as.send.to_conv == 123456789012345678);
	assert_int_equal(p.frame.as.send.to_user.len, 0);
	assert_true(sw_bytes_equal_str(p.frame.as.send.kind, "x.y-z_1"));
	assert_true(sw_bytes_equal_str(p.frame.as.send.title, "T"));
	assert_true(sw_bytes_equal_str(p.frame.as.send.preview, "B"));
	sw_client_frame_release(&p.frame);
}

static void send_parse__over_http_without_t__read(void **state)
{
	(void)state;
	struct sw_client_frame frame;
	struct sw_diag diag = {0};
	assert_int_equal(sw_client_send_parse(sw_bytes_str("{\"cid\":\"" CID "\",\"to\":{\"user\":\"bob\"},"
							   "\"body\":{\"text\":\"x\"}}"),
					      BODY_MAX, &frame, &diag),
			 SW_ERROR_NONE);
	assert_int_equal(frame.type, SW_FRAME_SEND);
	sw_client_frame_release(&frame);
	assert_int_equal(sw_client_send_parse(sw_bytes_str("[]"), BODY_MAX, &frame, &diag), SW_ERROR_BAD_JSON);
	sw_client_frame_release(&frame);
}

static void ack_and_presence__read(void **state)
{
	(void)state;
	struct parsed p = parse("{\"t\":\"ack\",\"pos\":\"120\"}");
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_int_equal(p.frame.as.ack.pos, 120);
	sw_client_frame_release(&p.frame);
	p = parse("{\"t\":\"ack\",\"pos\":7}");
	assert_int_equal(p.frame.as.ack.pos, 7);
	sw_client_frame_release(&p.frame);
	p = parse("{\"t\":\"presence\",\"state\":\"away\"}");
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_int_equal(p.frame.type, SW_FRAME_PRESENCE);
	assert_false(p.frame.as.presence.active);
	sw_client_frame_release(&p.frame);
	p = parse("{\"t\":\"alert_ack\",\"alert\":\"77\"}");
	assert_int_equal(p.frame.type, SW_FRAME_ALERT_ACK);
	assert_int_equal(p.frame.as.alert_ack.alert, 77);
	sw_client_frame_release(&p.frame);
	p = parse("{\"t\":\"presence\",\"state\":\"active\"}");
	assert_true(p.frame.as.presence.active);
	sw_client_frame_release(&p.frame);
}

/* ---- faulty frames ---- */

static void frame__not_one_json_object__bad_json(void **state)
{
	(void)state;
	static const char *const texts[] = {"",     "{",    "null",    "[]",      "\"x\"",    "1",
					    "{}{}", "{} x", "{\"t\"}", "{'t':1}", "\xff\xfe", "{\"t\":\"\xff\"}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		expect(texts[i], SW_ERROR_BAD_JSON, NULL);
	}
	expect("[]", SW_ERROR_BAD_JSON, "frame: expected one JSON object");
}

static void frame__nested_to_the_limit_and_beyond__taken_or_refused(void **state)
{
	(void)state;
	for (int depth = SW_FRAME_DEPTH_MAX - 1; depth <= SW_FRAME_DEPTH_MAX + 1; depth++) {
		char text[512] = "{\"t\":\"ack\",\"pos\":\"1\",\"x\":";
		size_t len = strlen(text);
		for (int i = 0; i < depth - 1; i++) { /* the frame itself is a level */
			text[len++] = '[';
		}
		for (int i = 0; i < depth - 1; i++) {
			text[len++] = ']';
		}
		text[len++] = '}';
		text[len] = '\0';
		expect(text, depth > SW_FRAME_DEPTH_MAX ? SW_ERROR_BAD_JSON : SW_ERROR_NONE, NULL);
	}
}

static void frame__cut_at_every_byte__bad_json(void **state)
{
	(void)state;
	static const char text[] = "{\"t\":\"send\",\"cid\":\"" CID
				   "\",\"to\":{\"user\":\"bob\"},\"body\":{\"text\":\"x\"}}";
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct sw_client_frame frame;
		struct sw_diag diag = {0};
		assert_int_equal(sw_client_frame_parse(sw_bytes(text, len), BODY_MAX, &frame, &diag),
				 SW_ERROR_BAD_JSON);
		sw_client_frame_release(&frame);
	}
}

struct fault {
	const char *text;
	enum sw_error_code error;
	const char *diag;
};

static void expect_all(const struct fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect(faults[i].text, faults[i].error, faults[i].diag);
	}
}

static void frame__faulty_type_hello_ack_or_presence__says_which_field(void **state)
{
	(void)state;
	static const char t[] = "t: expected hello, send, ack, presence or alert_ack";
	static const char token[] = "token: expected a JWT as string";
	static const char device[] = "device: expected a device id as string";
	static const char cursor[] = "cursor: expected a decimal number as string";
	static const char pos[] = "pos: expected a decimal number as string";
	static const char presence[] = "state: expected \"active\" or \"away\"";
#define HELLO "{\"t\":\"hello\",\"token\":\"x\",\"device\":\"d\",\"cursor\":"
	static const struct fault faults[] = {
		{"{}", SW_ERROR_BAD_FRAME, t},
		{"{\"t\":7}", SW_ERROR_BAD_FRAME, t},
		{"{\"t\":\"\"}", SW_ERROR_BAD_FRAME, t},
		{"{\"t\":\"edit\"}", SW_ERROR_UNKNOWN_TYPE, t},
		{"{\"t\":\"SEND\"}", SW_ERROR_UNKNOWN_TYPE, t},
		{"{\"t\":\"hello\",\"device\":\"d\"}", SW_ERROR_BAD_FRAME, token},
		{"{\"t\":\"hello\",\"token\":1,\"device\":\"d\"}", SW_ERROR_BAD_FRAME, token},
		{"{\"t\":\"hello\",\"token\":\"x\"}", SW_ERROR_BAD_FRAME, device},
		{"{\"t\":\"hello\",\"token\":\"x\",\"device\":\"\"}", SW_ERROR_BAD_FRAME, device},
		{HELLO "\"-1\"}", SW_ERROR_BAD_FRAME, cursor},
		{HELLO "-1}", SW_ERROR_BAD_FRAME, cursor},
		{HELLO "1.5}", SW_ERROR_BAD_FRAME, cursor},
		{HELLO "null}", SW_ERROR_BAD_FRAME, cursor},
		{HELLO "\"\"}", SW_ERROR_BAD_FRAME, cursor},
		{HELLO "\"9223372036854775808\"}", SW_ERROR_BAD_FRAME, cursor},
		{HELLO "\"9223372036854775807\"}", SW_ERROR_NONE, NULL},
		{"{\"t\":\"ack\"}", SW_ERROR_BAD_FRAME, pos},
		{"{\"t\":\"ack\",\"pos\":\"+1\"}", SW_ERROR_BAD_FRAME, pos},
		{"{\"t\":\"ack\",\"pos\":true}", SW_ERROR_BAD_FRAME, pos},
		{"{\"t\":\"presence\"}", SW_ERROR_BAD_FRAME, presence},
		{"{\"t\":\"presence\",\"state\":\"asleep\"}", SW_ERROR_BAD_FRAME, presence},
	};
	expect_all(faults, sizeof(faults) / sizeof(faults[0]));
}

#define SEND(cid, to, rest) "{\"t\":\"send\",\"cid\":" cid ",\"to\":" to rest "}"
#define GOOD_CID "\"" CID "\""
#define GOOD_TO "{\"user\":\"bob\"}"
#define GOOD_BODY ",\"body\":{\"text\":\"x\"}"

static void send__faulty_cid_kind_or_target__says_which_field(void **state)
{
	(void)state;
	static const char cid[] = "cid: expected a UUID, 36 characters";
	static const char kind[] =
		"kind: expected 1 to 32 of a-z 0-9 _ - ., not created and nothing that begins with surewire.";
	static const char to[] = "to: expected {\"user\":NAME} or {\"conv\":ID}";
	static const char conv[] = "to.conv: expected a conversation id as string";
	static const struct fault faults[] = {
		{"{\"t\":\"send\"}", SW_ERROR_BAD_FRAME, cid},
		{SEND("7", GOOD_TO, GOOD_BODY), SW_ERROR_BAD_FRAME, cid},
		{SEND("\"\"", GOOD_TO, GOOD_BODY), SW_ERROR_BAD_FRAME, cid},
		{SEND("\"0b0a0f0e-1111-4222-8333-44445555666\"", GOOD_TO, GOOD_BODY), SW_ERROR_BAD_FRAME, cid},
		{SEND("\"0b0a0f0e-1111-4222-8333-4444555566667\"", GOOD_TO, GOOD_BODY), SW_ERROR_BAD_FRAME, cid},
		{SEND("\"0b0a0f0e-1111-4222-8333-44445555666g\"", GOOD_TO, GOOD_BODY), SW_ERROR_BAD_FRAME, cid},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"\""), SW_ERROR_BAD_FRAME, kind},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":5"), SW_ERROR_BAD_FRAME, kind},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"Text\""), SW_ERROR_BAD_FRAME, kind},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"created\""), SW_ERROR_BAD_FRAME, kind},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"surewire.alert\""), SW_ERROR_BAD_FRAME, kind},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"a23456789012345678901234567890123\""),
		 SW_ERROR_BAD_FRAME, kind},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"a2345678901234567890123456789012\""), SW_ERROR_NONE,
		 NULL},
		{"{\"t\":\"send\",\"cid\":" GOOD_CID GOOD_BODY "}", SW_ERROR_BAD_FRAME, to},
		{SEND(GOOD_CID, "\"bob\"", GOOD_BODY), SW_ERROR_BAD_FRAME, to},
		{SEND(GOOD_CID, "{}", GOOD_BODY), SW_ERROR_BAD_FRAME, to},
		{SEND(GOOD_CID, "{\"user\":\"\"}", GOOD_BODY), SW_ERROR_BAD_FRAME, to},
		{SEND(GOOD_CID, "{\"user\":\"bob\",\"conv\":\"1\"}", GOOD_BODY), SW_ERROR_BAD_FRAME, to},
		{SEND(GOOD_CID, "{\"conv\":\"0\"}", GOOD_BODY), SW_ERROR_BAD_FRAME, conv},
		{SEND(GOOD_CID, "{\"conv\":\"x\"}", GOOD_BODY), SW_ERROR_BAD_FRAME, conv},
		{SEND(GOOD_CID, "{\"conv\":null}", GOOD_BODY), SW_ERROR_BAD_FRAME, conv},
	};
	expect_all(faults, sizeof(faults) / sizeof(faults[0]));
}

static void send__faulty_body_or_alert__says_which_field(void **state)
{
	(void)state;
	static const char text[] = "body: expected {\"text\":…} that is not empty";
	static const struct fault faults[] = {
		{SEND(GOOD_CID, GOOD_TO, ""), SW_ERROR_EMPTY_BODY, "body: expected a JSON object"},
		{SEND(GOOD_CID, GOOD_TO, ",\"body\":\"x\""), SW_ERROR_BAD_FRAME, "body: expected a JSON object"},
		{SEND(GOOD_CID, GOOD_TO, ",\"body\":{}"), SW_ERROR_EMPTY_BODY, text},
		{SEND(GOOD_CID, GOOD_TO, ",\"body\":{\"text\":\"\"}"), SW_ERROR_EMPTY_BODY, text},
		{SEND(GOOD_CID, GOOD_TO, ",\"body\":{\"txet\":\"x\"}"), SW_ERROR_EMPTY_BODY, text},
		{SEND(GOOD_CID, GOOD_TO, ",\"body\":{},\"kind\":\"k\""), SW_ERROR_EMPTY_BODY, "body: expected members"},
		{SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"alert\":\"x\""), SW_ERROR_BAD_FRAME,
		 "alert: expected {\"title\":…,\"body\":…}"},
	};
	expect_all(faults, sizeof(faults) / sizeof(faults[0]));
}

static void send__body_at_and_over_the_limit__taken_or_too_large(void **state)
{
	(void)state;
	for (int len = BODY_MAX - 1; len <= BODY_MAX + 1; len++) { /* compact, spaces do not count */
		char text[400];
		int filler = len - (int)strlen("{\"text\":\"\"}");
		snprintf(text, sizeof(text), SEND(GOOD_CID, GOOD_TO, ",\"body\":{   \"text\" : \"%0*d\"}"), filler, 0);
		expect(text, len > BODY_MAX ? SW_ERROR_TOO_LARGE : SW_ERROR_NONE,
		       len > BODY_MAX ? "body: expected at most 100 bytes, got 101" : NULL);
	}
}

static void send__long_title_and_preview__cut_between_characters(void **state)
{
	(void)state;
	char text[4000] = SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"alert\":{\"title\":\"x");
	text[strlen(text) - 1] = '\0'; /* the macro's own brace */
	for (int i = 0; i < 100; i++) {
		strncat(text, "\xc3\xa4", sizeof(text) - strlen(text) - 1);
	}
	strncat(text, "\",\"body\":\"", sizeof(text) - strlen(text) - 1);
	for (int i = 0; i < 400; i++) {
		strncat(text, "\xe2\x82\xac", sizeof(text) - strlen(text) - 1);
	}
	strncat(text, "\"}}", sizeof(text) - strlen(text) - 1);
	struct parsed p = parse(text);
	assert_int_equal(p.error, SW_ERROR_NONE);
	assert_int_equal(p.frame.as.send.title.len, 127);
	assert_int_equal(p.frame.as.send.preview.len, 510);
	sw_client_frame_release(&p.frame);
}

#define MENTIONS(value) \
	"{\"t\":\"send\",\"cid\":\"" CID "\",\"to\":{\"user\":\"bob\"},\"body\":{\"text\":\"x\"}" value "}"

static struct sw_uuid content_of(const char *text, size_t *count_out)
{
	struct parsed p = parse(text);
	assert_int_equal(p.error, SW_ERROR_NONE);
	struct sw_uuid content = p.frame.as.send.content;
	*count_out = json_array_size(p.frame.as.send.mentions);
	sw_client_frame_release(&p.frame);
	return content;
}

static void send__mentions__names_that_are_part_of_the_content(void **state)
{
	(void)state;
	size_t count;
	struct sw_uuid without = content_of(MENTIONS(""), &count);
	assert_int_equal(count, 0);
	struct sw_uuid empty = content_of(MENTIONS(",\"mentions\":[]"), &count);
	assert_true(sw_uuid_equal(&without, &empty));
	struct sw_uuid one = content_of(MENTIONS(",\"mentions\":[\"bobcarol\"]"), &count);
	assert_int_equal(count, 1);
	struct sw_uuid two = content_of(MENTIONS(",\"mentions\":[\"bob\",\"carol\"]"), &count);
	assert_int_equal(count, 2);
	assert_false(sw_uuid_equal(&without, &one) || sw_uuid_equal(&one, &two));
	static const char text[] = "mentions: expected an array of user names as strings";
	expect(MENTIONS(",\"mentions\":\"bob\""), SW_ERROR_BAD_FRAME, text);
	expect(MENTIONS(",\"mentions\":{}"), SW_ERROR_BAD_FRAME, text);
	expect(MENTIONS(",\"mentions\":[\"bob\",null]"), SW_ERROR_BAD_FRAME, text);
}

static void get_time__as_it_is_written__or_not_at_all(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t at_ms;
	} good[] = {{"1970-01-01T00:00:00Z", 0},
		    {"2026-11-24T05:00:00.123Z", 1795496400123},
		    {"2026-11-24T05:00:00.1239Z", 1795496400123},
		    {"2026-11-24T05:00:00.1Z", 1795496400100}};
	static const char *const bad[] = {"",
					  "2026-11-24",
					  "2026-11-24T05:00:00",
					  "2026-11-24T05:00:00+01:00",
					  "2026-11-24T05:00:00.Z",
					  "2026-11-24T25:00:00Z",
					  "2026-11-24T05:00:00Zx",
					  "1969-12-31T23:59:59Z",
					  "2026-11-24T05:00:00.00000000000000000000Z"};
	int64_t at_ms;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(sw_get_time(sw_bytes_str(good[i].text), &at_ms));
		assert_int_equal(at_ms, good[i].at_ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(sw_get_time(sw_bytes_str(bad[i]), &at_ms));
	}
	assert_false(sw_get_time(sw_bytes(NULL, 0), &at_ms));
}

static void faulty_send__its_cid__is_given_for_the_answer(void **state)
{
	(void)state;
	struct parsed p = parse(SEND(GOOD_CID, "{}", GOOD_BODY));
	assert_int_equal(p.error, SW_ERROR_BAD_FRAME);
	assert_true(sw_bytes_equal_str(p.frame.cid, CID));
	sw_client_frame_release(&p.frame);
	p = parse(SEND("\"0b0a0f0e-1111-4222-8333-444455556666-too-long-to-be-echoed\"", GOOD_TO, GOOD_BODY));
	assert_int_equal(p.error, SW_ERROR_BAD_FRAME);
	assert_int_equal(p.frame.cid.len, 0);
	sw_client_frame_release(&p.frame);
}

/* ---- the hash of the content ---- */

static struct sw_uuid content(const char *text)
{
	struct parsed p = parse(text);
	assert_int_equal(p.error, SW_ERROR_NONE);
	struct sw_uuid hash = p.frame.as.send.content;
	sw_client_frame_release(&p.frame);
	return hash;
}

static void content__anything_different__another_hash(void **state)
{
	(void)state;
	static const char *const texts[] = {
		SEND(GOOD_CID, GOOD_TO, GOOD_BODY),
		SEND(GOOD_CID, "{\"user\":\"bo\"}", GOOD_BODY),
		SEND(GOOD_CID, "{\"conv\":\"5\"}", GOOD_BODY),
		SEND(GOOD_CID, "{\"conv\":\"6\"}", GOOD_BODY),
		SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"kind\":\"note\""),
		SEND(GOOD_CID, GOOD_TO, ",\"body\":{\"text\":\"y\"}"),
		SEND(GOOD_CID, GOOD_TO, ",\"body\":{\"text\":\"x\",\"more\":1}"),
		SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"alert\":{\"title\":\"T\"}"),
		SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"alert\":{\"body\":\"T\"}"),
		/* A byte may not wander from the title to the text unseen. */
		SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"alert\":{\"title\":\"a|b\",\"body\":\"c\"}"),
		SEND(GOOD_CID, GOOD_TO, GOOD_BODY ",\"alert\":{\"title\":\"a\",\"body\":\"b|c\"}"),
	};
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
	struct sw_uuid hashes[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		hashes[i] = content(texts[i]);
		for (size_t k = 0; k < i; k++) {
			if (sw_uuid_equal(&hashes[i], &hashes[k])) {
				fail_msg("the same hash:\n%s\n%s", texts[i], texts[k]);
			}
		}
	}
}

static void content__repeat_written_otherwise__the_same_hash(void **state)
{
	(void)state;
	struct sw_uuid a = content(SEND(GOOD_CID, GOOD_TO, GOOD_BODY));
	struct sw_uuid b = content("{ \"body\" : {\"text\":\"\\u0078\"} , \"to\":{\"user\":\"bob\"},\"kind\":\"text\","
				   "\"t\":\"send\",\"unknown\":1,\"cid\":\"11111111-1111-4111-8111-111111111111\"}");
	assert_true(sw_uuid_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello__all_fields__read),
		cmocka_unit_test(send__to_a_user__read_with_defaults),
		cmocka_unit_test(send__to_a_conversation_with_alert__read),
		cmocka_unit_test(send_parse__over_http_without_t__read),
		cmocka_unit_test(ack_and_presence__read),
		cmocka_unit_test(frame__not_one_json_object__bad_json),
		cmocka_unit_test(frame__nested_to_the_limit_and_beyond__taken_or_refused),
		cmocka_unit_test(frame__cut_at_every_byte__bad_json),
		cmocka_unit_test(frame__faulty_type_hello_ack_or_presence__says_which_field),
		cmocka_unit_test(send__faulty_cid_kind_or_target__says_which_field),
		cmocka_unit_test(send__faulty_body_or_alert__says_which_field),
		cmocka_unit_test(send__body_at_and_over_the_limit__taken_or_too_large),
		cmocka_unit_test(send__long_title_and_preview__cut_between_characters),
		cmocka_unit_test(send__mentions__names_that_are_part_of_the_content),
		cmocka_unit_test(get_time__as_it_is_written__or_not_at_all),
		cmocka_unit_test(faulty_send__its_cid__is_given_for_the_answer),
		cmocka_unit_test(content__anything_different__another_hash),
		cmocka_unit_test(content__repeat_written_otherwise__the_same_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
