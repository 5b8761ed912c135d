/* SPDX-License-Identifier: MIT */
/* What was found out about a machine: a list of findings, to be printed. */
#ifndef SLIP_TOOLS_SLIPRING_FINDINGS_H
#define SLIP_TOOLS_SLIPRING_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* GOOD; a FACT that is neither; a LACK, with its cost; without the MUST
 * nothing works. */
enum grade { GOOD, FACT, LACK, MUST };

struct finding {
	const char *what;
	enum grade grade;
	const char *cost; /* of a lack, else NULL */
	char value[100];
};

struct findings {
	struct finding list[40];
	size_t used;
};

__attribute__((format(printf, 5, 6))) void
add(struct findings *r, const char *what, enum grade grade, const char *cost,
    const char *format, ...);

/* Is nothing missing that must be there? */
bool findings_are_well(const struct findings *r);

void findings_print(const struct findings *r);
json_t *findings_json(const struct findings *r);

#endif
