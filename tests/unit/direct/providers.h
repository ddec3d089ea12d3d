/* SPDX-License-Identifier: Apache-2.0 */
/* Two accounts: "apns" and "fcm", whose tokens are words that begin with "t", for the app "app". */
#ifndef TEST_DIRECT_PROVIDERS_H
#define TEST_DIRECT_PROVIDERS_H

#include "direct/rules.h"

extern const struct sw_direct_rules test_rules;

#endif
