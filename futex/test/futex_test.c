/* SPDX-License-Identifier: MIT */
/*
 * futex/futex.h against the real kernel: wait, wake, requeue and wake_op.
 * (waitv and futex2: futex_waitv_test.c. PI: futex_pi_test.c. Old kernels:
 * futex_hook_test.c.)
 */
#define _GNU_SOURCE
#include "futex/test/sleeper.h"

#define FOREVER SLIP_FOREVER
#define ANY	SLIP_FUTEX_ANY

/* The example of the header, word for word. */
static int door_wait(slip_a32 *door)
{
	while (slip_a32_load_acquire(door) == 0) {
		int rc = slip_futex_wait(door, 0, SLIP_FOREVER, SLIP_SHARED);

		if (rc && rc != -EAGAIN && rc != -EINTR)
			return rc;
	}
	return 0;
}

static void door_open(slip_a32 *door)
{
	slip_a32_store_release(door, 1);
	slip_futex_wake(door, INT32_MAX, SLIP_SHARED);
}

static int sleep_at_door(const struct sleeper *s)
{
	return door_wait(s->w);
}

Test(futex, example_in_the_header_opens_a_door)
{
	slip_a32 *door = shared_page();
	struct sleeper s = sleeper_on(door, SLIP_SHARED);
	pid_t child;

	s.body = sleep_at_door;
	child = sleeper_fork(&s);
	door_open(door);
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_eq(door_wait(door), 0);
}

/* --- wait --- */

Test(futex, wait_returns_eagain_if_the_word_differs)
{
	static slip_a32 w;

	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];

		cr_assert_eq(KERNEL(slip_futex_wait(&w, 1, FOREVER, flags)),
			     -EAGAIN);
		cr_assert_eq(KERNEL(slip_futex_wait_bitset(&w, UINT32_MAX, 1,
							   FOREVER, flags)),
			     -EAGAIN);
	}
}

Test(futex, wait_compares_all_32_bits)
{
	static slip_a32 w;

	slip_a32_store_release(&w, 0x80000000U);
	cr_assert_eq(KERNEL(slip_futex_wait(&w, 0, 0, SLIP_SHARED)), -EAGAIN);
	cr_assert_eq(KERNEL(slip_futex_wait(&w, 0x80000000U, 0, SLIP_SHARED)),
		     -ETIMEDOUT);
}

Test(futex, wait_with_a_past_deadline_times_out_at_once)
{
	static slip_a32 w;

	cr_assert_eq(KERNEL(slip_futex_wait(&w, 0, 0, SLIP_SHARED)),
		     -ETIMEDOUT);
	cr_assert_eq(
		KERNEL(slip_futex_wait(&w, 0, slip_now_ns(), SLIP_PRIVATE)),
		-ETIMEDOUT);
	cr_assert_eq(KERNEL(slip_futex_wait_bitset(&w, 0, 1, 0, SLIP_SHARED)),
		     -ETIMEDOUT);
}

Test(futex, wait_compares_the_value_before_the_deadline)
{
	static slip_a32 w;

	cr_assert_eq(KERNEL(slip_futex_wait(&w, 1, 0, SLIP_SHARED)), -EAGAIN);
}

