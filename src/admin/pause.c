/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/pause.h"

#include <surewire/clock.h>

#include <time.h>

void sw_pause_init(struct sw_pause *pause)
{
	pthread_mutex_init(&pause->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pause->ended, &attr);
	pthread_condattr_destroy(&attr);
	pause->stopped = false;
	pause->woken = false;
}

void sw_pause_release(struct sw_pause *pause)
{
	pthread_cond_destroy(&pause->ended);
	pthread_mutex_destroy(&pause->lock);
}

bool sw_pause_sleep(struct sw_pause *pause, int64_t ms)
{
	int64_t until_ms = sw_clock_mono_ms() + ms;
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	pthread_mutex_lock(&pause->lock);
	while (!pause->stopped && !pause->woken && sw_clock_mono_ms() < until_ms) {
		pthread_cond_timedwait(&pause->ended, &pause->lock, &until);
	}
	bool go_on = !pause->stopped;
	pause->woken = false;
	pthread_mutex_unlock(&pause->lock);
	return go_on;
}

void sw_pause_wake(struct sw_pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	pause->woken = true;
	pthread_cond_broadcast(&pause->ended);
	pthread_mutex_unlock(&pause->lock);
}

bool sw_pause_stopped(struct sw_pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	bool stopped = pause->stopped;
	pthread_mutex_unlock(&pause->lock);
	return stopped;
}

void sw_pause_stop(struct sw_pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	pause->stopped = true;
	pthread_cond_broadcast(&pause->ended);
	pthread_mutex_unlock(&pause->lock);
}
