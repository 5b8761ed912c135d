/* SPDX-License-Identifier: MIT */
/*
 * Instead of PTHREAD_MUTEX_ROBUST: who takes the mutex of a killed process is
 * told so, repairs what it protects, and says that all is well.
 */
#include "tools/examples/example.h"

#include "futex/robust_mutex.h"
#include "futex/sem.h"

struct account {
	struct slip_robust_mutex_shared lock;
	struct slip_sem half_way;
	int64_t a, b; /* their sum is 100 */
};

static struct family parent;

static int transfer(void)
{
	struct slip_robust_mutex m;
	struct account *acc;
	struct family f;

	family_join(&f, &parent);
	acc = (struct account *)family_find(&f, "account", 7, NULL);
	must(slip_robust_mutex_attach(&m, &acc->lock, &f.me, 0) == 0, "attach");
	must(slip_robust_mutex_lock(&m) == 0, "lock");
	acc->a -= 30;
	must(slip_sem_post(&acc->half_way, 1) == 0, "post");
	wait_for_the_end();
	return 0;
}

int main(void)
{
	struct slip_robust_mutex m;
	struct account *acc;
	pid_t child;

	family_create(&parent, sizeof(*acc));
	acc = (struct account *)family_add(&parent, "account", 7, sizeof(*acc));
	acc->a = 100;
	must(slip_robust_mutex_init(&acc->lock, 0) == 0, "init");
	family_publish(&parent);
	must(slip_robust_mutex_attach(&m, &acc->lock, &parent.me, 0) == 0,
	     "attach");

	child = start(transfer);
	must(slip_sem_acquire(&acc->half_way, 1) == 0, "wait");
	must(slip_robust_mutex_trylock(&m) == -EBUSY, "its owner lives");
	kill_it(child);
	must(slip_robust_mutex_lock(&m) == -EOWNERDEAD, "its owner died");
	must(acc->a + acc->b == 70, "half-way, as we can see:");
	acc->b += 30;
	must(slip_robust_mutex_consistent(&m) == 0, "repaired");
	must(slip_robust_mutex_unlock(&m) == 0, "unlock");

	must(slip_robust_mutex_lock(&m) == 0, "as good as new");
	must(slip_robust_mutex_lock(&m) == -EDEADLK,
	     "PTHREAD_MUTEX_ERRORCHECK comes with it");
	must(acc->a + acc->b == 100, "the sum");
	must(slip_robust_mutex_unlock(&m) == 0, "unlock");
	family_leave(&parent);
	return 0;
}
