/* SPDX-License-Identifier: Apache-2.0 */
/* Are that many tokens really dead? A wrong topic, environment or project makes a service call every token unknown, and
 * dropping them all would lose every device of an app for one operator's mistake. So past a number and a share, a dead
 * token is kept and an operator is told. Pure. */
#ifndef SW_PUSHER_QUARANTINE_H
#define SW_PUSHER_QUARANTINE_H

#include <stdbool.h>

struct sw_quarantine {
	unsigned seen; /* definite answers about tokens, old ones by and by forgotten */
	unsigned dead;
	bool on;
};

/* after: dead ones among recent answers, 0: never. True: it began or ended with this answer. While it is on, the token
 * of a dead answer is to be kept. */
bool sw_quarantine_tell(struct sw_quarantine *quarantine, unsigned after, bool dead);

#endif
