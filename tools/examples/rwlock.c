/* SPDX-License-Identifier: MIT */
/*
 * Instead of pthread_rwlock_t, or of flock(2) with LOCK_SH and LOCK_EX: many
 * who read or one who writes. The lock of a killed one is not kept: a reader
 * is passed over, of a writer the next one is told.
 */
#include "tools/examples/example.h"

#include "futex/rwlock.h"
#include "futex/sem.h"

#define TIMES 500

struct pair {
	struct slip_sem ready;
	uint64_t a, b; /* always the same */
};

static struct family parent;
static struct slip_rwlock lock; /* each process attaches its own */
static struct pair *pair;

static void attach(struct family *f)
{
	size_t bytes;
	void *mem = family_find(f, "lock", 7, &bytes);

	pair = (struct pair *)family_find(f, "pair", 8, NULL);
	must(slip_rwlock_attach(&lock, mem, bytes, &f->me) == 0, "attach");
}

static int reader(void)
{
	struct family f;

	family_join(&f, &parent);
	attach(&f);
	for (int i = 0; i < TIMES; i++) {
		must(slip_rwlock_read_lock(&lock) == 0, "LOCK_SH");
		must(pair->a == pair->b, "no writer is half-way");
		must(slip_rwlock_read_unlock(&lock) == 0, "unlock");
	}
	return slip_rwlock_detach(&lock);
}

static int killed_as_reader(void)
{
	struct family f;

	family_join(&f, &parent);
	attach(&f);
	must(slip_rwlock_read_lock(&lock) == 0, "LOCK_SH");
	must(slip_sem_post(&pair->ready, 1) == 0, "post");
	wait_for_the_end();
	return 0;
}

static int killed_as_writer(void)
{
	struct family f;

	family_join(&f, &parent);
	attach(&f);
	must(slip_rwlock_write_lock(&lock) == 0, "LOCK_EX");
	pair->a++;
	return raise(SIGKILL);
}

static void write_once(void)
{
	must(slip_rwlock_write_lock(&lock) == 0, "LOCK_EX");
	pair->a++;
	pair->b++;
	must(slip_rwlock_write_unlock(&lock) == 0, "unlock");
}

static void with_the_dead(void)
{
	pid_t child = start(killed_as_reader);

	must(slip_sem_acquire(&pair->ready, 1) == 0, "wait");
	must(slip_rwlock_try_read_lock(&lock) == 0, "beside a reader");
	must(slip_rwlock_read_unlock(&lock) == 0, "unlock");
	must(slip_rwlock_try_write_lock(&lock) == -EBUSY, "LOCK_NB");
	kill_it(child);
	write_once();

	must(!went_well(start(killed_as_writer)), "killed");
	must(slip_rwlock_read_lock(&lock) == -EOWNERDEAD, "no reader gets in");
	must(slip_rwlock_write_lock(&lock) == -EOWNERDEAD, "we are told");
	pair->b = pair->a;
	must(slip_rwlock_consistent(&lock) == 0, "repaired");
	must(slip_rwlock_write_unlock(&lock) == 0, "unlock");
}

int main(void)
{
	size_t bytes = slip_rwlock_bytes(8);
	pid_t child[2];
	void *mem;

	family_create(&parent, bytes + sizeof(*pair));
	mem = family_add(&parent, "lock", 7, bytes);
	must(slip_rwlock_init(mem, bytes, 8, 0) == 0, "init");
	(void)family_add(&parent, "pair", 8, sizeof(*pair));
	family_publish(&parent);
	attach(&parent);

	child[0] = start(reader);
	child[1] = start(reader);
	for (int i = 0; i < TIMES; i++)
		write_once();
	must(went_well(child[0]) && went_well(child[1]), "readers");
	with_the_dead();
	must(slip_rwlock_detach(&lock) == 0, "detach");
	family_leave(&parent);
	return 0;
}
