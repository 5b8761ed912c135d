/* SPDX-License-Identifier: MIT */
/* What doctor and stress both ask about a machine. */
#ifndef SLIP_TOOLS_SLIPRING_MACHINE_H
#define SLIP_TOOLS_SLIPRING_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/slipring/findings.h"

/* The first line of a small file of the kernel's, or "" */
const char *first_line(const char *path, char *text, size_t bytes);

/* The number behind "Label:" in a file of such lines. */
bool number_after(const char *path, const char *label, int base,
		  unsigned long long *value);

void check_system(struct findings *r);
void check_processor(struct findings *r);
void check_seccomp(struct findings *r);
/* Processors, and what a container leaves of them and of the memory. */
void check_cpus(struct findings *r);
void check_container(struct findings *r);

/* A peer that is killed, in a region of this back-end: is its death seen? */
void check_death(struct findings *r, unsigned back_end, const char *what);

#endif
