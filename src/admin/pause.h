/* SPDX-License-Identifier: Apache-2.0 */
/* A sleep that another thread can end for good. For this folder. */
#ifndef SW_ADMIN_PAUSE_H
#define SW_ADMIN_PAUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct sw_pause {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool stopped;
	bool woken;
};

void sw_pause_init(struct sw_pause *pause);
void sw_pause_release(struct sw_pause *pause);
/* False when it was stopped, at once or meanwhile. */
bool sw_pause_sleep(struct sw_pause *pause, int64_t ms);
/* Ends the sleep under way, or else the next one, early. Any thread. */
void sw_pause_wake(struct sw_pause *pause);
bool sw_pause_stopped(struct sw_pause *pause);
/* Ends this sleep and all later ones. Any thread. */
void sw_pause_stop(struct sw_pause *pause);

#endif
