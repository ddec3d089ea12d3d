/* SPDX-License-Identifier: Apache-2.0 */
/* A request as the HTTP/2 and HTTP/1.1 servers read it, and the reply they are to give, with what shall go wrong. */
#ifndef SW_SIM_REQUEST_H
#define SW_SIM_REQUEST_H

#include <surewire/arena.h>
#include <surewire/buf.h>
#include <surewire/http_msg.h>
#include <surewire/json.h>

enum { SW_SIM_HEADERS_MAX = 32, SW_SIM_BODY_MAX = 64 * 1024, SW_SIM_REPLY_HEADERS_MAX = 6 };

struct sw_sim_request {
	struct sw_arena arena;
	const char *method; /* "" until it was read; likewise path (with query) and authority */
	const char *path;
	const char *authority;
	struct sw_http_header headers[SW_SIM_HEADERS_MAX]; /* names in lower case */
	size_t header_count;
	struct sw_buf body;      /* cut at its bound */
	size_t body_total_bytes; /* of the whole body */
};

void sw_sim_request_init(struct sw_sim_request *request);
void sw_sim_request_release(struct sw_sim_request *request);
/* Copies; the name becomes lower case. SW_ELIMIT when there are too many. */
int sw_sim_request_add(struct sw_sim_request *request, struct sw_bytes name, struct sw_bytes value) SW_MUST_CHECK;
void sw_sim_request_add_body(struct sw_sim_request *request, struct sw_bytes part);
/* The first of that name; ptr is NULL when absent. */
struct sw_bytes sw_sim_request_header(const struct sw_sim_request *request, const char *name);
/* What follows "Bearer" in its authorization; ptr is NULL when there is nothing. */
struct sw_bytes sw_sim_request_bearer(const struct sw_sim_request *request);
/* Does its content-type begin so? */
bool sw_sim_request_is(const struct sw_sim_request *request, const char *type);
/* Its body as JSON, owned; NULL when it is none, or longer than was kept. */
json_t *sw_sim_request_json(const struct sw_sim_request *request, int max_depth);
/* Whether some header of the prefix occurs twice. */
bool sw_sim_request_repeats(const struct sw_sim_request *request, const char *prefix);
/* A decoded value of application/x-www-form-urlencoded text, in the arena; ptr is NULL when absent or malformed. */
struct sw_bytes sw_sim_form_get(struct sw_arena *arena, struct sw_bytes form, const char *name);

enum sw_sim_goaway {
	SW_SIM_GOAWAY_NO,
	SW_SIM_GOAWAY_ALL,  /* this request and all before it are still answered */
	SW_SIM_GOAWAY_NONE, /* this request and all after it were not processed */
	SW_SIM_GOAWAY_AT,   /* goaway_stream is the last one processed */
};
enum sw_sim_silence { SW_SIM_SILENT_NO, SW_SIM_SILENT_STREAM, SW_SIM_SILENT_CONNECTION };

/* What shall happen instead of, or before, a proper answer. */
struct sw_sim_effect {
	int64_t delay_ms;
	int64_t rst_code; /* HTTP/2 error code, -1: none */
	enum sw_sim_goaway goaway;
	int32_t goaway_stream;
	uint32_t goaway_code;
	enum sw_sim_silence silence;
	bool drop;
};

struct sw_sim_reply {
	int status; /* 0: no answer, only the effect */
	struct {
		const char *name; /* static, lower case */
		char value[128];
	} headers[SW_SIM_REPLY_HEADERS_MAX];
	size_t header_count;
	struct sw_buf body;
	struct sw_sim_effect effect;
	uint32_t streams_max; /* announce this limit before the answer; 0: leave it */
};

void sw_sim_effect_init(struct sw_sim_effect *effect);
void sw_sim_reply_init(struct sw_sim_reply *reply);
void sw_sim_reply_release(struct sw_sim_reply *reply);
/* The value is cut at its room. */
void sw_sim_reply_add(struct sw_sim_reply *reply, const char *name, const char *value);

#endif
