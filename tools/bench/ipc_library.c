/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/bench/ipc_library.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int ipc_library_load(const char *soname, const struct ipc_symbol *symbols,
		     unsigned count)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return -ENOPKG;
	for (unsigned i = 0; i < count; i++) {
		void *at = dlsym(library, symbols[i].name);

		if (!at)
			return -ENOPKG;
		/* ISO C has no conversion from objects to functions. */
		memcpy(symbols[i].function, &at, sizeof(at));
	}
	return 0;
}

void ipc_library_enter(void)
{
	struct sched_param ordinary = { .sched_priority = 0 };

	(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
}

/* Of the parent of both; one answer is asked at a time. */
void ipc_meeting_name(const char *scheme, char *to, size_t bytes)
{
	(void)snprintf(to, bytes, "%sslipring-bench-%ld", scheme,
		       (long)getppid());
}

void ipc_meeting_tell(uint32_t *word, int rc)
{
	__atomic_store_n(word, rc ? 2u : 1u, __ATOMIC_RELEASE);
}

int ipc_meeting_wait(const uint32_t *word)
{
	uint32_t told;

	while (!(told = __atomic_load_n(word, __ATOMIC_ACQUIRE)))
		(void)usleep(100);
	return told == 1 ? 0 : -ENOTCONN;
}
