/* SPDX-License-Identifier: MIT */
/*
 * futex/uring.h on a ring made by raw system calls. Skipped where the kernel has
 * no io_uring, forbids it, or does not know the operations; the entries' bytes
 * are checked everywhere.
 */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/sources.h"
#include "futex/uring.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <unistd.h>

/* One entry in each queue at a time. */
static struct {
	int fd;
	unsigned char *rings;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
} u;

static slip_a32 *at(uint32_t offset)
{
	return (slip_a32 *)(void *)(u.rings + offset);
}

static void make(void)
{
	memset(&u, 0, sizeof(u));
	u.fd = (int)slip_sys_raw_(SYS_io_uring_setup, 8, (long)&u.p, 0, 0, 0,
				  0);
	if (u.fd < 0)
		cr_skip("no io_uring: %s", strerror(-u.fd));
	if (slip_uring_knows(u.fd) != 1)
		cr_skip("no futexes in this kernel's io_uring");
	u.rings = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, u.fd,
		       IORING_OFF_SQ_RING);
	u.sqes = mmap(NULL, 8 * sizeof(*u.sqes), PROT_READ | PROT_WRITE,
		      MAP_SHARED, u.fd, IORING_OFF_SQES);
	if (u.rings == MAP_FAILED || u.sqes == MAP_FAILED)
		cr_skip("its rings cannot be mapped as this test does");
}

static struct io_uring_sqe *next(void)
{
	/* own */
	uint32_t tail = slip_a32_load_relaxed(at(u.p.sq_off.tail));

	slip_a32_store_relaxed(at(u.p.sq_off.array) + (tail & 7), tail & 7);
	return &u.sqes[tail & 7];
}

static void submit(void)
{
	/* The kernel's contract. */
	(void)slip_a32_fetch_add_release(at(u.p.sq_off.tail), 1);
	cr_assert_eq(slip_sys_raw_(SYS_io_uring_enter, u.fd, 1, 0, 0, 0, 0), 1);
}

/* The next completion's result; waits for it. */
static int done(uint64_t user_data)
{
	uint32_t head = slip_a32_load_relaxed(at(u.p.cq_off.head)); /* own */
	struct io_uring_cqe *cqes = (void *)(u.rings + u.p.cq_off.cqes);
	struct io_uring_cqe *cqe = &cqes[head & (u.p.cq_entries - 1)];

	cr_assert_eq(slip_sys_raw_(SYS_io_uring_enter, u.fd, 0, 1,
				   IORING_ENTER_GETEVENTS, 0, 0),
		     0);
	cr_assert_neq(slip_a32_load_acquire(at(u.p.cq_off.tail)), head);
	cr_assert_eq(cqe->user_data, user_data);
	slip_a32_store_release(at(u.p.cq_off.head), head + 1);
	return cqe->res;
}

static bool none_done(void)
{
	return slip_a32_load_acquire(at(u.p.cq_off.tail)) ==
	       slip_a32_load_relaxed(at(u.p.cq_off.head));
}

static slip_a32 word;
static struct slip_event event;

Test(uring, an_entry_is_as_the_kernel_reads_it)
{
	struct slip_futex_waiter w[3];
	struct io_uring_sqe sqe;

	slip_uring_wait(&sqe, &word, 7, SLIP_PRIVATE, 99);
	cr_assert_eq(sqe.opcode, 51);
	cr_assert_eq(sqe.fd, 130);
	cr_assert_eq(sqe.addr, (uint64_t)(uintptr_t)&word);
	cr_assert_eq(sqe.addr2, 7u);
	cr_assert_eq(sqe.addr3, UINT32_MAX);
	cr_assert_eq(sqe.user_data, 99u);
	cr_assert_eq(sqe.len, 0u);
	slip_uring_waitv(&sqe, w, 3, 98);
	cr_assert_eq(sqe.opcode, 53);
	cr_assert_eq(sqe.addr, (uint64_t)(uintptr_t)w);
	cr_assert_eq(sqe.len, 3u);
	cr_assert_eq(sqe.fd, 0);
	cr_assert_eq(sqe.addr2, 0u);
	cr_assert_eq(sqe.user_data, 98u);
}

Test(uring, a_kernel_without_it_says_so)
{
	cr_assert_lt(slip_uring_knows(-1), 0);
	hook_fail(SYS_io_uring_register, 0, ENOSYS);
	cr_assert_eq(slip_uring_knows(0), -ENOSYS);
	hook_off();
}

