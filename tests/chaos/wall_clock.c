/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a process whose wall clock shall jump: the seconds in the file WALL_CLOCK_FILE (eight bytes, native order)
 * are added to what the kernel says, from the moment they are written. The monotonic clock and all waits stay true, as on a
 * machine whose time is set. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;

__attribute__((constructor)) static void map_file(void)
{
	const char *path = getenv("WALL_CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		abort();
	}
	close(fd);
	offset_s = at;
}

/* Past the vDSO, which nobody can wrap without looking it up; slower, and fast enough. */
int clock_gettime(clockid_t id, struct timespec *at)
{
	int err = (int)syscall(SYS_clock_gettime, id, at);
	if (!err && offset_s && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		at->tv_sec += *offset_s;
	}
	return err;
}

time_t time(time_t *out)
{
	struct timespec at;
	clock_gettime(CLOCK_REALTIME, &at);
	if (out) {
		*out = at.tv_sec;
	}
	return at.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec at;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &at);
	*out = (struct timeval){.tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000};
	return 0;
}
