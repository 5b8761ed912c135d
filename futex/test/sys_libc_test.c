/* SPDX-License-Identifier: MIT */
/* futex/sys.h by way of libc, as on a machine whose trap it does not know. */
#define _GNU_SOURCE
#define SLIP_SYS_LIBC
#include "futex/test/sys_cases.h"
