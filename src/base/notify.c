/* SPDX-License-Identifier: Apache-2.0 */
/* What providers that write a notification as JSON check and derive alike. */
#include <surewire/notify.h>

#include <surewire/json.h>

#include <stdio.h>
#include <string.h>

enum { COLLAPSE_MAX_BYTES = 64, NAME_MAX_BYTES = 64 };

bool sw_push_token_is_word(struct sw_bytes token, size_t bytes_max)
{
	bool good = token.len > 0 && token.len <= bytes_max;
	for (size_t i = 0; good && i < token.len; i++) {
		uint8_t c = token.ptr[i];
		good = c > 0x20 && c < 0x7f && c != '"' && c != '\\';
	}
	return good;
}

static int check_data(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (n->data_count > SW_PUSH_DATA_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "data: expected at most %d values", SW_PUSH_DATA_MAX);
	}
	for (size_t i = 0; i < n->data_count; i++) {
		const char *name = n->data[i].name;
		size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
				  : 0;
		if (len == 0 || len > NAME_MAX_BYTES || name[len] != '\0') {
			return sw_diag_set(diag_out, SW_EINVAL,
					   "data: expected names of 1 to 64 letters, digits, '_', '.' and '-'");
		}
		for (size_t before = 0; before < i; before++) {
			if (strcmp(n->data[before].name, name) == 0) {
				return sw_diag_set(diag_out, SW_EINVAL, "data %s: expected each name once", name);
			}
		}
		if (!sw_json_is_text(n->data[i].value)) {
			return sw_diag_set(diag_out, SW_EINVAL, "data %s: expected UTF-8", name);
		}
	}
	return SW_OK;
}

static int check_loc(const struct sw_push_loc *loc, struct sw_diag *diag_out)
{
	if (loc->arg_count > SW_PUSH_LOC_ARGS_MAX || (loc->arg_count && loc->key.len == 0)) {
		return sw_diag_set(diag_out, SW_EINVAL, "localised text: expected a key and at most %d arguments",
				   SW_PUSH_LOC_ARGS_MAX);
	}
	bool good = sw_json_is_text(loc->key);
	for (size_t i = 0; good && i < loc->arg_count; i++) {
		good = sw_json_is_text(loc->args[i]);
	}
	return good ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "localised text: expected UTF-8");
}

static bool is_color(struct sw_bytes color)
{
	bool good = color.len == 7 && color.ptr[0] == '#';
	for (size_t i = 1; good && i < color.len; i++) {
		uint8_t c = color.ptr[i];
		good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
	}
	return good || color.len == 0;
}

static bool is_https(struct sw_bytes address)
{
	static const char scheme[] = "https://";
	enum { SCHEME_LEN = sizeof(scheme) - 1, ADDRESS_MAX_BYTES = 2048 };
	return address.len == 0 || (address.len > SCHEME_LEN && memcmp(address.ptr, scheme, SCHEME_LEN) == 0 &&
				    sw_push_token_is_word(address, ADDRESS_MAX_BYTES));
}

/* Texts that stand in the message as they are, and are never cut. */
static int check_names(const struct sw_notification *n, struct sw_diag *diag_out)
{
	const struct {
		const char *name;
		struct sw_bytes text;
	} rows[] = {
		{"subtitle", n->subtitle},
		{"thread", n->thread},
		{"category", n->category},
		{"target content", n->apple.target_content},
		{"filter", n->apple.filter},
		{"attributes type", n->apple.activity.attributes_type},
		{"channel", n->android.channel},
		{"tag", n->android.tag},
		{"click action", n->android.click_action},
		{"icon", n->android.icon},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!sw_json_is_text(rows[i].text)) {
			return sw_diag_set(diag_out, SW_EINVAL, "%s: expected UTF-8", rows[i].name);
		}
	}
	return SW_OK;
}

static bool is_up_to(int value, int last)
{
	return value >= 0 && value <= last;
}

