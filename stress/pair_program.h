/* SPDX-License-Identifier: MIT */
#ifndef SLIP_STRESS_PAIR_PROGRAM_H
#define SLIP_STRESS_PAIR_PROGRAM_H

#include "stress/pair.h"

/* main() of a program that tortures one kind of ring. */
int pair_main(int argc, char **argv, const char *about,
	      const struct pair_ring *ring);

#endif
