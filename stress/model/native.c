/* SPDX-License-Identifier: MIT */
/*
 * Runs a client on this machine, some thousand times. Proves little, but that
 * the client is a program, ends, and is not wrong by itself.
 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define RUNS 3000

int client_main(void);
void client_pause(void);

void client_pause(void)
{
	sched_yield();
}

int main(void)
{
	unsigned complete = 0;

	alarm(120); /* a client that hangs has failed */
	for (unsigned i = 0; i < RUNS; i++)
		complete += client_main() == 0;
	printf("%u complete executions\n", complete);
	return complete == RUNS ? 0 : 1;
}