Test(futex, wait_does_not_time_out_before_its_deadline)
{
	static slip_a32 w;
	uint64_t deadline = slip_after_ns(20 * MS);

	cr_assert_eq(KERNEL(slip_futex_wait(&w, 0, deadline, SLIP_SHARED)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
	deadline = slip_after_ns(20 * MS);
	cr_assert_eq(KERNEL(slip_futex_wait(&w, 0, deadline, SLIP_PRIVATE)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
}

Test(futex, wait_sleeps_however_far_the_deadline)
{
	static const uint64_t far[] = { FOREVER, FOREVER - 1, UINT64_MAX / 2,
					UINT64_MAX / 2 + 1 };
	static slip_a32 w;

	for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		struct sleeper s = sleeper_on(&w, SLIP_SHARED);

		s.deadline_ns = far[i];
		sleeper_start(&s);
		cr_assert_eq(KERNEL(slip_futex_wake(&w, 1, SLIP_SHARED)), 1);
		cr_assert_eq(sleeper_join(&s), 0);
	}
}

Test(futex, wait_returns_eintr_for_a_handler_without_sa_restart)
{
	static slip_a32 w;
	struct sleeper s = sleeper_on(&w, SLIP_SHARED);

	handle_signal(SIGUSR1, 0);
	sleeper_start(&s);
	interrupt(&s);
	cr_assert_eq(sleeper_join(&s), -EINTR);
}

Test(futex, wait_without_deadline_resumes_after_sa_restart)
{
	static slip_a32 w;
	struct sleeper s = sleeper_on(&w, SLIP_SHARED);

	handle_signal(SIGUSR1, SA_RESTART);
	sleeper_start(&s);
	interrupt(&s);
	wake_until(&w, 1, SLIP_SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex, wait_with_deadline_returns_eintr_in_spite_of_sa_restart)
{
	static slip_a32 w;
	struct sleeper s = sleeper_on(&w, SLIP_SHARED);

	s.deadline_ns = slip_after_ns(PATIENCE_NS);
	handle_signal(SIGUSR1, SA_RESTART);
	sleeper_start(&s);
	interrupt(&s);
	cr_assert_eq(sleeper_join(&s), -EINTR);
}

Test(futex, wait_does_not_notice_a_stop_and_continue)
{
	slip_a32 *w = shared_page();
	struct sleeper s = sleeper_on(w, SLIP_SHARED);

	for (int i = 0; i < 2; i++) {
		pid_t child = sleeper_fork(&s);

		cr_assert_eq(kill(child, SIGSTOP), 0);
		until_state(child, 'T');
		cr_assert_eq(kill(child, SIGCONT), 0);
		until_asleep(child);
		wake_until(w, 1, SLIP_SHARED);
		cr_assert_eq(sleeper_wait(child), 0);
		s.deadline_ns = slip_after_ns(PATIENCE_NS);
	}
}

Test(futex, wait_after_a_stop_sees_the_changed_word)
{
	slip_a32 *w = shared_page();
	struct sleeper s = sleeper_on(w, SLIP_SHARED);
	pid_t child = sleeper_fork(&s);

	cr_assert_eq(kill(child, SIGSTOP), 0);
	until_state(child, 'T');
	slip_a32_store_release(w, 1);
	cr_assert_eq(kill(child, SIGCONT), 0);
	cr_assert_eq(sleeper_wait(child), EAGAIN);
}

Test(futex, wait_refuses_wrong_arguments)
{
	static slip_a32 w[2];

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(KERNEL(slip_futex_wait(misaligned(&w[0]), 0,
						    FOREVER, both_flags[i])),
			     -EINVAL);
		cr_assert_eq(KERNEL(slip_futex_wait_bitset(&w[0], 0, 0, FOREVER,
							   both_flags[i])),
			     -EINVAL);
	}
	cr_assert_eq(KERNEL(slip_futex_wait(&w[0], 0, FOREVER, 1)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wait(&w[0], 0, FOREVER, 256)), -EINVAL);
}

Test(futex, wait_without_memory_is_efault)
{
	slip_a32 *w = forbidden_page();

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(
			KERNEL(slip_futex_wait(w, 0, FOREVER, both_flags[i])),
			-EFAULT);
		cr_assert_eq(KERNEL(slip_futex_wait(NULL, 0, FOREVER,
						    both_flags[i])),
			     -EFAULT);
	}
}

/* --- wake --- */

Test(futex, wake_without_sleepers_returns_0)
{
	static slip_a32 w;

	cr_assert_eq(KERNEL(slip_futex_wake(&w, 1, SLIP_SHARED)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(&w, INT32_MAX, SLIP_PRIVATE)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake_bitset(&w, 1, 1, SLIP_SHARED)), 0);
}

Test(futex, wake_wakes_the_longest_waiting_and_no_more_than_count)
{
	static slip_a32 w;

	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper s[4];

		for (unsigned k = 0; k < 4; k++) {
			s[k] = sleeper_on(&w, flags);
			sleeper_start(&s[k]);
		}
		cr_assert_eq(KERNEL(slip_futex_wake(&w, 1, flags)), 1);
		cr_assert_eq(sleeper_join(&s[0]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&w, 2, flags)), 2);
		cr_assert_eq(sleeper_join(&s[1]), 0);
		cr_assert_eq(sleeper_join(&s[2]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&w, INT32_MAX, flags)), 1);
		cr_assert_eq(sleeper_join(&s[3]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&w, 1, flags)), 0);
	}
}

