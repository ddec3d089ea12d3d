/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes and certificates for the tests. */
#include "server_process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 30000, ARGS_MAX = 20 };

static void give_up(const char *what)
{
	(void)fprintf(stderr, "test server: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* stdout_fd -1: to our stderr. */
static pid_t spawn(const char *const *argv, int stdout_fd)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		/* A test that dies takes its servers along. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) {
			_exit(1);
		}
		(void)dup2(stdout_fd >= 0 ? stdout_fd : STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		(void)fprintf(stderr, "test server: %s is missing: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0) {
		give_up("fork");
	}
	return pid;
}

void certs_make(char *dir_out, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir_out, size, "%s/surewire-egress-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir_out) == NULL) {
		give_up("mkdtemp");
	}
	const char *const argv[] = {"sh", SW_EGRESS_TESTS_DIR "/make_certs.sh", dir_out, NULL};
	int status;
	if (waitpid(spawn(argv, -1), &status, 0) < 0 || status != 0) {
		give_up("make_certs.sh");
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void certs_remove(const char *dir)
{
	(void)nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static uint16_t read_port(int fd)
{
	char line[64];
	size_t len = 0;
	while (len + 1 < sizeof(line)) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (poll(&poll_fd, 1, START_TIMEOUT_MS) != 1 || read(fd, line + len, 1) != 1) {
			errno = ECHILD;
			give_up("it did not start");
		}
		if (line[len] == '\n') {
			break;
		}
		len++;
	}
	line[len] = '\0';
	unsigned port;
	if (sscanf(line, "PORT %u", &port) != 1) {
		give_up(line);
	}
	return (uint16_t)port;
}

void server_start(struct server_process *server, const char *interpreter, const char *script, const char *dir,
		  uint16_t port, const char *const *argv)
{
	char path[512];
	char port_text[8];
	snprintf(path, sizeof(path), "%s/%s", SW_EGRESS_TESTS_DIR, script);
	snprintf(port_text, sizeof(port_text), "%u", port);
	const char *all[ARGS_MAX] = {interpreter, path, dir, port_text};
	for (size_t i = 0; argv[i] != NULL && i + 5 < ARGS_MAX; i++) {
		all[i + 4] = argv[i];
	}
	int fds[2];
	if (pipe(fds) != 0) {
		give_up("pipe");
	}
	server->pid = spawn(all, fds[1]);
	close(fds[1]);
	server->port = read_port(fds[0]);
	close(fds[0]);
}

uint16_t free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
		give_up("free_port");
	}
	close(fd);
	return ntohs(addr.sin_port);
}

static void wait_for_listener(const struct server_process *server)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(server->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int i = 0; i < START_TIMEOUT_MS / 20; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rv = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
		close(fd);
		if (rv == 0) {
			return;
		}
		if (waitpid(server->pid, NULL, WNOHANG) != 0) {
			break;
		}
		(void)usleep(20000);
	}
	give_up("it does not listen");
}

void server_start_nghttpd(struct server_process *server, const char *dir, int streams_max)
{
	char root[300];
	char file[320];
	char key[300];
	char cert[300];
	char port[8];
	char root_arg[320];
	char streams[32];
	snprintf(root, sizeof(root), "%s/www", dir);
	(void)mkdir(root, 0700);
	snprintf(file, sizeof(file), "%s/hello.txt", root);
	FILE *f = fopen(file, "w");
	if (f == NULL || fputs("hello\n", f) < 0 || fclose(f) != 0) {
		give_up(file);
	}
	server->port = free_port();
	snprintf(port, sizeof(port), "%u", server->port);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(root_arg, sizeof(root_arg), "--htdocs=%s", root);
	snprintf(streams, sizeof(streams), "--max-concurrent-streams=%d", streams_max);
	const char *const argv[] = {"nghttpd", "--address=127.0.0.1", root_arg, streams, port, key, cert, NULL};
	server->pid = spawn(argv, -1);
	wait_for_listener(server);
}

void server_stop(struct server_process *server)
{
	if (server->pid > 0) {
		(void)kill(server->pid, SIGKILL);
		(void)waitpid(server->pid, NULL, 0);
		server->pid = 0;
	}
}
