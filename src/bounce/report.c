/* SPDX-License-Identifier: Apache-2.0 */
/* The MIME side, on GMime: the header fields that name the address, and the message/delivery-status part. */
#include "bounce/report.h"

#include <gmime/gmime.h>
#include <string.h>

enum { PARTS_MAX = 16 };

/* What mail systems add when they deliver, before what was written by whoever sent it. */
static const char *const address_fields[] = {"X-Original-To", "Delivered-To", "Envelope-To", "To"};

static void take_addresses(const char *value, struct sw_bounce_report *report)
{
	InternetAddressList *list = internet_address_list_parse(NULL, value);
	int count = list ? internet_address_list_length(list) : 0;
	for (int i = 0; i < count && report->address_count < SW_BOUNCE_ADDRESSES_MAX; i++) {
		InternetAddress *address = internet_address_list_get_address(list, i);
		const char *text = INTERNET_ADDRESS_IS_MAILBOX(address)
					 ? internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address))
					 : NULL;
		size_t len = text ? strlen(text) : 0;
		if (len > 0 && len <= SW_BOUNCE_ADDRESS_MAX) {
			memcpy(report->addresses[report->address_count++], text, len + 1);
		}
	}
	if (list) {
		g_object_unref(list);
	}
}

static void read_addresses(GMimeMessage *message, struct sw_bounce_report *report)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
	int count = g_mime_header_list_get_count(headers);
	for (size_t i = 0; i < sizeof(address_fields) / sizeof(address_fields[0]); i++) {
		for (int k = 0; k < count; k++) {
			GMimeHeader *header = g_mime_header_list_get_header_at(headers, k);
			const char *value = g_mime_header_get_value(header);
			if (value && g_ascii_strcasecmp(g_mime_header_get_name(header), address_fields[i]) == 0) {
				take_addresses(value, report);
			}
		}
	}
}

static bool is_report(GMimeObject *root)
{
	GMimeContentType *type = root ? g_mime_object_get_content_type(root) : NULL;
	const char *kind = type ? g_mime_content_type_get_parameter(type, "report-type") : NULL;
	return type && GMIME_IS_MULTIPART(root) && g_mime_content_type_is_type(type, "multipart", "report") &&
	       (!kind || g_ascii_strcasecmp(kind, "delivery-status") == 0);
}

static GMimePart *status_part(GMimeObject *root)
{
	int count = g_mime_multipart_get_count(GMIME_MULTIPART(root));
	for (int i = 0; i < count && i < PARTS_MAX; i++) {
		GMimeObject *part = g_mime_multipart_get_part(GMIME_MULTIPART(root), i);
		GMimeContentType *type = g_mime_object_get_content_type(part);
		if (GMIME_IS_PART(part) && (g_mime_content_type_is_type(type, "message", "delivery-status") ||
					    g_mime_content_type_is_type(type, "message", "global-delivery-status"))) {
			return GMIME_PART(part);
		}
	}
	return NULL;
}

static int read_status(GMimePart *part, struct sw_bounce_report *report)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GByteArray *bytes = g_byte_array_new();
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	int err = SW_EPARSE;
	if (content && g_mime_data_wrapper_write_to_stream(content, stream) >= 0) {
		err = sw_bounce_status_read(sw_bytes(bytes->data, bytes->len), report);
	}
	g_object_unref(stream);
	g_byte_array_free(bytes, TRUE);
	return err;
}

static int read_message(GMimeMessage *message, struct sw_bounce_report *report, struct sw_diag *diag_out)
{
	read_addresses(message, report);
	GMimeObject *root = g_mime_message_get_mime_part(message);
	if (!is_report(root)) {
		return sw_diag_set(diag_out, SW_EPARSE,
				   "expected a multipart/report of type delivery-status (RFC 3464)");
	}
	GMimePart *part = status_part(root);
	if (!part || read_status(part, report) != SW_OK) {
		return sw_diag_set(diag_out, SW_EPARSE,
				   "expected a part message/delivery-status with an Action (RFC 3464)");
	}
	return SW_OK;
}

/* A mailbox's "From " line, which some mail systems put before what they pipe. */
static struct sw_bytes without_from_line(struct sw_bytes mail)
{
	const uint8_t *end = mail.len ? memchr(mail.ptr, '\n', mail.len) : NULL;
	if (!end || mail.len < 5 || memcmp(mail.ptr, "From ", 5) != 0) {
		return mail;
	}
	return sw_bytes(end + 1, mail.len - (size_t)(end + 1 - mail.ptr));
}

int sw_bounce_read(struct sw_bytes mail, struct sw_bounce_report *report_out, struct sw_diag *diag_out)
{
	*report_out = (struct sw_bounce_report){.action = SW_BOUNCE_DELAYED};
	if (mail.len > SW_BOUNCE_MAIL_MAX) {
		return sw_diag_set(diag_out, SW_ELIMIT, "expected a mail of at most %d bytes", SW_BOUNCE_MAIL_MAX);
	}
	mail = without_from_line(mail);
	if (mail.len == 0) {
		return sw_diag_set(diag_out, SW_EPARSE, "expected a mail, got nothing");
	}
	g_mime_init();
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)mail.ptr, mail.len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	int err = message ? read_message(message, report_out, diag_out)
			  : sw_diag_set(diag_out, SW_EPARSE, "expected a mail (RFC 5322)");
	if (message) {
		g_object_unref(message);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	return err;
}
