/* SPDX-License-Identifier: MIT */
/*
 * System calls. futex and membarrier are scheduler primitives; what a model
 * answers itself never comes here; everything else is done for real. Of that
 * we note what a thread has opened and mapped, to take it away at its death,
 * and which bytes of a file its locks hold, since a lock that is given up
 * happens before one that is taken.
 *
 * A shared mapping gets alias addresses, which name the place in the file: the
 * same for all mappings of it. Any other gets some that nothing else has had:
 * the kernel gives the same place to one mapping after another.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime.h"

#define HANDLES_MAX 128
#define LOCKS_MAX   128
#define FILES_MAX   64
#define KEPT	    (X_THREADS + 1) /* owner: `once`, kept for the run */

/* Linux's, which older headers lack. */
#define OFD_GETLK 36
#define OFD_SETLK 37

struct handle {
	bool used;
	uint8_t owner;
	int fd;		 /* or -1: a mapping */
	uintptr_t start; /* of the mapping */
	size_t bytes;
	uintptr_t alias; /* of its start, or 0 */
};

struct lock {
	int64_t start;
	uint8_t holder; /* the thread that took it last, or X_ALONE */
	struct x_view given_up;
};

static struct {
	struct handle handle[HANDLES_MAX];
	unsigned handles; /* one past the last used */
	unsigned kept;
	struct lock lock[LOCKS_MAX];
	unsigned locks;
	struct {
		dev_t dev;
		ino_t ino;
	} file[FILES_MAX];
	unsigned files, files_kept;
	struct x_view named; /* by whoever changed a directory */
	uint16_t fresh;	     /* mappings of an execution that are of no file */
	bool once;
} k;

static long raw(long nr, const long a[6])
{
	long r = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	return r == -1 ? -errno : r;
}

/* --- descriptors and mappings ---------------------------------------------- */

static uint8_t owner_now(void)
{
	if (k.once)
		return KEPT;
	return (uint8_t)x_self();
}

static struct handle *new_handle(void)
{
	unsigned i = 0;

	while (i < k.handles && k.handle[i].used)
		i++;
	if (i == HANDLES_MAX)
		x_fail_text("more than %u descriptors and mappings",
			    HANDLES_MAX);
	if (i == k.handles)
		k.handles++;
	memset(&k.handle[i], 0, sizeof(k.handle[i]));
	k.handle[i].used = true;
	k.handle[i].owner = owner_now();
	return &k.handle[i];
}

static void note_fd(long fd)
{
	if (fd >= 0)
		new_handle()->fd = (int)fd;
}

static void forget_fd(int fd)
{
	for (unsigned i = 0; i < k.handles; i++)
		if (k.handle[i].used && k.handle[i].fd == fd)
			k.handle[i].used = false;
}

/* An address that only this file has, for the byte at `offset`. */
static uintptr_t alias_of(int fd, uintptr_t offset)
{
	struct stat st;
	unsigned i = 0;

	if (fstat(fd, &st))
		return 0;
	while (i < k.files &&
	       (k.file[i].dev != st.st_dev || k.file[i].ino != st.st_ino))
		i++;
	if (i == FILES_MAX)
		x_fail_text("more than %u files", FILES_MAX);
	if (i == k.files) {
		k.file[i].dev = st.st_dev;
		k.file[i].ino = st.st_ino;
		k.files++;
	}
	return ((uintptr_t)(i + 1) << 48) + offset;
}

static void count_ranges(void)
{
	x.ranges = 0;
	for (unsigned i = 0; i < k.handles; i++)
		if (k.handle[i].used && k.handle[i].alias)
			x.ranges = i + 1;
}

uintptr_t x_alias(uintptr_t address)
{
	for (unsigned i = 0; i < x.ranges; i++) {
		const struct handle *h = &k.handle[i];

		if (h->used && h->alias && address - h->start < h->bytes)
			return h->alias + (address - h->start);
	}
	return address;
}