Test(futex, wake_bitset_reaches_only_common_bits)
{
	static slip_a32 w;
	struct sleeper low = sleeper_on(&w, SLIP_SHARED);
	struct sleeper high = sleeper_on(&w, SLIP_SHARED);

	low.body = sleep_bitset;
	low.mask = 1;
	high.body = sleep_bitset;
	high.mask = 0x80000000U;
	sleeper_start(&low);
	sleeper_start(&high);
	cr_assert_eq(
		KERNEL(slip_futex_wake_bitset(&w, 9, 0x7ffffffeU, SLIP_SHARED)),
		0);
	cr_assert_eq(
		KERNEL(slip_futex_wake_bitset(&w, 9, 0xfffffffeU, SLIP_SHARED)),
		1);
	cr_assert_eq(sleeper_join(&high), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(&w, 9, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&low), 0);
}

Test(futex, wake_refuses_wrong_arguments)
{
	static slip_a32 w[2];

	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];

		cr_assert_eq(
			KERNEL(slip_futex_wake(misaligned(&w[0]), 1, flags)),
			-EINVAL);
		cr_assert_eq(KERNEL(slip_futex_wake(&w[0], 0, flags)), -EINVAL);
		cr_assert_eq(KERNEL(slip_futex_wake(&w[0], -1, flags)),
			     -EINVAL);
		cr_assert_eq(KERNEL(slip_futex_wake_bitset(&w[0], 1, 0, flags)),
			     -EINVAL);
	}
	cr_assert_eq(KERNEL(slip_futex_wake(&w[0], 1, 2)), -EINVAL);
}

Test(futex, wake_without_memory_is_efault_only_if_shared)
{
	slip_a32 *w = forbidden_page();

	cr_assert_eq(KERNEL(slip_futex_wake(w, 1, SLIP_SHARED)), -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_wake(w, 1, SLIP_PRIVATE)), 0);
}

Test(futex, a_killed_sleeper_leaves_the_queue)
{
	slip_a32 *w = shared_page();
	struct sleeper s = sleeper_on(w, SLIP_SHARED);

	sleeper_kill(sleeper_fork(&s));
	cr_assert_eq(KERNEL(slip_futex_wake(w, 1, SLIP_SHARED)), 0);
}

/* --- which word: mappings and processes --- */

struct two_mappings {
	int fd;
	slip_a32 *first;
	slip_a32 *second;
};

static struct two_mappings map_twice(int second_prot)
{
	struct two_mappings m;
	void *p;

