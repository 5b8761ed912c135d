/* SPDX-License-Identifier: MIT */
/*
 * The explorer's own evidence: litmus tests, each run to exhaustion under each
 * memory model, and what may be seen in them compared with what shall be.
 *
 * "Never" has to be never in any execution; "seen" in at least one. A third
 * answer, missed, is kept for what the language allows and the explorer does
 * not show, as its README says.
 */
#include <string.h>
#include <sys/syscall.h>

#include "explore.h"

#define NEVER  0u
#define SC     1u
#define TSO    2u
#define RC11   4u
#define WEAK   (TSO | RC11)
#define ALWAYS (SC | TSO | RC11)

static uint32_t x, y, z;
static uint32_t data; /* plain */
static uint32_t r[6];
static uint64_t seen, runs;

#define ST(at, v, order)   __atomic_store_n(&(at), v, __ATOMIC_##order)
#define LD(at, order)	   __atomic_load_n(&(at), __ATOMIC_##order)
#define XCHG(at, v, order) __atomic_exchange_n(&(at), v, __ATOMIC_##order)
#define ADD(at, v, order)  __atomic_fetch_add(&(at), v, __ATOMIC_##order)
#define OR(at, v, order)   __atomic_fetch_or(&(at), v, __ATOMIC_##order)
#define FENCE(order)	   __atomic_thread_fence(__ATOMIC_##order)
#define LIGHT()		   __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define HEAVY()		   ((void)x_sys(SYS_membarrier, 2, 0, 0, 0, 0, 0))

/* An addition of a known 0 would be a load to Clang. */
static uint32_t zero(void)
{
	uint32_t v = 0;

	__asm__("" : "+r"(v));
	return v;
}

static void once(void)
{
	seen = 0;
	runs = 0;
	x_name(&x, 4, "x");
	x_name(&y, 4, "y");
	x_name(&z, 4, "z");
	x_name(&data, 4, "data");
}

static void setup(void)
{
	x = y = z = data = 0;
	memset(r, 0xff, sizeof(r));
}

static void finish(const char *name, unsigned where)
{
	unsigned bit = !strcmp(x_memory(), "sc")    ? SC
		       : !strcmp(x_memory(), "tso") ? TSO
						    : RC11;

	X_ASSERT(runs, "%s: nothing ran", name);
	X_ASSERT(!seen == !(where & bit), "%s: %s under %s", name,
		 seen ? "seen" : "never seen", x_memory());
}

/*
 * LITMUS(name, where it may be seen, outcome, bodies of four threads)
 * defines the functions; the table below names them again.
 */
#define LITMUS(NAME, WHERE, OUTCOME, T0, T1, T2, T3) \
	static void NAME##_0(void)                   \
	{                                            \
		T0;                                  \
	}                                            \
	static void NAME##_1(void)                   \
	{                                            \
		T1;                                  \
	}                                            \
	static void NAME##_2(void)                   \
	{                                            \
		T2;                                  \
	}                                            \
	static void NAME##_3(void)                   \
	{                                            \
		T3;                                  \
	}                                            \
	static void NAME##_final(void)               \
	{                                            \
		runs++;                              \
		seen += (OUTCOME);                   \
	}                                            \
	static void NAME##_finish(void)              \
	{                                            \
		finish(#NAME, WHERE);                \
	}

#define NONE (void)0

#include "litmus.inc"

#undef LITMUS
#define THREAD(BODY, NAME) (sizeof(#BODY) == sizeof("NONE") ? NULL : NAME)
#define LITMUS(NAME, WHERE, OUTCOME, T0, T1, T2, T3)                       \
	{                                                                  \
		.name = #NAME,                                             \
		.operation = "explorer.litmus",                            \
		.once = once,                                              \
		.setup = setup,                                            \
		.threads = { NAME##_0, THREAD(T1, NAME##_1),               \
			     THREAD(T2, NAME##_2), THREAD(T3, NAME##_3) }, \
		.final = NAME##_final,                                     \
		.finish = NAME##_finish,                                   \
		.preemptions = 1000,                                       \
		.flags = X_COMPLETE,                                       \
	},

static const struct x_model models[] = {
#include "litmus.inc"
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
