/* SPDX-License-Identifier: Apache-2.0 */
/* The whole walk again and again, each time with one fault, one step later than the time before, until a run is over
 * before its fault comes. After each the invariants must hold. A run is a process of its own, for most of it waits.
 * usage: flow_torture_whole [GROUP | PLAN STEP] */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { RUNS_MAX = 1000, SIDE_BY_SIDE = 8, NOT_REACHED = 77, LEAST_RUNS = 10 };

struct plan {
	const char *name;
	const char *group;
	enum fake_store_fault store;
	enum fake_bus_fault bus;
	enum fake_answer vendor;
	bool of_vendor;
	bool of_writers; /* also theirs; test_torture.c has the rest of them */
	/* Requests that a service may take a second time, besides the one that the walk plans: the pusher could not know
	 * of the first, since the answer or the process was lost. */
	size_t repeats_max;
};

enum { OF_A_KILLED_PUSHER = 16 }; /* all that it had at the services */

static const struct plan plans[] = {
	{"store_closed_before", "store", .store = FAKE_STORE_CLOSED_BEFORE},
	{"store_closed_after", "store", .store = FAKE_STORE_CLOSED_AFTER, .of_writers = true},
	{"store_again", "store", .store = FAKE_STORE_AGAIN},
	{"store_timeout_after", "store", .store = FAKE_STORE_TIMEOUT_AFTER},
	{"store_unavailable", "store", .store = FAKE_STORE_UNAVAILABLE},
	{"answer_lost", "store", .of_vendor = true, .vendor = FAKE_ANSWER_LOST, .repeats_max = 1},
	{"answer_unknown", "store", .of_vendor = true, .vendor = FAKE_ANSWER_UNKNOWN},
	{"answer_unsent", "store", .of_vendor = true, .vendor = FAKE_ANSWER_UNSENT},
	{"answer_no_connection", "store", .of_vendor = true, .vendor = FAKE_ANSWER_NO_CONNECTION},
	{"publish_refused", "publish", .bus = FAKE_BUS_REFUSED},
	{"publish_twice", "publish", .bus = FAKE_BUS_TWICE},
	{"publish_kills", "publish", .bus = FAKE_BUS_DEAD, .repeats_max = OF_A_KILLED_PUSHER},
	{"nodes_away", "publish", .bus = FAKE_BUS_NODES_AWAY},
	{"delivery_lost", "delivery", .bus = FAKE_BUS_DELIVERY_LOST},
	{"delivery_kills", "delivery", .bus = FAKE_BUS_DELIVERY_KILLS, .repeats_max = OF_A_KILLED_PUSHER},
};
enum { PLANS = sizeof(plans) / sizeof(plans[0]) };

/* ---- one run, in a process of its own ---- */

static struct world the_world;
static const struct plan *the_plan;
static unsigned the_step;
static bool reached;

static void set_faults(struct world *world)
{
	pthread_mutex_lock(&world->flow.store.lock);
	world->flow.store.fault = the_plan->store;
	world->flow.store.fault_names = the_plan->of_writers ? "wgp" : "gp";
	world->flow.store.fault_at = the_plan->store ? the_step : 0;
	world->flow.store.runs = 0;
	pthread_mutex_unlock(&world->flow.store.lock);
	pthread_mutex_lock(&world->flow.bus.lock);
	world->flow.bus.fault = the_plan->bus;
	world->flow.bus.fault_at = the_plan->bus ? the_step : 0;
	world->flow.bus.publishes = world->flow.bus.deliveries = 0;
	pthread_mutex_unlock(&world->flow.bus.lock);
	pthread_mutex_lock(&world->vendor.lock);
	world->vendor.fault = the_plan->vendor;
	world->vendor.fault_at = the_plan->of_vendor ? the_step : 0;
	pthread_mutex_unlock(&world->vendor.lock);
}