	m.fd = (int)syscall(SYS_memfd_create, "futex_test", 0);
	cr_assert_geq(m.fd, 0);
	cr_assert_eq(ftruncate(m.fd, 4096), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
	cr_assert_neq(p, MAP_FAILED);
	m.first = (slip_a32 *)p;
	p = mmap(NULL, 4096, second_prot, MAP_SHARED, m.fd, 0);
	cr_assert_neq(p, MAP_FAILED);
	m.second = (slip_a32 *)p;
	cr_assert_neq((void *)m.first, (void *)m.second);
	return m;
}

Test(futex, shared_wake_finds_the_sleeper_of_another_address)
{
	struct two_mappings m = map_twice(PROT_READ | PROT_WRITE);
	struct sleeper s = sleeper_on(m.second + 5, SLIP_SHARED);

	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first + 4, 1, SLIP_SHARED)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first + 5, 1, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex, shared_wake_finds_the_sleeper_of_another_process)
{
	struct two_mappings m = map_twice(PROT_READ | PROT_WRITE);
	struct sleeper s = sleeper_on(m.second, SLIP_SHARED);
	pid_t child = sleeper_fork(&s);

	/* The child's mapping is at an address that we no longer have. */
	cr_assert_eq(munmap(m.second, 4096), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_wait(child), 0);
}

Test(futex, private_and_shared_do_not_meet)
{
	struct two_mappings m = map_twice(PROT_READ | PROT_WRITE);
	struct sleeper s = sleeper_on(m.first, SLIP_SHARED);

	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_PRIVATE)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
	s = sleeper_on(m.first, SLIP_PRIVATE);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_SHARED)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(m.second, 1, SLIP_PRIVATE)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_PRIVATE)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex, private_does_not_cross_processes)
{
	slip_a32 *w = shared_page();
	struct sleeper s = sleeper_on(w, SLIP_PRIVATE);
	pid_t child = sleeper_fork(&s);

	cr_assert_eq(KERNEL(slip_futex_wake(w, 1, SLIP_PRIVATE)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(w, 1, SLIP_SHARED)), 0);
	sleeper_kill(child);
}

Test(futex, a_read_only_mapping_can_wait_and_wake)
{
	struct two_mappings m = map_twice(PROT_READ);
	struct sleeper s = sleeper_on(m.second, SLIP_SHARED);

	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
	s = sleeper_on(m.first, SLIP_SHARED);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(m.second, 1, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
	cr_assert_eq(KERNEL(slip_futex_wake_op(m.first, 1, m.second, 1, 0,
					       SLIP_SHARED)),
		     -EFAULT);
}

Test(futex, a_truncated_file_is_efault)
{
	struct two_mappings m = map_twice(PROT_READ | PROT_WRITE);

	cr_assert_eq(ftruncate(m.fd, 0), 0);
	cr_assert_eq(KERNEL(slip_futex_wait(m.first, 0, FOREVER, SLIP_SHARED)),
		     -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_wait(m.first, 0, FOREVER, SLIP_PRIVATE)),
		     -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_wake(m.first, 1, SLIP_SHARED)), -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_wake_op(m.first, 1, m.first, 1, 0,
					       SLIP_SHARED)),
		     -EFAULT);
}

/* --- requeue --- */

static void start_three(struct sleeper *s, slip_a32 *w, unsigned flags)
{
	for (unsigned k = 0; k < 3; k++) {
		s[k] = sleeper_on(w, flags);
		sleeper_start(&s[k]);
	}
}

Test(futex, requeue_wakes_some_moves_some_and_counts_both)
{
	static slip_a32 a, b;

	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper s[3];

		start_three(s, &a, flags);
		cr_assert_eq(KERNEL(slip_futex_requeue(&a, 1, &b, 1, flags)),
			     2);
		cr_assert_eq(sleeper_join(&s[0]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&b, 9, flags)), 1);
		cr_assert_eq(sleeper_join(&s[1]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&a, 9, flags)), 1);
		cr_assert_eq(sleeper_join(&s[2]), 0);
	}
}

Test(futex, cmp_requeue_wakes_some_moves_some_and_counts_both)
{
	static slip_a32 a, b;
	struct sleeper s[3];

	start_three(s, &a, SLIP_SHARED);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(&a, 0, 1, &b, INT32_MAX,
						   SLIP_SHARED)),
		     3);
	cr_assert_eq(sleeper_join(&s[0]), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(&a, 9, SLIP_SHARED)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(&b, 9, SLIP_SHARED)), 2);
	cr_assert_eq(sleeper_join(&s[1]), 0);
	cr_assert_eq(sleeper_join(&s[2]), 0);
}

