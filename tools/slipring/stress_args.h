/* SPDX-License-Identifier: MIT */
/* The command line of slipring stress. What the engine has to know goes to
 * stress_options. */
#ifndef SLIP_TOOLS_SLIPRING_STRESS_ARGS_H
#define SLIP_TOOLS_SLIPRING_STRESS_ARGS_H

#include "tools/slipring/torture.h"

struct stress_args {
	struct torture torture; /* rings, pairs, quiet */
	const char *pin;	/* as given */
	bool json;
};

/* Sets the defaults too; `a` is zeroed. 0, or it says what is wrong and exits
 * with status 2. */
int stress_args_parse(struct stress_args *a, int argc, char **argv);

#endif
