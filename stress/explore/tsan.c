/* SPDX-License-Identifier: MIT */
/*
 * What GCC and Clang call in code compiled with -fsanitize=thread, and the
 * hooks of the library that are mere accesses. Both spellings of the
 * compare-and-swap; strong and weak are the same here, a weak one does not fail
 * without a reason.
 */
#include "runtime.h"

#define PC x_pc(__builtin_return_address(0))

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_vptr_update(void **at, void *value);
void __tsan_vptr_read(void **at);
void __tsan_read_range(void *at, unsigned long bytes);
void __tsan_write_range(void *at, unsigned long bytes);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

void __tsan_vptr_update(void **at, void *value)
{
	(void)value;
	x_shadow_plain(at, sizeof(*at), true, PC);
}

void __tsan_vptr_read(void **at)
{
	x_shadow_plain(at, sizeof(*at), false, PC);
}

void __tsan_read_range(void *at, unsigned long bytes)
{
	x_shadow_plain(at, bytes, false, PC);
}

void __tsan_write_range(void *at, unsigned long bytes)
{
	x_shadow_plain(at, bytes, true, PC);
}

void __tsan_atomic_thread_fence(int order)
{
	x_fence_thread(order, PC);
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
	x_fence_signal(PC);
}

#define PLAIN(NAME, BYTES, WRITE)                    \
	void __tsan_##NAME##BYTES(void *at);         \
	void __tsan_##NAME##BYTES(void *at)          \
	{                                            \
		x_shadow_word(at, BYTES, WRITE, PC); \
	}
#define PLAIN_PAIR(PREFIX, BYTES)         \
	PLAIN(PREFIX##read, BYTES, false) \
	PLAIN(PREFIX##write, BYTES, true)
#define PLAIN_ALL(BYTES)                       \
	PLAIN_PAIR(, BYTES)                    \
	PLAIN_PAIR(unaligned_, BYTES)          \
	PLAIN_PAIR(volatile_, BYTES)           \
	PLAIN_PAIR(unaligned_volatile_, BYTES) \
	PLAIN(read_write, BYTES, true)         \
	PLAIN(unaligned_read_write, BYTES, true)

PLAIN_ALL(1)
PLAIN_ALL(2)
PLAIN_ALL(4)
PLAIN_ALL(8)
PLAIN_ALL(16)

#define RMW(BITS, NAME, OP)                                                 \
	uint##BITS##_t __tsan_atomic##BITS##_##NAME(                        \
		uint##BITS##_t *word, uint##BITS##_t v, int order);         \
	uint##BITS##_t __tsan_atomic##BITS##_##NAME(                        \
		uint##BITS##_t *word, uint##BITS##_t v, int order)          \
	{                                                                   \
		return (uint##BITS##_t)x_rmw(word, sizeof(v), OP, v, order, \
					     PC);                           \
	}

#define CAS(BITS, NAME)                                                     \
	int __tsan_atomic##BITS##_compare_exchange_##NAME(                  \
		uint##BITS##_t *word, uint##BITS##_t *expected,             \
		uint##BITS##_t v, int order, int failure);                  \
	int __tsan_atomic##BITS##_compare_exchange_##NAME(                  \
		uint##BITS##_t *word, uint##BITS##_t *expected,             \
		uint##BITS##_t v, int order, int failure)                   \
	{                                                                   \
		uint##BITS##_t old = (uint##BITS##_t)x_cas(                 \
			word, sizeof(v), *expected, v, order, failure, PC); \
		bool done = old == *expected;                               \
                                                                            \
		*expected = old;                                            \
		return done;                                                \
	}

#define ATOMIC(BITS)                                                          \
	uint##BITS##_t __tsan_atomic##BITS##_load(const uint##BITS##_t *word, \
						  int order);                 \
	void __tsan_atomic##BITS##_store(uint##BITS##_t *word,                \
					 uint##BITS##_t v, int order);        \
	uint##BITS##_t __tsan_atomic##BITS##_compare_exchange_val(            \
		uint##BITS##_t *word, uint##BITS##_t expected,                \
		uint##BITS##_t v, int order, int failure);                    \
	uint##BITS##_t __tsan_atomic##BITS##_load(const uint##BITS##_t *word, \
						  int order)                  \
	{                                                                     \
		return (uint##BITS##_t)x_load((void *)(uintptr_t)word,        \
					      sizeof(*word), order, PC);      \
	}                                                                     \
	void __tsan_atomic##BITS##_store(uint##BITS##_t *word,                \
					 uint##BITS##_t v, int order)         \
	{                                                                     \
		x_store(word, sizeof(v), v, order, PC);                       \
	}                                                                     \
	uint##BITS##_t __tsan_atomic##BITS##_compare_exchange_val(            \
		uint##BITS##_t *word, uint##BITS##_t expected,                \
		uint##BITS##_t v, int order, int failure)                     \
	{                                                                     \
		return (uint##BITS##_t)x_cas(word, sizeof(v), expected, v,    \
					     order, failure, PC);             \
	}                                                                     \
	CAS(BITS, strong)                                                     \
	CAS(BITS, weak)                                                       \
	RMW(BITS, exchange, X_XCHG)                                           \
	RMW(BITS, fetch_add, X_ADD)                                           \
	RMW(BITS, fetch_sub, X_SUB)                                           \
	RMW(BITS, fetch_and, X_AND)                                           \
	RMW(BITS, fetch_or, X_OR)                                             \
	RMW(BITS, fetch_xor, X_XOR)                                           \
	RMW(BITS, fetch_nand, X_NAND)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

