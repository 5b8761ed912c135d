/* SPDX-License-Identifier: MIT */
/* futex/sys.h against the real kernel, by its own instruction. */
#define _GNU_SOURCE
#include "futex/test/sys_cases.h"
