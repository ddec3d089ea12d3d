/* SPDX-License-Identifier: Apache-2.0 */
/* Names as in the Prometheus client libraries, so that the usual dashboards work. What cannot be read is left out. */
#include "admin/process_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STAT_BYTES_MAX = 2048, START_TIME_FIELD = 22, FIRST_AFTER_NAME = 3 };

static bool read_file(const char *path, char *text_out, size_t size)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		return false;
	}
	size_t len = fread(text_out, 1, size - 1, file);
	text_out[len] = '\0';
	fclose(file);
	return len > 0;
}

static void put(struct sw_buf *out, const char *name, const char *help, const char *type, double value)
{
	sw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, value);
}

static void put_memory(struct sw_buf *out)
{
	char text[STAT_BYTES_MAX];
	unsigned long long size_pages;
	unsigned long long resident_pages;
	if (!read_file("/proc/self/statm", text, sizeof(text)) ||
	    sscanf(text, "%llu %llu", &size_pages, &resident_pages) != 2) {
		return;
	}
	double page = (double)sysconf(_SC_PAGESIZE);
	put(out, "process_resident_memory_bytes", "Resident memory size in bytes.", "gauge",
	    (double)resident_pages * page);
	put(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.", "gauge", (double)size_pages * page);
}

static void put_files(struct sw_buf *out)
{
	DIR *dir = opendir("/proc/self/fd");
	if (dir) {
		size_t count = 0;
		for (const struct dirent *entry; (entry = readdir(dir));) {
			count += entry->d_name[0] != '.';
		}
		closedir(dir);
		/* One of them was the folder itself. */
		put(out, "process_open_fds", "Number of open file descriptors.", "gauge", (double)(count - 1));
	}
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		put(out, "process_max_fds", "Maximum number of open file descriptors.", "gauge",
		    (double)limit.rlim_cur);
	}
}

static void put_cpu(struct sw_buf *out)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) == 0) {
		double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
		put(out, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", "counter",
		    seconds);
	}
}

/* Seconds since 1970 at which the system was started, or 0. */
static double boot_time(void)
{
	char text[65536];
	const char *found = read_file("/proc/stat", text, sizeof(text)) ? strstr(text, "\nbtime ") : NULL;
	return found ? strtod(found + strlen("\nbtime "), NULL) : 0;
}

static void put_start_time(struct sw_buf *out)
{
	char text[STAT_BYTES_MAX];
	double boot = boot_time();
	if (boot <= 0 || !read_file("/proc/self/stat", text, sizeof(text))) {
		return;
	}
	/* The name of the process may have blanks and parentheses: fields are counted after its last one. */
	const char *at = strrchr(text, ')');
	for (int field = FIRST_AFTER_NAME; at && field <= START_TIME_FIELD; field++) {
		at = strchr(at + 1, ' ');
	}
	if (at) {
		double ticks = strtod(at + 1, NULL);
		put(out, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
		    "gauge", boot + ticks / (double)sysconf(_SC_CLK_TCK));
	}
}

void sw_process_metrics_export(struct sw_buf *out)
{
	put_cpu(out);
	put_memory(out);
	put_files(out);
	put_start_time(out);
	sw_buf_put_str(out,
		       "# HELP surewire_build_info The version of this program.\n# TYPE surewire_build_info gauge\n"
		       "surewire_build_info{version=\"" SW_VERSION "\"} 1\n");
}