/*
 * Copies. The linker sends every call of the C library's functions here
 * (--wrap), those of newer Clangs have names of their own. Small constant ones
 * that GCC expands in place after instrumenting go unseen, which is why the
 * library's copies of payload have a hook.
 */
void *__real_memmove(void *to, const void *from, size_t bytes);
void *__wrap_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memmove(void *to, const void *from, size_t bytes);
void *__wrap_memset(void *to, int byte, size_t bytes);
void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes);
void *__tsan_memset(void *to, int byte, size_t bytes);

static void copied(void *to, const void *from, size_t bytes, const void *pc)
{
	if (from)
		x_shadow_plain(from, bytes, false, x_pc(pc));
	x_shadow_plain(to, bytes, true, x_pc(pc));
}

#define RETURN_ADDRESS __builtin_return_address(0)

void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
	copied(to, from, bytes, RETURN_ADDRESS);
	return __real_memcpy(to, from, bytes);
}

void *__wrap_memmove(void *to, const void *from, size_t bytes)
{
	copied(to, from, bytes, RETURN_ADDRESS);
	return __real_memmove(to, from, bytes);
}

void *__wrap_memset(void *to, int byte, size_t bytes)
{
	copied(to, NULL, bytes, RETURN_ADDRESS);
	return __real_memset(to, byte, bytes);
}

void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
	copied(to, from, bytes, RETURN_ADDRESS);
	return __real_memcpy(to, from, bytes);
}

void *__tsan_memmove(void *to, const void *from, size_t bytes)
{
	copied(to, from, bytes, RETURN_ADDRESS);
	return __real_memmove(to, from, bytes);
}

void *__tsan_memset(void *to, int byte, size_t bytes)
{
	copied(to, NULL, bytes, RETURN_ADDRESS);
	return __real_memset(to, byte, bytes);
}

void x_copy(void *to, const void *from, size_t bytes)
{
	x_shadow_plain(from, bytes, false, PC);
	x_shadow_plain(to, bytes, true, PC);
	__real_memcpy(to, from, bytes);
}

/* Does this run want the fence of other machines where x86-64 needs none? */
bool x_portable(void)
{
	return x.memory == X_RC11;
}