/* The bytes are mapped anew, or no longer: what we knew of them goes. */
static void forget_map(uintptr_t start, size_t bytes)
{
	unsigned n = k.handles;

	for (unsigned i = 0; i < n; i++) {
		struct handle *h = &k.handle[i];
		uintptr_t end = h->start + h->bytes;
		struct handle rest = *h;

		if (!h->used || h->fd >= 0 || start >= end ||
		    start + bytes <= h->start)
			continue;
		h->used = false;
		if (start > rest.start) {
			h = new_handle();
			*h = rest;
			h->bytes = start - rest.start;
		}
		if (start + bytes < end) {
			h = new_handle();
			*h = rest;
			h->start = start + bytes;
			h->bytes = end - h->start;
			if (h->alias)
				h->alias += h->start - rest.start;
		}
	}
}

static void note_map(uintptr_t start, const long a[6])
{
	struct handle *h;

	forget_map(start, (size_t)a[1]);
	h = new_handle();
	h->fd = -1;
	h->start = start;
	h->bytes = (size_t)a[1];
	if (a[3] & MAP_SHARED && !(a[3] & MAP_ANONYMOUS))
		h->alias = alias_of((int)a[4], (uintptr_t)a[5]);
	else if (x.self >= 0) /* new bytes, if not at a new address */
		h->alias = (uintptr_t)(FILES_MAX + ++k.fresh) << 48;
	count_ranges();
}

static void drop(struct handle *h)
{
	h->used = false;
	if (h->fd >= 0)
		close(h->fd);
	else
		munmap((void *)h->start, h->bytes);
}

/* --- locks of files -------------------------------------------------------- */

static struct lock *lock_at(int64_t start)
{
	for (unsigned i = 0; i < k.locks; i++)
		if (k.lock[i].start == start)
			return &k.lock[i];
	if (k.locks == LOCKS_MAX)
		x_fail_text("more than %u file locks", LOCKS_MAX);
	memset(&k.lock[k.locks], 0, sizeof(k.lock[0]));
	k.lock[k.locks].start = start;
	k.lock[k.locks].holder = X_ALONE;
	return &k.lock[k.locks++];
}

static void give_up(struct lock *l, unsigned thread)
{
	x_memory_drain(thread);
	x_join(&l->given_up, &x.thread[thread].now);
	x_tick(thread);
}

/* Whatever the thread closes or unmaps may end its locks. */
static void give_up_all(unsigned thread)
{
	for (unsigned i = 0; i < k.locks; i++)
		if (k.lock[i].holder == thread)
			give_up(&k.lock[i], thread);
}

static void note_lock(long command, const struct flock *f)
{
	struct lock *l;

	if (x.self < 0)
		return;
	l = lock_at(f->l_start);
	if (command == OFD_GETLK) {
		if (f->l_type == F_UNLCK)
			x_join(&x_me()->now, &l->given_up);
	} else if (f->l_type == F_UNLCK) {
		give_up(l, (unsigned)x.self);
	} else {
		l->holder = (uint8_t)x.self;
		x_join(&x_me()->now, &l->given_up);
	}
}

/* --- futex ----------------------------------------------------------------- */

/* Debian 12's headers do not name it. */
#define SYS_FUTEX_WAITV 449

enum {
	WAIT = 0,
	WAKE = 1,
	REQUEUE = 3,
	CMP_REQUEUE = 4,
	WAKE_OP = 5,
	WAIT_BITSET = 9,
	WAKE_BITSET = 10,
	PRIVATE = 128,
	SHIFTED = 8
};