Test(futex, requeue_of_0_wakes_and_moves_nobody)
{
	static slip_a32 a, b;
	struct sleeper s = sleeper_on(&a, SLIP_SHARED);

	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_requeue(&a, 0, &b, 0, SLIP_SHARED)), 0);
	cr_assert_eq(
		KERNEL(slip_futex_cmp_requeue(&a, 0, 0, &b, 0, SLIP_SHARED)),
		0);
	cr_assert_eq(KERNEL(slip_futex_wake(&a, 9, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex, cmp_requeue_returns_eagain_if_the_word_differs)
{
	static slip_a32 a, b;

	cr_assert_eq(
		KERNEL(slip_futex_cmp_requeue(&a, 1, 1, &b, 1, SLIP_SHARED)),
		-EAGAIN);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(&a, UINT32_MAX, 1, &b, 1,
						   SLIP_PRIVATE)),
		     -EAGAIN);
}

Test(futex, a_moved_sleeper_keeps_its_mask)
{
	static slip_a32 a, b;
	struct sleeper s = sleeper_on(&a, SLIP_SHARED);

	s.body = sleep_bitset;
	s.mask = 2;
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_requeue(&a, 0, &b, 1, SLIP_SHARED)), 1);
	cr_assert_eq(KERNEL(slip_futex_wake_bitset(&b, 1, ~2U, SLIP_SHARED)),
		     0);
	cr_assert_eq(KERNEL(slip_futex_wake_bitset(&b, 1, 2, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex, a_moved_sleeper_keeps_its_deadline)
{
	static slip_a32 a, b;
	struct sleeper s = sleeper_on(&a, SLIP_SHARED);

	s.deadline_ns = slip_after_ns(1000 * MS);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_requeue(&a, 0, &b, 1, SLIP_SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), s.deadline_ns);
}

Test(futex, requeue_refuses_wrong_arguments)
{
	static slip_a32 w[2];
	slip_a32 *bad = misaligned(&w[0]);
	slip_a32 *nowhere = forbidden_page();

	cr_assert_eq(KERNEL(slip_futex_requeue(&w[0], -1, &w[1], 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_requeue(&w[0], 1, &w[1], -1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_requeue(bad, 1, &w[1], 1, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_requeue(&w[1], 1, bad, 1, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_requeue(&w[1], 1, &w[0], 1, 4)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_requeue(nowhere, 1, &w[0], 1, 0)),
		     -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_requeue(&w[0], 1, nowhere, 1, 0)),
		     -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(&w[0], 0, -1, &w[1], 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(&w[0], 0, 1, bad, 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(&w[0], 0, 1, &w[1], 1, 8)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(nowhere, 0, 1, &w[1], 1, 0)),
		     -EFAULT);
}

/* --- wake_op --- */

static int wake_op(slip_a32 *target, uint32_t op)
{
	static slip_a32 nobody;

	return KERNEL(
		slip_futex_wake_op(&nobody, 1, target, 1, op, SLIP_SHARED));
}

Test(futex, wake_op_changes_the_word_as_told)
{
	static const struct {
		int op;
		int arg;
		uint32_t before;
		uint32_t after;
	} cases[] = {
		{ SLIP_FUTEX_OP_SET, 7, 5, 7 },
		{ SLIP_FUTEX_OP_SET, -1, 5, 0xffffffffU },
		{ SLIP_FUTEX_OP_SET, 2047, 5, 2047 },
		{ SLIP_FUTEX_OP_SET, -2048, 5, 0xfffff800U },
		{ SLIP_FUTEX_OP_SET, 2048, 5, 0xfffff800U },
		{ SLIP_FUTEX_OP_ADD, 7, 5, 12 },
		{ SLIP_FUTEX_OP_ADD, 1, 0xffffffffU, 0 },
		{ SLIP_FUTEX_OP_ADD, -6, 5, 0xffffffffU },
		{ SLIP_FUTEX_OP_OR, 6, 5, 7 },
		{ SLIP_FUTEX_OP_ANDN, 6, 5, 1 },
		{ SLIP_FUTEX_OP_XOR, 6, 5, 3 },
		{ SLIP_FUTEX_OP_SET | SLIP_FUTEX_OP_SHIFT, 0, 5, 1 },
		{ SLIP_FUTEX_OP_SET | SLIP_FUTEX_OP_SHIFT, 31, 5, 0x80000000U },
		{ SLIP_FUTEX_OP_ADD | SLIP_FUTEX_OP_SHIFT, 20, 5, 0x100005 },
		{ SLIP_FUTEX_OP_OR | SLIP_FUTEX_OP_SHIFT, 1, 5, 7 },
		{ SLIP_FUTEX_OP_ANDN | SLIP_FUTEX_OP_SHIFT, 2, 5, 1 },
		{ SLIP_FUTEX_OP_XOR | SLIP_FUTEX_OP_SHIFT, 31, 5, 0x80000005U },
	};
	static slip_a32 w;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t op = SLIP_FUTEX_OP(cases[i].op, cases[i].arg,
					    SLIP_FUTEX_OP_CMP_EQ, 0);

		slip_a32_store_release(&w, cases[i].before);
		cr_assert_eq(wake_op(&w, op), 0, "case %u", i);
		cr_assert_eq(slip_a32_load_acquire(&w), cases[i].after,
			     "case %u: %#x", i, slip_a32_load_acquire(&w));
	}
}

static bool compare(int32_t old, int cmp, int32_t arg)
{
	switch (cmp) {
	case SLIP_FUTEX_OP_CMP_EQ:
		return old == arg;
	case SLIP_FUTEX_OP_CMP_NE:
		return old != arg;
	case SLIP_FUTEX_OP_CMP_LT:
		return old < arg;
	case SLIP_FUTEX_OP_CMP_LE:
		return old <= arg;
	case SLIP_FUTEX_OP_CMP_GT:
		return old > arg;
	default:
		return old >= arg;
	}
}

/* The word is not changed; woken if and only if the comparison holds. */
static void compare_with_sleeper(int32_t old, int cmp, int32_t arg)
{
	static slip_a32 w;
	struct sleeper s = sleeper_on(&w, SLIP_SHARED);
	int expected = compare(old, cmp, arg) ? 1 : 0;

	slip_a32_store_release(&w, (uint32_t)old);
	s.expected = (uint32_t)old;
	sleeper_start(&s);
	cr_assert_eq(wake_op(&w, SLIP_FUTEX_OP(SLIP_FUTEX_OP_ADD, 0, cmp, arg)),
		     expected, "%d cmp %d %d", old, cmp, arg);
	cr_assert_eq(KERNEL(slip_futex_wake(&w, 9, SLIP_SHARED)), 1 - expected);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex, wake_op_wakes_the_target_if_the_signed_comparison_holds)
{
	static const int32_t values[] = { -2048, -1, 0, 2047 };

	for (int cmp = SLIP_FUTEX_OP_CMP_EQ; cmp <= SLIP_FUTEX_OP_CMP_GE; cmp++)
		for (unsigned i = 0; i < 4; i++)
			for (unsigned k = 0; k < 4; k++)
				compare_with_sleeper(values[i], cmp, values[k]);
}

Test(futex, wake_op_wakes_on_both_words_up_to_each_count)
{
	static slip_a32 a, b;
	uint32_t op =
		SLIP_FUTEX_OP(SLIP_FUTEX_OP_ADD, 1, SLIP_FUTEX_OP_CMP_EQ, 0);

	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper on_a[3], on_b[3];

		slip_a32_store_release(&b, 0);
		start_three(on_a, &a, flags);
		start_three(on_b, &b, flags);
		cr_assert_eq(
			KERNEL(slip_futex_wake_op(&a, 1, &b, 2, op, flags)), 3);
		cr_assert_eq(sleeper_join(&on_a[0]), 0);
		cr_assert_eq(sleeper_join(&on_b[0]), 0);
		cr_assert_eq(sleeper_join(&on_b[1]), 0);
		/* Now b is 1, so only a's are woken. */
		cr_assert_eq(
			KERNEL(slip_futex_wake_op(&a, 9, &b, 9, op, flags)), 2);
		cr_assert_eq(sleeper_join(&on_a[1]), 0);
		cr_assert_eq(sleeper_join(&on_a[2]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&b, 9, flags)), 1);
		cr_assert_eq(sleeper_join(&on_b[2]), 0);
	}
}

Test(futex, wake_op_may_name_one_word_twice)
{
	static slip_a32 w;
	struct sleeper s[3];

	slip_a32_store_release(&w, 0);
	start_three(s, &w, SLIP_SHARED);
	cr_assert_eq(KERNEL(slip_futex_wake_op(
			     &w, INT32_MAX, &w, 0,
			     SLIP_FUTEX_OP(SLIP_FUTEX_OP_ADD, 1,
					   SLIP_FUTEX_OP_CMP_EQ, 0),
			     SLIP_SHARED)),
		     3);
	cr_assert_eq(slip_a32_load_acquire(&w), 1);
	for (unsigned k = 0; k < 3; k++)
		cr_assert_eq(sleeper_join(&s[k]), 0);
}

Test(futex, wake_op_takes_a_target_count_of_0_as_1)
{
	static slip_a32 nobody, w;
	struct sleeper s[3];

	start_three(s, &w, SLIP_SHARED);
	cr_assert_eq(KERNEL(slip_futex_wake_op(
			     &nobody, 1, &w, 0,
			     SLIP_FUTEX_OP(SLIP_FUTEX_OP_ADD, 0,
					   SLIP_FUTEX_OP_CMP_EQ, 0),
			     SLIP_SHARED)),
		     1);
	cr_assert_eq(sleeper_join(&s[0]), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(&w, 9, SLIP_SHARED)), 2);
	cr_assert_eq(sleeper_join(&s[1]), 0);
	cr_assert_eq(sleeper_join(&s[2]), 0);
}

Test(futex, wake_op_with_an_unknown_operation_changes_nothing)
{
	static slip_a32 w;

	slip_a32_store_release(&w, 5);
	cr_assert_eq(wake_op(&w, SLIP_FUTEX_OP(5, 1, SLIP_FUTEX_OP_CMP_EQ, 0)),
		     -ENOSYS);
	cr_assert_eq(slip_a32_load_acquire(&w), 5);
}

Test(futex, wake_op_with_an_unknown_comparison_has_changed_the_word)
{
	static slip_a32 w;

	slip_a32_store_release(&w, 5);
	cr_assert_eq(wake_op(&w, SLIP_FUTEX_OP(SLIP_FUTEX_OP_ADD, 1, 6, 0)),
		     -ENOSYS);
	cr_assert_eq(slip_a32_load_acquire(&w), 6);
}

Test(futex, wake_op_refuses_wrong_arguments)
{
	static slip_a32 w[2];
	slip_a32 *bad = misaligned(&w[0]);
	slip_a32 *nowhere = forbidden_page();

	cr_assert_eq(KERNEL(slip_futex_wake_op(&w[0], 0, &w[1], 1, 0, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wake_op(&w[0], 1, &w[1], -1, 0, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wake_op(&w[0], 1, &w[1], 1, 0, 16)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wake_op(bad, 1, &w[1], 1, 0, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wake_op(&w[1], 1, bad, 1, 0, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wake_op(nowhere, 1, &w[1], 1, 0, 0)),
		     -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_wake_op(&w[1], 1, nowhere, 1, 0, 0)),
		     -EFAULT);
}
