/* SPDX-License-Identifier: MIT */
#include "stress/kill/point.h"

#include <stddef.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "stress/kill knows the instructions of x86-64 only"
#endif

/* What kill_point has pushed, and its return address. */
struct frame {
	uint64_t rbp, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax, flags;
	const unsigned char *next;
};

/*
 * Keeps everything: the flags, the registers that a C function may change, and
 * by FXSAVE those of SSE and x87. Nothing here is compiled for AVX, whose upper
 * halves no instrumented code uses.
 */
__asm__(".text\n"
	".globl kill_point\n"
	".type kill_point, @function\n"
	"kill_point:\n"
	"	pushfq\n"
	"	push %rax\n"
	"	push %rcx\n"
	"	push %rdx\n"
	"	push %rsi\n"
	"	push %rdi\n"
	"	push %r8\n"
	"	push %r9\n"
	"	push %r10\n"
	"	push %r11\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	and $-64, %rsp\n"
	"	sub $512, %rsp\n"
	"	fxsave64 (%rsp)\n"
	"	cld\n"
	"	mov %rbp, %rdi\n"
	"	call kill_reached\n"
	"	fxrstor64 (%rsp)\n"
	"	mov %rbp, %rsp\n"
	"	pop %rbp\n"
	"	pop %r11\n"
	"	pop %r10\n"
	"	pop %r9\n"
	"	pop %r8\n"
	"	pop %rdi\n"
	"	pop %rsi\n"
	"	pop %rdx\n"
	"	pop %rcx\n"
	"	pop %rax\n"
	"	popfq\n"
	"	ret\n"
	".size kill_point, . - kill_point\n");

static struct kill_points armed;
static bool is_armed;
static uint64_t passed;
static bool was_syscall;

void kill_reached(const struct frame *f);

/* Is the next instruction SYSCALL, and the call FUTEX_WAIT_BITSET? */
static bool falls_asleep(const struct frame *f)
{
	return f->next[0] == 0x0f && f->next[1] == 0x05 &&
	       (f->rax == KILL_SYS_WAITV ||
		(f->rax == SYS_futex && (f->rsi & 127) == 9));
}

void kill_reached(const struct frame *f)
{
	void (*asleep)(void) = armed.asleep;
	uint64_t point = passed;

	if (!is_armed)
		return;
	passed++;
	/* Before the 5 bytes of `call kill_point`. */
	was_syscall = f->next[-7] == 0x0f && f->next[-6] == 0x05;
	if (armed.each)
		armed.each(point);
	if (point == armed.target)
		armed.act();
	if (asleep && falls_asleep(f)) {
		armed.asleep = NULL;
		asleep();
	}
}

void kill_arm(const struct kill_points *points)
{
	armed = *points;
	passed = 0;
	is_armed = true;
}

uint64_t kill_disarm(void)
{
	is_armed = false;
	return passed;
}

bool kill_after_syscall(void)
{
	return was_syscall;
}
