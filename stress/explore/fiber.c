/* SPDX-License-Identifier: MIT */
/*
 * Stacks with a guard page below, and the switch between them: the registers
 * that a call preserves, and the stack pointer. The floating-point modes are
 * the same in all fibers.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime.h"

/* x_fiber_switch(save, to): push, exchange stacks, pop, return there. */
__asm__(".text\n"
	".globl x_fiber_switch\n"
	".type x_fiber_switch, @function\n"
	"x_fiber_switch:\n"
	"	endbr64\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size x_fiber_switch, . - x_fiber_switch\n");

static char *new_stack(void)
{
	char *at = mmap(NULL, X_STACK_BYTES + 4096, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (at == MAP_FAILED ||
	    mprotect(at + 4096, X_STACK_BYTES, PROT_READ | PROT_WRITE)) {
		perror("explore: no stack");
		exit(2);
	}
	return at + 4096;
}

/* A fiber about to call `entry`, which never returns. */
void x_fiber_make(void **sp, char **stack, void (*entry)(void))
{
	void **top;

	if (!*stack)
		*stack = new_stack();
	top = (void **)(void *)(*stack + X_STACK_BYTES - 64);
	*--top = NULL; /* where entry would return to; keeps it aligned */
	*--top = __extension__(void *) entry;
	for (int i = 0; i < 6; i++)
		*--top = NULL;
	*sp = top;
}
