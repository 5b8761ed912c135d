/* SPDX-License-Identifier: MIT */
/* Does this machine keep the order that sleeping and waking rely on? */
#ifndef SLIP_TOOLS_SLIPRING_LITMUS_H
#define SLIP_TOOLS_SLIPRING_LITMUS_H

#include "tools/slipring/findings.h"

/*
 * Two processes, round after round: each stores to its word, fences, and loads
 * the other's. Not both may miss the other's store. The fences are those of
 * the event mode that is in use here; a control without them shows whether
 * this machine can be caught at all. Takes a third of a second.
 */
void check_order(struct findings *r);

/* A sleeper on one mapping is woken through another. */
void check_remote_wake(struct findings *r, unsigned back_end);

#endif