Test(uring, a_word_is_waited_for)
{
	make();
	slip_uring_wait(next(), &word, 1, SLIP_SHARED, 5);
	submit();
	cr_assert_eq(done(5), -EAGAIN, "it is 0");
	slip_uring_wait(next(), &word, 0, SLIP_SHARED, 6);
	submit();
	cr_assert(none_done());
	slip_word_change(&word, 1, SLIP_SHARED);
	cr_assert_eq(done(6), 0);
	slip_uring_wait(next(), &word, 1, 1, 7);
	submit();
	cr_assert_eq(done(7), -EINVAL, "no such flag");
}

Test(uring, an_event_is_waited_for)
{
	uint32_t key;

	make();
	cr_assert_eq(slip_event_prepare(&event, SLIP_EVENT_FULL, &key), 0);
	slip_uring_wait_event(next(), &event, key, 8);
	submit();
	cr_assert(none_done());
	slip_event_notify(&event, SLIP_EVENT_FULL);
	cr_assert_eq(done(8), 0);
	/* Told between prepare and submit. */
	cr_assert_eq(slip_event_prepare(&event, SLIP_EVENT_FULL, &key), 0);
	slip_event_notify(&event, SLIP_EVENT_FULL);
	slip_uring_wait_event(next(), &event, key, 9);
	submit();
	cr_assert_eq(done(9), -EAGAIN);
}

Test(uring, a_set_is_waited_for)
{
	static struct slip_sem sem;
	struct slip_source s[2];
	struct slip_waitset w;

	cr_assert_eq(slip_sem_init(&sem, 0), 0);
	slip_sem_source(&s[0], &sem, 1);
	slip_word_source(&s[1], &word, 0, SLIP_PRIVATE);
	cr_assert_eq(slip_waitset_init(&w, s, 2), 0);
	make();
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(slip_uring_waitset(next(), &w, 10), 0);
		submit();
		cr_assert(none_done());
		if (i)
			slip_word_change(&word, 1, SLIP_PRIVATE);
		else
			cr_assert_eq(slip_sem_post(&sem, 1), 0);
		cr_assert_eq(done(10), i);
		cr_assert_eq(slip_uring_waitset(next(), &w, 11), 1);
		cr_assert_eq(s[i].now, 1);
		if (!i)
			cr_assert_eq(slip_sem_acquire_try(&sem, 1), 0);
	}
}

/* Whatever words it slept on before, one at a time. */
Test(uring, the_words_of_a_set_are_in_the_order_of_its_sources)
{
	static slip_a32 words[3];
	struct io_uring_sqe sqe;
	struct slip_source s[3];
	struct slip_waitset w;

	for (unsigned i = 0; i < 3; i++)
		slip_word_source(&s[i], &words[i], 0, SLIP_PRIVATE);
	cr_assert_eq(slip_waitset_init(&w, s, 3), 0);
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, ENOSYS);
	while (w.turn == 0)
		cr_assert_eq(slip_waitset_wait(&w, slip_after_ns(1000)),
			     -ETIMEDOUT);
	hook_off();
	cr_assert_eq(slip_uring_waitset(&sqe, &w, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(w.words[i].address,
			     (uint64_t)(uintptr_t)&words[i]);
}

Test(uring, a_set_that_cannot_be_waited_for)
{
	static struct slip_source many[SLIP_FUTEX_WAITV_MAX + 1];
	struct io_uring_sqe sqe;
	struct slip_waitset w;

	for (unsigned i = 0; i <= SLIP_FUTEX_WAITV_MAX; i++)
		slip_word_source(&many[i], &word, 0, SLIP_SHARED);
	cr_assert_eq(slip_waitset_init(&w, many, SLIP_FUTEX_WAITV_MAX + 1), 0);
	cr_assert_eq(slip_uring_waitset(&sqe, &w, 1), -EINVAL);
	cr_assert_eq(slip_waitset_init(&w, many, SLIP_FUTEX_WAITV_MAX), 0);
	cr_assert_eq(slip_uring_waitset(&sqe, &w, 1), 0, "one less");
	cr_assert_eq(slip_waitset_init(&w, many, 0), -EINVAL);
	cr_assert_eq(slip_uring_waitset(&sqe, &w, 1), -EINVAL);
	slip_event_source(&many[0], &event, SLIP_EVENT_ASYM, SLIP_FOREVER,
			  slip_flag_now_, &word);
	cr_assert_eq(slip_waitset_init(&w, many, 1), 0);
	hook_fail(SYS_membarrier, 0, EPERM);
	cr_assert_eq(slip_uring_waitset(&sqe, &w, 1), -EPERM);
	hook_off();
}
