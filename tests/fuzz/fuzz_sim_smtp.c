/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and mails to the SMTP stand-in. Input: a command line, then a DATA stream. Properties: addresses keep their
 * bound; the text of DATA is the same at every split, and stuffed again it is the same text; a mail that is judged
 * good has its parts within the text. */
#include "fuzz.h"

#include "sim/mail_check.h"
#include "sim/smtp_parse.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 1 << 22 };

static void try_command(struct sw_bytes line)
{
	static const char *const keywords[] = {"FROM:", "TO:"};
	char verb[16];
	struct sw_bytes rest;
	uint8_t *copy = fuzz_copy(line);
	struct sw_bytes text = sw_bytes(copy, line.len);
	sw_sim_smtp_split(text, verb, &rest);
	FUZZ_CHECK(strlen(verb) < sizeof(verb) && fuzz_within(rest, text));
	for (size_t i = 0; i < 2; i++) {
		struct sw_sim_smtp_path path;
		if (sw_sim_smtp_parse_path(rest, keywords[i], &path) == SW_OK) {
			FUZZ_CHECK(strlen(path.address) <= SW_SIM_ADDRESS_MAX && !strpbrk(path.address, "<> \r\n"));
			FUZZ_CHECK(path.address[0] ? strchr(path.address, '@') != NULL : i == 0);
		}
	}
	free(copy);
}

/* Gives the bytes used; they are fewer than all, or the last ones ended it. */
static size_t read_data(struct sw_bytes in, bool split, struct sw_buf *text, bool *done_out)
{
	struct sw_sim_smtp_data state = {.state = SW_SIM_DATA_LINE_START};
	struct fuzz_splits splits = fuzz_splits_new(in);
	size_t at = 0;
	while (at < in.len && !sw_sim_smtp_data_done(&state)) {
		size_t piece = split ? fuzz_split(&splits, in.len - at) : in.len - at;
		uint8_t *copy = fuzz_copy(sw_bytes(in.ptr + at, piece));
		at += sw_sim_smtp_data_feed(&state, sw_bytes(copy, piece), text);
		free(copy);
	}
	*done_out = sw_sim_smtp_data_done(&state);
	return at;
}

/* RFC 5321, section 4.5.2, from the sender's side. */
static void stuff(struct sw_bytes text, struct sw_buf *out)
{
	bool starts = true;
	for (size_t i = 0; i < text.len; i++) {
		if (starts && text.ptr[i] == '.') {
			sw_buf_put_char(out, '.');
		}
		sw_buf_put_u8(out, text.ptr[i]);
		starts = text.ptr[i] == '\n' && i > 0 && text.ptr[i - 1] == '\r';
	}
	sw_buf_put_str(out, starts ? ".\r\n" : "\r\n.\r\n");
}

static void check_stuffing(struct sw_bytes text)
{
	struct sw_buf stuffed;
	struct sw_buf again;
	bool done;
	sw_buf_init(&stuffed, TEXT_BYTES_MAX);
	sw_buf_init(&again, TEXT_BYTES_MAX);
	stuff(text, &stuffed);
	FUZZ_CHECK(read_data(sw_buf_bytes(&stuffed), true, &again, &done) == stuffed.len && done);
	FUZZ_CHECK(again.len >= text.len && again.len <= text.len + 2);
	FUZZ_CHECK(text.len == 0 || memcmp(again.ptr, text.ptr, text.len) == 0);
	sw_buf_release(&stuffed);
	sw_buf_release(&again);
}

/* Nothing but CR LF "." CR LF ends a text: whatever else did would smuggle a second mail in. */
static void check_end(struct sw_bytes used)
{
	FUZZ_CHECK(used.len >= 3 && memcmp(used.ptr + used.len - 3, ".\r\n", 3) == 0);
	FUZZ_CHECK(used.len == 3 || (used.len >= 5 && memcmp(used.ptr + used.len - 5, "\r\n", 2) == 0));
}

static void try_mail(struct sw_bytes text)
{
	struct sw_sim_mail mail = {.header_count = 0};
	struct sw_diag diag = {""};
	if (sw_sim_mail_check(text, true, true, &mail, &diag) == SW_OK) {
		FUZZ_CHECK(mail.header_count <= SW_SIM_MAIL_HEADERS_MAX && fuzz_within(mail.body, text));
		FUZZ_CHECK(fuzz_within(sw_sim_mail_header(&mail, "from"), text));
	} else {
		FUZZ_CHECK(diag.text[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes in = sw_bytes(data, size);
	struct sw_buf whole;
	struct sw_buf split;
	bool whole_done;
	bool split_done;
	try_command(fuzz_take_line(&in));
	sw_buf_init(&whole, TEXT_BYTES_MAX);
	sw_buf_init(&split, TEXT_BYTES_MAX);
	size_t used = read_data(in, false, &whole, &whole_done);
	FUZZ_CHECK(used == read_data(in, true, &split, &split_done));
	FUZZ_CHECK(whole_done == split_done && sw_bytes_equal(sw_buf_bytes(&whole), sw_buf_bytes(&split)));
	if (whole_done) {
		check_end(sw_bytes(in.ptr, used));
		check_stuffing(sw_buf_bytes(&whole));
		try_mail(sw_buf_bytes(&whole));
	}
	sw_buf_release(&whole);
	sw_buf_release(&split);
	return 0;
}
