/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/quarantine.h"

/* Both counts are halved when so many times `after` were seen: about that many answers are remembered. */
enum { REMEMBERED = 4 };

bool sw_quarantine_tell(struct sw_quarantine *quarantine, unsigned after, bool dead)
{
	if (after == 0) {
		return false;
	}
	quarantine->seen++;
	quarantine->dead += dead;
	/* At least a half of the answers: where many go and some are dead, people have changed their phones. */
	bool most = quarantine->dead * 2 >= quarantine->seen;
	bool was = quarantine->on;
	quarantine->on = most && (was || quarantine->dead >= after);
	if (was && !most) {
		quarantine->seen = 0; /* what was seen before was the mistake */
		quarantine->dead = 0;
	} else if (quarantine->seen >= after * REMEMBERED) {
		quarantine->seen /= 2;
		quarantine->dead /= 2;
	}
	return quarantine->on != was;
}