static void walk__one_fault__invariants_hold(void **state)
{
	(void)state;
	struct world *world = &the_world;
	struct world_repeats repeats;
	world_open(world);
	world->impatient = true;
	set_faults(world);
	walk_run(world, false);
	world_stop(world);
	world_check(world, &repeats);
	reached = world->flow.store.fault_reached || world->flow.bus.fault_reached || world->vendor.fault_reached;
	assert_true(repeats.others + repeats.planned <= 1 + the_plan->repeats_max);
	printf("%u runs of the store, %u publishes, %u deliveries, %u sends; %zu repeats\n", world->flow.store.runs,
	       world->flow.bus.publishes, world->flow.bus.deliveries, world->vendor.sends,
	       repeats.others + repeats.planned);
	world_close(world);
}

static int run_one(const char *name, const char *step)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(walk__one_fault__invariants_hold)};
	for (size_t i = 0; i < PLANS; i++) {
		the_plan = strcmp(plans[i].name, name) == 0 ? &plans[i] : the_plan;
	}
	the_step = (unsigned)strtoul(step, NULL, 10);
	if (!the_plan) {
		fprintf(stderr, "there is no plan %s\n", name);
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed ? 1 : reached ? 0 : NOT_REACHED;
}

/* ---- all of them ---- */

struct run {
	pid_t pid; /* 0: free */
	unsigned step;
	FILE *output;
};

extern char **environ;

static void start(struct run *run, const struct plan *plan, unsigned step)
{
	char step_text[16];
	snprintf(step_text, sizeof(step_text), "%u", step);
	char *argv[] = {(char *)"flow_torture_whole", (char *)plan->name, step_text, NULL};
	posix_spawn_file_actions_t actions;
	*run = (struct run){.step = step, .output = tmpfile()};
	assert_non_null(run->output);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(run->output), STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fileno(run->output), STDERR_FILENO);
	assert_int_equal(posix_spawn(&run->pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
}

static void show(const struct plan *plan, const struct run *run, int status)
{
	char line[512];
	fprintf(stderr, "%s %u ended with %d:\n", plan->name, run->step,
		WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	rewind(run->output);
	while (fgets(line, sizeof(line), run->output)) {
		fputs(line, stderr);
	}
}

struct sweep {
	const struct plan *plan;
	struct run runs[SIDE_BY_SIDE];
	unsigned running;
	unsigned next_step;
	unsigned failed;
	bool over; /* a run ended before its fault came */
};

static void await_one(struct sweep *sweep)
{
	int status;
	pid_t pid = wait(&status);
	for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
		struct run *run = &sweep->runs[i];
		if (run->pid != pid) {
			continue;
		}
		bool good = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NOT_REACHED);
		if (!good) {
			show(sweep->plan, run, status);
			sweep->failed++;
		} else if (WEXITSTATUS(status) == NOT_REACHED) {
			sweep->over = true;
		}
		fclose(run->output);
		*run = (struct run){0};
		sweep->running--;
	}
}

static void fill(struct sweep *sweep)
{
	for (size_t i = 0; i < SIDE_BY_SIDE && !sweep->over && !sweep->failed; i++) {
		if (!sweep->runs[i].pid) {
			start(&sweep->runs[i], sweep->plan, sweep->next_step++);
			sweep->running++;
		}
	}
}

static void walk__fails_at_every_step__invariants_hold(void **state)
{
	struct sweep sweep = {.plan = *state, .next_step = 1};
	do {
		fill(&sweep);
		if (sweep.running) {
			await_one(&sweep);
		}
		assert_true(sweep.next_step < RUNS_MAX);
	} while (sweep.running || (!sweep.over && !sweep.failed));
	assert_int_equal(sweep.failed, 0);
	assert_true(sweep.next_step > LEAST_RUNS); /* the faults did come */
	printf("%s: %u runs\n", sweep.plan->name, sweep.next_step - 1);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		return run_one(argv[1], argv[2]);
	}
	struct CMUnitTest tests[PLANS];
	size_t count = 0;
	for (size_t i = 0; i < PLANS; i++) {
		if (argc == 1 || strcmp(argv[1], plans[i].group) == 0) {
			tests[count++] = (struct CMUnitTest){.name = plans[i].name,
							     .test_func = walk__fails_at_every_step__invariants_hold,
							     .initial_state = (void *)&plans[i]};
		}
	}
	/* The macro would count the array. */
	return _cmocka_run_group_tests("walk__fails_at_every_step__invariants_hold", tests, count, NULL, NULL);
}