static int check_ranges(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (!is_up_to((int)n->priority, SW_PUSH_PRIORITY_HIGH) ||
	    !is_up_to((int)n->interruption, SW_PUSH_INTERRUPTION_CRITICAL) ||
	    !is_up_to((int)n->apple.activity.event, SW_APPLE_ACTIVITY_END) ||
	    !is_up_to((int)n->android.visibility, SW_ANDROID_VISIBILITY_SECRET)) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "priority, interruption, activity and visibility: expected a known value");
	}
	if (n->relevance_percent > 100 || n->apple.critical_volume_percent > 100) {
		return sw_diag_set(diag_out, SW_EINVAL, "relevance and critical volume: expected at most 100 percent");
	}
	if (!is_https(n->image)) {
		return sw_diag_set(diag_out, SW_EINVAL, "image: expected an https address");
	}
	return is_color(n->android.color)
		     ? SW_OK
		     : sw_diag_set(diag_out, SW_EINVAL, "colour: expected \"#\" and six hex digits");
}

int sw_notification_check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (!sw_json_is_text(n->title) || !sw_json_is_text(n->body) || !sw_json_is_text(n->sound)) {
		return sw_diag_set(diag_out, SW_EINVAL, "title, body and sound: expected UTF-8");
	}
	if (n->kind == SW_PUSH_ALERT && n->title.len == 0 && n->body.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "an alert: expected a title or a body");
	}
	for (size_t i = 0; i < n->collapse.len; i++) {
		if (n->collapse.len > COLLAPSE_MAX_BYTES || n->collapse.ptr[i] <= 0x20 || n->collapse.ptr[i] >= 0x7f) {
			return sw_diag_set(diag_out, SW_EINVAL,
					   "collapse: expected at most %d printable ASCII characters",
					   COLLAPSE_MAX_BYTES);
		}
	}
	int err = check_names(n, diag_out);
	err = err ? err : check_loc(&n->title_loc, diag_out);
	err = err ? err : check_loc(&n->subtitle_loc, diag_out);
	err = err ? err : check_loc(&n->body_loc, diag_out);
	err = err ? err : check_ranges(n, diag_out);
	return err ? err : check_data(n, diag_out);
}

enum sw_push_priority sw_notification_priority(const struct sw_notification *n)
{
	if (n->priority != SW_PUSH_PRIORITY_UNSET) {
		return n->priority;
	}
	return n->urgent ? SW_PUSH_PRIORITY_HIGH : SW_PUSH_PRIORITY_NORMAL;
}

struct sw_bytes sw_notification_tag(const struct sw_notification *n, char hex[SW_NOTIFICATION_HEX_BYTES])
{
	if (n->collapse.len) {
		return n->collapse;
	}
	for (size_t i = 0; i < sizeof(n->id); i++) {
		snprintf(hex + 2 * i, SW_NOTIFICATION_HEX_BYTES - 2 * i, "%02x", n->id[i]);
	}
	return sw_bytes_str(hex);
}

void sw_notification_put_data(const struct sw_notification *n, struct sw_buf *buf)
{
	sw_buf_put_char(buf, '{');
	for (size_t i = 0; i < n->data_count; i++) {
		sw_json_put_member(buf, n->data[i].name, n->data[i].value);
	}
	sw_buf_put_char(buf, '}');
}

bool sw_notification_fit(const struct sw_notification *n, size_t limit_bytes, sw_push_render_fn render, void *ctx,
			 struct sw_arena *arena)
{
	struct sw_push_texts texts = {n->title, n->subtitle, n->body};
	struct sw_bytes *const order[] = {&texts.body, &texts.subtitle, &texts.title};
	bool fits = render(ctx, &texts) <= limit_bytes;
	/* Each first left out, to see how much room there is for it. */
	for (size_t i = 0; !fits && i < sizeof(order) / sizeof(order[0]); i++) {
		struct sw_bytes whole = *order[i];
		order[i]->len = 0;
		size_t size = render(ctx, &texts);
		fits = size <= limit_bytes;
		if (fits) {
			*order[i] = sw_json_cut(whole, limit_bytes - size, arena);
			render(ctx, &texts);
		}
	}
	return fits;
}

void sw_notification_put_loc(const struct sw_push_loc *loc, const char *key_name, const char *args_name,
			     struct sw_buf *buf)
{
	if (loc->key.len == 0) {
		return;
	}
	sw_json_put_member(buf, key_name, loc->key);
	if (loc->arg_count == 0) {
		return;
	}
	sw_json_put_name(buf, args_name);
	for (size_t i = 0; i < loc->arg_count; i++) {
		sw_buf_put_char(buf, i ? ',' : '[');
		sw_json_put_string(buf, loc->args[i]);
	}
	sw_buf_put_char(buf, ']');
}
