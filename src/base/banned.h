/* SPDX-License-Identifier: Apache-2.0 */
/* Functions whose bounds or errors cannot be seen at the call. Forced into every file of Surewire by the build. */
#ifndef SW_BASE_BANNED_H
#define SW_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison gets strtok atoi atol atoll strcpy strcat sprintf vsprintf

#endif
