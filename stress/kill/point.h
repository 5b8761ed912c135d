/* SPDX-License-Identifier: MIT */
/*
 * Points: the instants just before each machine instruction of the operations
 * under test, as stress/kill/instrument makes them. Between arm and disarm
 * they are counted from 0, and somebody is told. x86-64 only.
 */
#ifndef SLIP_STRESS_KILL_POINT_H
#define SLIP_STRESS_KILL_POINT_H

#include <stdbool.h>
#include <stdint.h>

/* The call futex_waitv, which Debian 12's headers do not name. */
#define KILL_SYS_WAITV 449

/* No point has this number. */
#define KILL_NEVER UINT64_MAX

struct kill_points {
	uint64_t target; /* at this point `act` is called, */
	void (*act)(void);
	void (*each)(uint64_t point); /* at every point this, or NULL, */
	void (*asleep)(void); /* before the first futex wait this, or NULL */
};

void kill_arm(const struct kill_points *points);
/* How many points were passed. */
uint64_t kill_disarm(void);
/* Of the point at hand: was the instruction before it a SYSCALL? */
bool kill_after_syscall(void);

#endif
