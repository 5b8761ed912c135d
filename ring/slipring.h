/* SPDX-License-Identifier: MIT */
/* Everything. Installed: #include <slipring/slipring.h>. */
#ifndef SLIP_RING_SLIPRING_H
#define SLIP_RING_SLIPRING_H

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/fence.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "../futex/cond.h"
#include "../futex/deadlock.h"
#include "../futex/event.h"
#include "../futex/file.h"
#include "../futex/flag.h"
#include "../futex/futex.h"
#include "../futex/mutex.h"
#include "../futex/once.h"
#include "../futex/peer.h"
#include "../futex/pi_mutex.h"
#include "../futex/region.h"
#include "../futex/region_format.h"
#include "../futex/region_memory.h"
#include "../futex/region_tools.h"
#include "../futex/robust_mutex.h"
#include "../futex/robust_sem.h"
#include "../futex/rwlock.h"
#include "../futex/sem.h"
#include "../futex/sem_set.h"
#include "../futex/sys.h"
#include "../futex/wait.h"
#include "mpmc.h"
#include "mpmc_seat.h"
#include "mpmc_work.h"
#include "record.h"
#include "role.h"
#include "spsc.h"

#endif