static uint64_t deadline_of(long at)
{
	const struct timespec *t = (const struct timespec *)at;

	if (!t)
		return UINT64_MAX;
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static long futex_wait(const long a[6], uint32_t bits, uint64_t deadline)
{
	uint32_t *word = (uint32_t *)a[0];

	if (!bits)
		return -EINVAL;
	if (x.self < 0)
		x_fail_text("setup and final must not sleep");
	if (x_memory_peek(word, 4, 0) != (uint32_t)a[2])
		return -EAGAIN;
	return x_sleep(x_alias((uintptr_t)word), bits, deadline);
}

/* As <linux/futex.h> lays it out. */
struct waiter {
	uint64_t expected;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};

/* All in one step. The kernel compares and queues one word after the other, but
 * who is woken on one meanwhile does not go to sleep: so it comes to the same. */
static long futex_waitv(const long a[6])
{
	const struct waiter *w = (const struct waiter *)a[0];
	uintptr_t keys[X_WORDS];
	unsigned n = (unsigned)a[1];

	if (!n || n > X_WORDS)
		x_fail_text("futex_waitv on %u words", n);
	if (x.self < 0)
		x_fail_text("setup and final must not sleep");
	for (unsigned i = 0; i < n; i++) {
		void *word = (void *)(uintptr_t)w[i].address;

		if (x_memory_peek(word, 4, 0) != w[i].expected)
			return -EAGAIN;
		keys[i] = x_alias((uintptr_t)word);
	}
	return x_sleep_on(keys, n, deadline_of(a[3]));
}

static enum x_op operation(uint32_t op, uint32_t *arg)
{
	static const enum x_op ops[] = { X_SET, X_ADD, X_OR, X_AND, X_XOR };
	uint32_t which = op >> 28 & 7;

	*arg = (uint32_t)((int32_t)(op << 8) >> 20);
	if (op >> 28 & SHIFTED)
		*arg = UINT32_C(1) << (*arg & 31);
	if (which == 3) /* andn */
		*arg = ~*arg;
	return which < 5 ? ops[which] : X_SET;
}

static bool compare(uint32_t op, uint32_t value)
{
	int32_t old = (int32_t)value;
	int32_t arg = (int32_t)(op << 20) >> 20;

	switch (op >> 24 & 15) {
	case 0:
		return old == arg;
	case 1:
		return old != arg;
	case 2:
		return old < arg;
	case 3:
		return old <= arg;
	case 4:
		return old > arg;
	default:
		return old >= arg;
	}
}

static long wake_op(const long a[6])
{
	uint32_t *target = (uint32_t *)a[4];
	uint32_t arg;
	enum x_op op = operation((uint32_t)a[5], &arg);
	uint64_t old;
	unsigned woken;

	if (x.self >= 0)
		old = x_change(target, 4, op, arg, __ATOMIC_RELAXED, 0);
	else
		old = x_rmw(target, 4, op, arg, __ATOMIC_RELAXED, 0);
	/* As the kernel: a count below 1 is taken as 1. */
	woken = x_wake(x_alias((uintptr_t)a[0]), UINT32_MAX,
		       a[2] > 0 ? (unsigned)a[2] : 1);
	if (compare((uint32_t)a[5], (uint32_t)old))
		woken += x_wake(x_alias((uintptr_t)target), UINT32_MAX,
				(int)a[3] > 0 ? (unsigned)a[3] : 1);
	return (long)woken;
}

static long requeue(const long a[6], bool checked)
{
	uintptr_t from = x_alias((uintptr_t)a[0]);
	uintptr_t to = x_alias((uintptr_t)a[4]);
	unsigned moved = 0;
	unsigned woken;

	if (checked && x.self >= 0 &&
	    x_memory_peek((void *)a[0], 4, 0) != (uint32_t)a[5])
		return -EAGAIN;
	woken = x_wake(from, UINT32_MAX, (unsigned)a[2]);
	for (unsigned i = 0; i < x.threads && moved < (unsigned)a[3]; i++) {
		struct x_thread *t = &x.thread[i];

		if (t->state != X_ASLEEP || t->key != from)
			continue;
		t->key = to;
		t->turn = x.turns++;
		moved++;
	}
	return (long)(woken + moved);
}

static long futex(const long a[6])
{
	unsigned op = (unsigned)a[1] & ~(unsigned)PRIVATE;

	switch (op) {
	case WAIT: {
		uint64_t for_ns = deadline_of(a[3]);

		if (for_ns != UINT64_MAX)
			for_ns += x.now;
		return futex_wait(a, UINT32_MAX, for_ns);
	}
	case WAIT_BITSET:
		return futex_wait(a, (uint32_t)a[5], deadline_of(a[3]));
	case WAKE:
	case WAKE_BITSET:
		return (long)x_wake(x_alias((uintptr_t)a[0]),
				    op == WAKE ? UINT32_MAX : (uint32_t)a[5],
				    a[2] > 0 ? (unsigned)a[2] : 1);
	case WAKE_OP:
		return wake_op(a);
	case REQUEUE:
	case CMP_REQUEUE:
		return requeue(a, op == CMP_REQUEUE);
	default:
		return -ENOSYS;
	}
}

/* --- the door -------------------------------------------------------------- */

static long membarrier(const long a[6])
{
	if (x.model->flags & X_NO_MEMBARRIER)
		return -ENOSYS;
	if (a[0] == 0) /* query: global expedited and its registration */
		return 2 | 4;
	if (a[0] == 2 && x.self >= 0)
		x_membarrier();
	return a[0] == 2 || a[0] == 4 ? 0 : -EINVAL;
}

/* What was done before a file got its name, or lost it, happens before what is
 * done by who found it so. */
static void note_name(long nr, long r)
{
	if (x.self < 0)
		return;
	if (nr == SYS_openat) {
		x_join(&x_me()->now, &k.named);
	} else if (r == 0) {
		x_join(&k.named, &x_me()->now);
		x_tick((unsigned)x.self);
	}
}

/* After the call was done for real: what has it changed? */
static void note(long nr, const long a[6], long r)
{
	switch (nr) {
	case SYS_linkat:
	case SYS_unlinkat:
		note_name(nr, r);
		break;
	case SYS_openat:
		note_name(nr, r);
		note_fd(r);
		break;
	case SYS_memfd_create:
	case SYS_dup:
		note_fd(r);
		break;
	case SYS_fcntl:
		if (a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC)
			note_fd(r);
		else if (r == 0 && (a[1] == OFD_GETLK || a[1] == OFD_SETLK))
			note_lock(a[1], (const struct flock *)a[2]);
		break;
	case SYS_mmap:
		if (r > 0 || r < -4095)
			note_map((uintptr_t)r, a);
		break;
	default:
		break;
	}
}

static long real_call(long nr, const long a[6])
{
	long r;

	if (x.self >= 0 && (nr == SYS_close || nr == SYS_munmap))
		give_up_all((unsigned)x.self);
	if (nr == SYS_close)
		forget_fd((int)a[0]);
	if (nr == SYS_munmap) {
		forget_map((uintptr_t)a[0], (size_t)a[1]);
		count_ranges();
	}
	r = raw(nr, a);
	note(nr, a, r);
	return r;
}

/* What it answers, others do not change: no step, and no fence. */
static bool harmless(long nr)
{
	return nr == SYS_getpid || nr == SYS_gettid || nr == SYS_statx ||
	       nr == SYS_prctl || nr == SYS_geteuid;
}

static long call(long nr, const long a[6])
{
	long r;

	if (x.model->sys && x.model->sys(nr, a, &r))
		return r;
	if (nr == SYS_membarrier)
		return membarrier(a);
	if (harmless(nr))
		return real_call(nr, a);
	x_fence_kernel();
	if (nr == SYS_FUTEX_WAITV)
		r = futex_waitv(a);
	else
		r = nr == SYS_futex ? futex(a) : real_call(nr, a);
	x_fence_kernel();
	return r;
}

long x_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	const long args[6] = { a, b, c, d, e, f };
	uint32_t pc = x_pc(__builtin_return_address(0));
	long r;

	if (x.self < 0 || harmless(nr))
		return call(nr, args);
	x_step();
	if (x.tracing)
		x_trace_call(pc, nr, args, NULL);
	r = call(nr, args);
	if (x.tracing)
		x_trace_call(pc, nr, args, &r);
	return r;
}

/* --- the execution --------------------------------------------------------- */

void x_kernel_once(void)
{
	k.once = true;
}

void x_kernel_begin(void)
{
	if (k.once)
		k.files_kept = k.files;
	k.once = false;
	k.fresh = 0;
	memset(&k.named, 0, sizeof(k.named));
	k.locks = 0;
}

/* What setup, threads and final have left is taken away. */
void x_kernel_end(void)
{
	bool any = false;

	for (unsigned i = 0; i < k.handles; i++)
		if (k.handle[i].used && k.handle[i].owner != KEPT) {
			drop(&k.handle[i]);
			any = true;
		}
	k.files = k.files_kept;
	if (!any)
		return;
	while (k.handles && !k.handle[k.handles - 1].used)
		k.handles--;
	count_ranges();
}

void x_kernel_kill(unsigned thread)
{
	if (!k.handles && !k.locks)
		return;
	x_memory_drain(thread); /* while it has mappings to store to */
	give_up_all(thread);
	for (unsigned i = 0; i < k.handles; i++)
		if (k.handle[i].used && k.handle[i].owner == thread)
			drop(&k.handle[i]);
	count_ranges();
}
