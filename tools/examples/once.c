/* SPDX-License-Identifier: MIT */
/*
 * Instead of pthread_once(3), across processes: whoever comes first makes it,
 * the others wait; and if the maker is killed half-way, the next one is told.
 */
#include "tools/examples/example.h"

#include "futex/once.h"
#include "futex/sem.h"

struct made {
	struct slip_once once;
	struct slip_sem begun;
	char what[32];
	uint32_t times; /* how often it was made; plain: one at a time */
};

static struct family parent;

static int dies_half_way(void)
{
	struct family f;
	struct made *m;

	family_join(&f, &parent);
	m = (struct made *)family_find(&f, "made", 7, NULL);
	must(slip_once_begin(&m->once, &f.me) == 1, "it is ours to make");
	memcpy(m->what, "half", 5);
	must(slip_sem_post(&m->begun, 1) == 0, "post");
	wait_for_the_end();
	return 0;
}

static int user(void)
{
	struct family f;
	struct made *m;
	int rc;

	family_join(&f, &parent);
	m = (struct made *)family_find(&f, "made", 7, NULL);
	rc = slip_once_begin(&m->once, &f.me);
	must(rc == 0 || rc == -EOWNERDEAD, "it is made, or one of us is told");
	if (rc == -EOWNERDEAD) {
		must(strcmp(m->what, "half") == 0, "as the dead one left it");
		memcpy(m->what, "complete", 9);
		m->times++;
		rc = slip_once_end(&m->once, &f.me);
	}
	must(rc == 0 && strcmp(m->what, "complete") == 0, "it is made");
	family_leave(&f);
	return 0;
}

int main(void)
{
	pid_t maker, child[3];
	struct made *m;

	family_create(&parent, sizeof(*m));
	m = (struct made *)family_add(&parent, "made", 7, sizeof(*m));
	family_publish(&parent); /* zero bytes: not begun */

	maker = start(dies_half_way);
	must(slip_sem_acquire(&m->begun, 1) == 0, "wait");
	must(slip_once_begin_until(&m->once, &parent.me, 0) == -ETIMEDOUT,
	     "its maker lives");
	for (int i = 0; i < 3; i++)
		child[i] = start(user);
	kill_it(maker);
	for (int i = 0; i < 3; i++)
		must(went_well(child[i]), "user");
	must(m->times == 1, "by one alone");
	must(slip_once_begin(&m->once, &parent.me) == 0, "once is enough");
	family_leave(&parent);
	return 0;
}
