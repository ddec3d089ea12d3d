/* SPDX-License-Identifier: Apache-2.0 */
/* page.html as it is sent: made by CMake. */
#ifndef SW_SIM_PAGE_H
#define SW_SIM_PAGE_H

#include <stddef.h>

extern const unsigned char sw_sim_page[];
extern const size_t sw_sim_page_len;

#endif
