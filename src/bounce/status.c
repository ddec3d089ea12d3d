/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of fields, blank lines between them; the first is about the mail as a whole. A field may be folded. */
#include "bounce/report.h"

#include <stdio.h>
#include <string.h>

/* One recipient's fields; folded lines are cut at their end, which only costs text. */
struct group {
	struct sw_bytes action, status, diagnostic;
};

static struct sw_bytes trim(struct sw_bytes text)
{
	while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text = sw_bytes(text.ptr + 1, text.len - 1);
	}
	while (text.len && strchr(" \t\r\n", text.ptr[text.len - 1])) {
		text.len--;
	}
	return text;
}

static struct sw_bytes take_line(struct sw_bytes *rest)
{
	const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	size_t used = end ? len + 1 : len;
	struct sw_bytes line = sw_bytes(rest->ptr, len && rest->ptr[len - 1] == '\r' ? len - 1 : len);
	*rest = sw_bytes(rest->ptr + used, rest->len - used);
	return line;
}

static void take_field(struct sw_bytes line, struct group *group)
{
	static const char *const names[] = {"action", "status", "diagnostic-code"};
	struct sw_bytes *const values[] = {&group->action, &group->status, &group->diagnostic};
	const uint8_t *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
	if (!colon) {
		return;
	}
	struct sw_bytes name = trim(sw_bytes(line.ptr, (size_t)(colon - line.ptr)));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (sw_bytes_equal_nocase(name, names[i]) && !values[i]->len) {
			*values[i] = trim(sw_bytes(colon + 1, line.len - (size_t)(colon + 1 - line.ptr)));
		}
	}
}

/* "5.1.1 (bad destination)": the number alone; "" when it is none. */
static void take_status(struct sw_bytes text, char to[static 12])
{
	char copy[16] = "";
	unsigned class, subject, detail;
	int used = 0;
	memcpy(copy, text.ptr ? (const char *)text.ptr : "", text.len < sizeof(copy) - 1 ? text.len : sizeof(copy) - 1);
	to[0] = '\0';
	if (sscanf(copy, "%1u.%3u.%3u%n", &class, &subject, &detail, &used) == 3 &&
	    (class == 2 || class == 4 || class == 5)) {
		snprintf(to, 12, "%u.%u.%u", class, subject, detail);
	}
}

/* "failed (by the administrator)" is failed, too. */
static bool is_word(struct sw_bytes text, const char *word)
{
	size_t len = strlen(word);
	return text.len >= len && sw_bytes_equal_nocase(sw_bytes(text.ptr, len), word) &&
	       (text.len == len || strchr(" \t(", text.ptr[len]));
}

static bool action_of(struct sw_bytes text, enum sw_bounce_action *action_out)
{
	static const struct {
		const char *word;
		enum sw_bounce_action action;
	} words[] = {{"failed", SW_BOUNCE_FAILED},
		     {"delayed", SW_BOUNCE_DELAYED},
		     {"delivered", SW_BOUNCE_ARRIVED},
		     {"relayed", SW_BOUNCE_ARRIVED},
		     {"expanded", SW_BOUNCE_ARRIVED}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is_word(text, words[i].word)) {
			*action_out = words[i].action;
			return true;
		}
	}
	return false;
}

/* Of several recipients (the address was expanded on the way) one whom it reached decides, then one who failed. */
static bool decides(enum sw_bounce_action action, enum sw_bounce_action before)
{
	return action == SW_BOUNCE_ARRIVED ? before != SW_BOUNCE_ARRIVED
					   : action == SW_BOUNCE_FAILED && before == SW_BOUNCE_DELAYED;
}

static void take_group(const struct group *group, bool *known, struct sw_bounce_report *report)
{
	enum sw_bounce_action action;
	if (!action_of(group->action, &action) || (*known && !decides(action, report->action))) {
		return;
	}
	*known = true;
	report->action = action;
	take_status(group->status, report->status);
	sw_bytes_printable(group->diagnostic, report->text, sizeof(report->text));
}

int sw_bounce_status_read(struct sw_bytes part, struct sw_bounce_report *report_out)
{
	struct group group = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	bool known = false;
	while (part.len) {
		struct sw_bytes line = take_line(&part);
		if (trim(line).len == 0) {
			take_group(&group, &known, report_out);
			group = (struct group){{NULL, 0}, {NULL, 0}, {NULL, 0}};
		} else if (line.ptr[0] != ' ' && line.ptr[0] != '\t') {
			take_field(line, &group);
		}
	}
	take_group(&group, &known, report_out);
	return known ? SW_OK : SW_EPARSE;
}

const char *sw_bounce_keeps(const struct sw_bounce_report *report)
{
	static const struct {
		const char *status, *why;
	} rows[] = {
#define SW_BOUNCE_KEPT(status, why) {status, why},
#include "bounce/kept.def"
#undef SW_BOUNCE_KEPT
	};
	if (report->action != SW_BOUNCE_FAILED) {
		return report->action == SW_BOUNCE_DELAYED ? "delayed" : "it arrived";
	}
	if (report->status[0] != '5') {
		return "RFC 3463 2: not a permanent failure";
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strcspn(rows[i].status, "*");
		bool whole = rows[i].status[len] == '\0';
		if (whole ? strcmp(report->status, rows[i].status) == 0
			  : strncmp(report->status, rows[i].status, len) == 0) {
			return rows[i].why;
		}
	}
	return NULL;
}
