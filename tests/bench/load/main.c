/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the load. Prints one line of JSON (chat), or answers on stdout what stdin asks (idle). */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MIN 16u
#define WINDOW_MAX 64u

static const char usage[] =
	"usage: load chat|idle --protocol=surewire|xmpp --port=PORT --users=FILE --clients=COUNT [OPTION…]\n"
	"  --ca=FILE        TLS, with this authority\n"
	"  --window=COUNT   messages of a pair under way, at most (20)\n"
	"  --body=BYTES     length of the text (200)\n"
	"  --warmup=SECONDS --seconds=SECONDS   not measured (3), measured (10)\n"
	"  --rate=RATE      messages a second on a fixed schedule; without it: as fast as the window allows\n"
	"FILE of users: NAME SECRET, one a line (a token, or a password); clients 2i write to clients 2i + 1.\n";

static _Noreturn void die_usage(const char *what)
{
	fprintf(stderr, "load: %s\n%s", what, usage);
	exit(64);
}

static double number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);
	if (*end != '\0' || end == text || value < least || value > most) {
		fprintf(stderr, "load: expected a number from %g to %g, got %s\n", least, most, text);
		exit(64);
	}
	return value;
}

static const struct protocol *protocol(const char *name)
{
	if (strcmp(name, load_surewire.name) == 0) {
		return &load_surewire;
	}
	if (strcmp(name, load_xmpp.name) == 0) {
		return &load_xmpp;
	}
	die_usage("expected the protocol surewire or xmpp");
}

static void take(struct load_options *options, int option)
{
	switch (option) {
	case 'p':
		options->protocol = protocol(optarg);
		break;
	case 'P':
		options->port = (uint16_t)number(optarg, 1, 65535);
		break;
	case 'u':
		options->users = optarg;
		break;
	case 'c':
		options->clients = (unsigned)number(optarg, 2, 100000);
		break;
	case 'C':
		options->ca = optarg;
		break;
	case 'w':
		options->window = (unsigned)number(optarg, 1, WINDOW_MAX);
		break;
	case 'b':
		options->body_bytes = (unsigned)number(optarg, BODY_MIN, LOAD_BODY_MAX);
		break;
	case 'W':
		options->warmup_s = number(optarg, 0, 600);
		break;
	case 's':
		options->seconds = number(optarg, 0.1, 600);
		break;
	case 'r':
		options->rate = number(optarg, 1, 1e7);
		break;
	default:
		die_usage("unknown option");
	}
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"protocol", required_argument, NULL, 'p'},
		{"port", required_argument, NULL, 'P'},
		{"users", required_argument, NULL, 'u'},
		{"clients", required_argument, NULL, 'c'},
		{"ca", required_argument, NULL, 'C'},
		{"window", required_argument, NULL, 'w'},
		{"body", required_argument, NULL, 'b'},
		{"warmup", required_argument, NULL, 'W'},
		{"seconds", required_argument, NULL, 's'},
		{"rate", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	struct load_options options = {.window = 20, .body_bytes = 200, .warmup_s = 3, .seconds = 10};
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		take(&options, option);
	}
	if (optind + 1 != argc || !options.protocol || !options.port || !options.users || options.clients % 2 != 0 ||
	    options.clients == 0) {
		die_usage("expected a mode, a protocol, a port, users, and an even number of clients");
	}
	/* Whoever reads this waits for each line. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(argv[optind], "chat") == 0) {
		chat_run(&options);
	} else if (strcmp(argv[optind], "idle") == 0 && options.protocol == &load_surewire) {
		idle_run(&options);
	} else {
		die_usage("expected chat, or idle with the protocol surewire");
	}
	return 0;
}
