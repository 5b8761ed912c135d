/* SPDX-License-Identifier: MIT */
/* futex/peer.h: joining, leaving, and who is alive. */
#define _GNU_SOURCE
#include "atomics/test/check.h"
#include "futex/test/peers.h"

#include <pthread.h>

/* --- members of one process ------------------------------------------------ */

Test(peer, joins_is_alive_leaves)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(self.id, 1u);
	cr_assert_eq(self.gen, 1u);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 1);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, 1), 1);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, 2), 0);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, 0), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, 2), 0);
	slip_peer_leave(&self);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 0);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, 1), 0);
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

Test(peer, a_reused_id_is_another_member)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(1), 0);
	for (uint32_t gen = 1; gen < 50; gen++) {
		cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
		cr_assert_eq(self.id, 1u);
		cr_assert_eq(self.gen, gen);
		cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, gen), 1);
		cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, gen - 1), 0);
		slip_peer_leave(&self);
	}
}

Test(peer, the_generation_wraps_without_naming_nobody)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(1), 0);
	slip_a64_store_relaxed(&slip_peer_record_(&peers_rg, 1)->word,
			       slip_peer_word_(UINT32_MAX, 0)); /* init */
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(self.gen, 1u);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 1);
	slip_peer_leave(&self);
	slip_a64_store_relaxed(&slip_peer_record_(&peers_rg, 1)->word,
			       slip_peer_word_(UINT32_MAX - 1, 0)); /* init */
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(self.gen, UINT32_MAX);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 1);
	slip_peer_leave(&self);
}

Test(peer, errors_of_asking)
{
	struct slip_region closed;
	struct slip_peer_info info;

	memset(&closed, 0, sizeof(closed));
	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, 0), -EINVAL);
	cr_assert_eq(slip_peer_alive(&peers_rg, 5), -EINVAL);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 0, 1), -EINVAL);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 5, 1), -EINVAL);
	cr_assert_eq(slip_peer_describe(&peers_rg, 5, &info), -EINVAL);
	cr_assert_eq(slip_peer_alive(&closed, 1), -EINVAL);
	slip_a64_store_relaxed(&slip_peer_record_(&peers_rg, 2)->word,
			       slip_peer_word_(1, 7)); /* init */
	cr_assert_eq(slip_peer_alive(&peers_rg, 2), -EBADMSG);
}

Test(peer, errors_of_joining)
{
	struct slip_region reader, closed;
	struct slip_peer a, b, c;

	memset(&closed, 0, sizeof(closed));
	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(slip_region_open(&reader, scratch_path("r"),
				      SLIP_REGION_READONLY),
		     0);
	cr_assert_eq(slip_peer_join(&a, &reader), -EROFS);
	cr_assert_eq(slip_peer_recover(&a), -EROFS);
	cr_assert_eq(slip_peer_join(&a, &closed), -EINVAL);
	cr_assert_eq(slip_peer_join(&a, &peers_rg), 0);
	cr_assert_eq(slip_peer_enter(&a), -EINVAL);
	cr_assert_eq(slip_peer_join(&b, &peers_rg), 0);
	cr_assert_eq(slip_peer_join(&c, &peers_rg), -EUSERS);
	cr_assert_eq(slip_peer_alive(&reader, b.id), 1);
	slip_peer_leave(&a);
	cr_assert_eq(slip_peer_join(&c, &peers_rg), 0);
	cr_assert_eq(c.id, a.id ? a.id : 1u);
	slip_peer_leave(&b);
	slip_peer_leave(&c);
	slip_peer_leave(&c);
	cr_assert_eq(slip_peer_alive(&reader, 1), 0);
	slip_region_close(&reader);
}

Test(peer, a_spoilt_record_is_left_alone)
{
	struct slip_peer a;

	cr_assert_eq(peers_make(2), 0);
	slip_a64_store_relaxed(&slip_peer_record_(&peers_rg, 1)->word,
			       slip_peer_word_(1, 7)); /* init */
	cr_assert_eq(slip_peer_join(&a, &peers_rg), 0);
	cr_assert_eq(a.id, 2u);
	slip_peer_leave(&a);
}

Test(peer, describe_tells_who)
{
	struct slip_peer_info info;
	struct slip_peer self;
	struct stat st;

	cr_assert_eq(prctl(PR_SET_NAME, "somebody"), 0);
	cr_assert_eq(stat("/proc/self/ns/pid", &st), 0);
	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_describe(&peers_rg, 1, &info), 0);
	cr_assert_eq(info.id, 1u);
	cr_assert_eq(info.gen, 1u);
	cr_assert_eq(info.alive, 1);
	cr_assert(info.joined);
	cr_assert_eq(info.pid, (uint32_t)getpid());
	cr_assert_eq(info.tid, (uint32_t)gettid());
	cr_assert_eq(info.pid_namespace, (uint64_t)st.st_ino);
	cr_assert_gt(info.start, 0u);
	cr_assert_leq(info.joined_ns, slip_now_ns());
	cr_assert_str_eq(info.comm, "somebody");
	slip_peer_leave(&self);
	cr_assert_eq(slip_peer_describe(&peers_rg, 1, &info), 0);
	cr_assert_eq(info.alive, 0);
	cr_assert_not(info.joined);
	cr_assert_eq(info.gen, 1u);
}

Test(peer, a_member_leaves_nothing_open_or_mapped)
{
	struct slip_peer self;
	int fds, maps;

	cr_assert_eq(peers_make(2), 0);
	fds = scratch_fds();
	maps = scratch_count("/proc/self/map_files");
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(scratch_fds(), fds);
	cr_assert_eq(slip_peer_recover(&self), 0);
	slip_peer_leave(&self);
	cr_assert_eq(scratch_fds(), fds);
	cr_assert_eq(scratch_count("/proc/self/map_files"), maps);
}

static void *join_in_thread(void *self)
{
	return slip_peer_join(self, &peers_rg) ? self : NULL;
}

Test(peer, a_thread_may_go_without_its_membership)
{
	struct slip_peer a, b;
	pthread_t t;
	void *failed;

	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_join(&a, &peers_rg), 0);
	cr_assert_eq(pthread_create(&t, NULL, join_in_thread, &b), 0);
	cr_assert_eq(pthread_join(t, &failed), 0);
	cr_assert_null(failed);
	cr_assert_eq(b.id, 2u);
	cr_assert_eq(slip_peer_alive(&peers_rg, b.id), 1);
	cr_assert_eq(slip_peer_recover(&a), 0);
	slip_peer_leave(&a);
	cr_assert_eq(slip_peer_alive(&peers_rg, b.id), 1);
	slip_peer_leave(&b);
}

static void *come_and_go(void *arg)
{
	struct slip_peer self;

	for (int i = 0; i < 200; i++) {
		if (slip_peer_join(&self, &peers_rg))
			return arg;
		if (slip_peer_member_alive(&peers_rg, self.id, self.gen) != 1)
			return arg;
		slip_peer_leave(&self);
	}
	return NULL;
}

Test(peer, threads_come_and_go)
{
	pthread_t t[4];
	void *failed;

	/* Room to spare: an id that another is leaving may be skipped. */
	cr_assert_eq(peers_make(16), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, come_and_go, t), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(t[i], &failed), 0);
		cr_assert_null(failed);
	}
	for (uint32_t id = 1; id <= 16; id++)
		cr_assert_eq(slip_peer_alive(&peers_rg, id), 0);
}

Test(peer, the_creator_may_join_before_it_publishes)
{
	struct slip_region rg, other;
	struct slip_peer self;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_region_open(&other, scratch_path("r"), 0), 0);
	cr_assert_eq(slip_peer_alive(&other, self.id), 1);
	slip_peer_leave(&self);
	slip_region_close(&rg);
	slip_region_close(&other);
}

/* --- threads whose descriptors are not the process's ----------------------- */

/* With a descriptor table of its own: NULL if /proc's other table misled it. */
static void *adopt_apart(void *arg)
{
	struct slip_region mine, again;
	struct slip_peer self;
	bool right;

	/* What the numbers mean for the others is shifted by one. */
	if (unshare(CLONE_FILES) || close(*(int *)arg) ||
	    slip_region_create(&mine, 64, SLIP_REGION_MEMFD) ||
	    !slip_region_add(&mine, "mine", 3, 64) ||
	    slip_region_publish(&mine, NULL, 0600) ||
	    slip_region_adopt(&again, slip_region_fd(&mine), 0))
		return NULL;
	right = slip_region_find(&again, "mine", 3, NULL) &&
		slip_peer_join(&self, &again) == 0;
	if (right)
		slip_peer_leave(&self);
	slip_region_close(&again);
	slip_region_close(&mine);
	return right ? arg : NULL;
}

Test(peer_thread, with_a_descriptor_table_of_its_own)
{
	struct slip_region other;
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_t t;
	void *right;

	/* The lowest number is free in the thread's table, and here a region */
	(void)scratch_dir();
	close(first);
	cr_assert_eq(slip_region_create(&other, 64, SLIP_REGION_MEMFD), 0);
	first = slip_region_fd(&other);
	cr_assert_eq(slip_region_publish(&other, NULL, 0600), 0);
	cr_assert_eq(pthread_create(&t, NULL, adopt_apart, &first), 0);
	cr_assert_eq(pthread_join(t, &right), 0);
	cr_assert_not_null(right);
	slip_region_close(&other);
}

static struct slip_region orphan_rg;
static struct slip_peer orphan;

static bool leader_is_gone(void)
{
	char text[256];
	const char *at;

	if (slip_file_slurp_("/proc/self/stat", text, sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	return at && at[2] == 'Z';
}

static void *go_on_without_main(void *arg)
{
	struct slip_region rg;
	struct slip_peer self;

	while (!leader_is_gone())
		sched_yield();
	if (slip_peer_join(&self, &orphan_rg))
		_exit(3);
	slip_peer_leave(&self);
	if (slip_region_adopt(&rg, slip_region_fd(&orphan_rg), 0))
		_exit(4);
	slip_region_close(&rg);
	if (slip_region_create_at(&rg, scratch_dir(), 1, 0) ||
	    slip_region_publish(&rg, scratch_path("late"), 0600))
		_exit(5);
	slip_peer_leave(&orphan);
	if (slip_peer_alive(&orphan_rg, 1) != 0 ||
	    slip_file_umask_allows_() != 0750)
		_exit(6);
	_exit(arg ? 1 : 0);
}

static int main_goes_first(void *arg)
{
	pthread_t t;

	umask(027);
	if (peers_open(&orphan_rg) || slip_peer_join(&orphan, &orphan_rg) ||
	    pthread_create(&t, NULL, go_on_without_main, arg))
		return 2;
	pthread_exit(NULL);
}

Test(peer_thread, outlives_main)
{
	struct slip_peer_info info;

	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(actor_run(main_goes_first, NULL), 0);
	cr_assert_eq(slip_peer_describe(&peers_rg, 1, &info), 0);
	cr_assert_not(info.joined, "it left in order");
}

/* --- without an oracle, and in borrowed memory ----------------------------- */

Test(peer_bare, in_private_memory_the_word_decides)
{
	struct slip_region rg;
	struct slip_peer a, b;

	cr_assert_eq(
		slip_region_create(&rg, 1,
				   SLIP_REGION_PRIVATE | SLIP_REGION_PEERS(2u)),
		0);
	cr_assert_eq(slip_peer_join(&a, &rg), 0);
	cr_assert_eq(slip_peer_join(&b, &rg), 0);
	cr_assert_eq(slip_peer_enter(&b), -EINVAL);
	cr_assert_eq(slip_peer_alive(&rg, 1), 1);
	cr_assert_eq(slip_peer_member_alive(&rg, 2, 1), 1);
	cr_assert_eq(slip_peer_member_alive(&rg, 2, 2), 0);
	cr_assert_eq(slip_peer_recover(&a), 0);
	slip_peer_leave(&b);
	cr_assert_eq(slip_peer_alive(&rg, 2), 0);
	slip_peer_leave(&a);
	slip_region_close(&rg);
}

static char borrowed[1 << 16] __attribute__((aligned(4096)));

Test(peer_bare, in_borrowed_memory_a_file_is_the_oracle)
{
	int fd = open(scratch_path("locks"), O_CREAT | O_RDWR, 0600);
	struct slip_region rg, other;
	struct slip_peer self;

	cr_assert_eq(slip_region_format(&rg, borrowed, sizeof(borrowed), fd, 0),
		     0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	cr_assert_eq(
		slip_region_attach(&other, borrowed, sizeof(borrowed), fd, 0),
		0);
	close(fd);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_peer_alive(&other, self.id), 1);
	/* Lost without leaving, as by a crash. */
	cr_assert_eq(munmap(self.pin, 4096), 0);
	cr_assert_eq(slip_peer_alive(&other, self.id), 0);
	slip_region_close(&rg);
	slip_region_close(&other);
}

Test(peer_bare, the_oracle_may_have_bigger_pages_than_the_memory)
{
	int fd = memfd_create("locks", MFD_CLOEXEC | MFD_HUGETLB);
	struct slip_region rg;
	struct slip_peer self;
	struct stat st;

	if (fd < 0)
		cr_skip("no hugetlb here: %d", errno);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(slip_region_format(&rg, borrowed, sizeof(borrowed), fd, 0),
		     0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	close(fd);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(slip_peer_join(&self, &rg), 0);
		cr_assert_eq((uintptr_t)self.pin % (uintptr_t)st.st_blksize, 0);
		cr_assert_eq(slip_peer_alive(&rg, self.id), 1);
		slip_peer_leave(&self);
	}
	slip_region_close(&rg);
}

/* --- other processes ------------------------------------------------------- */

Test(peer_death, kill_is_death_before_the_corpse_is_reaped)
{
	struct member m;
	siginfo_t info;

	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, NULL));
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 1);
	cr_assert_eq(kill(m.actor.pid, SIGKILL), 0);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(waitid(P_PID, (id_t)m.actor.pid, &info, WEXITED | WNOWAIT),
		     0);
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 0);
	cr_assert_eq(actor_wait(&m.actor), -SIGKILL);
}

Test(peer_death, a_stopped_process_lives)
{
	struct member m;
	int status;

	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, NULL));
	cr_assert_eq(kill(m.actor.pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(m.actor.pid, &status, WUNTRACED), m.actor.pid);
	cr_assert(WIFSTOPPED(status));
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 1);
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert(peers_gone(m.id, m.gen));
}

static int just_exit(struct slip_peer *self)
{
	(void)self;
	actor_ready();
	return 0;
}

Test(peer_death, exit_without_leave_is_death)
{
	struct member m;

	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, just_exit));
	cr_assert_eq(actor_wait(&m.actor), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 0);
}

static int become_another_program(struct slip_peer *self)
{
	(void)self;
	actor_ready();
	execl("/bin/sleep", "sleep", "100", (char *)NULL);
	return 1;
}

Test(peer_death, exec_is_death_though_the_process_lives)
{
	struct member m;

	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, become_another_program));
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(kill(m.actor.pid, 0), 0);
	cr_assert_eq(waitpid(m.actor.pid, NULL, WNOHANG), 0);
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
}

static int leave_a_child_behind(struct slip_peer *self)
{
	pid_t child = fork();

	(void)self;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, 0);
		for (;;)
			pause();
	}
	/* stat: as in peers_tell() */
	slip_a32_store_relaxed(&peers_board->note, (uint32_t)child);
	actor_stay();
}

Test(peer_death, a_surviving_child_does_not_keep_its_parent_alive)
{
	struct member m;
	pid_t child;

	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, leave_a_child_behind));
	child = (pid_t)slip_a32_load_relaxed(&peers_board->note); /* stat */
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(kill(child, 0), 0);
	kill(child, SIGKILL);
}

static int sleep_in_shared_memory(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static int share_memory_with_a_helper(struct slip_peer *self)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t helper = clone(sleep_in_shared_memory, stack + sizeof(stack),
			     CLONE_VM, NULL);

	(void)self;
	/* stat: as in peers_tell() */
	slip_a32_store_relaxed(&peers_board->note, (uint32_t)helper);
	actor_stay();
}

Test(peer_death, who_shares_the_memory_shares_the_life)
{
	struct member m;
	pid_t helper;

	if (PEERS_TSAN)
		cr_skip("ThreadSanitizer changes what is tested");
	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, share_memory_with_a_helper));
	helper = (pid_t)slip_a32_load_relaxed(&peers_board->note); /* stat */
	cr_assert_gt(helper, 0);
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 1);
	cr_assert_eq(kill(helper, SIGKILL), 0);
	cr_assert(peers_gone(m.id, m.gen));
}

static int vfork_and_use(struct slip_peer *self)
{
	static volatile int seen;
	pid_t child = vfork();

	if (child == 0) {
		seen = slip_peer_alive(self->rg, self->id);
		_exit(0);
	}
	if (waitpid(child, NULL, 0) != child)
		return 2;
	actor_ready();
	if (seen != 1 || slip_peer_alive(self->rg, self->id) != 1)
		return 3;
	slip_peer_leave(self);
	return 0;
}

Test(peer_death, a_vfork_child_has_the_handle_too)
{
	struct member m;

	if (PEERS_TSAN)
		cr_skip("ThreadSanitizer changes what is tested");
	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, vfork_and_use));
	cr_assert_eq(actor_wait(&m.actor), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 0);
}

static int close_everything(struct slip_peer *self)
{
	int fd = slip_region_fd(self->rg);
	struct slip_peer other;
	int r;

	for (int i = 3; i < 256; i++)
		if (i != actor_ready_)
			close(i);
	if (slip_peer_alive(self->rg, self->id) != -EBADF ||
	    slip_peer_member_alive(self->rg, self->id, self->gen) != -EBADF)
		return 1;
	if (slip_peer_join(&other, self->rg) != -EBADF)
		return 2;
	/* The number now names a file on which nobody holds a lock. */
	if (open("/dev/null", O_RDWR) < 0)
		return 3;
	while ((r = open("/dev/null", O_RDWR)) < fd)
		if (r < 0)
			return 4;
	if (slip_peer_alive(self->rg, self->id) != -EBADF)
		return 5;
	if (slip_peer_join(&other, self->rg) != -EBADF)
		return 6;
	if (slip_peer_recover(self) != -EBADF)
		return 7;
	actor_stay();
}

Test(peer_death, closing_all_descriptors_is_no_death)
{
	struct member m;

	cr_assert_eq(peers_make(4), 0);
	cr_assert(peers_start(&m, close_everything));
	cr_assert_eq(slip_peer_alive(&peers_rg, m.id), 1);
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert(peers_gone(m.id, m.gen));
}

static int no_hook(struct slip_peer *self, void *mem, size_t bytes, uint32_t id,
		   uint32_t gen)
{
	(void)self;
	(void)mem;
	(void)bytes;
	(void)id;
	(void)gen;
	return 0;
}

static int use_inherited(void *arg)
{
	struct slip_peer *self = arg;
	struct slip_peer_info info;
	struct slip_region mine;
	struct slip_peer fresh;

	if (slip_peer_alive(self->rg, self->id) != -ECHILD ||
	    slip_peer_member_alive(self->rg, 1, 1) != -ECHILD ||
	    slip_peer_describe(self->rg, 1, &info) != -ECHILD ||
	    slip_peer_join(&fresh, self->rg) != -ECHILD ||
	    slip_peer_hook(self, 1, no_hook) != -ECHILD ||
	    slip_peer_recover(self) != -ECHILD)
		return 1;
	slip_peer_leave(self);
	if (slip_region_adopt(&mine, slip_region_fd(self->rg), 0))
		return 2;
	if (slip_peer_alive(&mine, self->id) != 1)
		return 3;
	if (slip_peer_join(&fresh, &mine) || fresh.id == self->id)
		return 4;
	slip_peer_leave(&fresh);
	return 0;
}

Test(peer_death, a_fork_child_is_no_member)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(actor_run(use_inherited, &self), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, self.id), 1);
	slip_peer_leave(&self);
}

static int join_as_init(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer self;
	struct actor *inner = arg;

	(void)inner;
	if (getpid() != 1)
		return 78;
	if (peers_open(&rg) || slip_peer_join(&self, &rg))
		return 79;
	if (slip_peer_alive(&rg, 1) != 1)
		return 80;
	peers_tell(&self);
	actor_stay();
}

static int in_a_new_namespace(void *arg)
{
	struct actor init;
	int outer = actor_ready_;

	(void)arg;
	if (unshare(CLONE_NEWPID))
		return 77;
	if (!actor_start(&init, join_as_init, &init))
		return actor_wait(&init);
	/* stat: as in peers_tell() */
	slip_a32_store_relaxed(&peers_board->note, (uint32_t)init.pid);
	actor_ready_ = outer;
	actor_stay();
}

Test(peer_death, is_seen_across_pid_namespaces)
{
	struct slip_peer_info info;
	struct slip_peer self;
	struct actor a;
	uint32_t id;
	pid_t init;

	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	if (!actor_start(&a, in_a_new_namespace, NULL)) {
		int r = actor_wait(&a);

		if (r == 77)
			cr_skip("may not make a PID namespace");
		cr_assert_eq(r, 0);
	}
	id = slip_a32_load_relaxed(&peers_board->id);		 /* stat */
	init = (pid_t)slip_a32_load_relaxed(&peers_board->note); /* stat */
	cr_assert_eq(slip_peer_describe(&peers_rg, id, &info), 0);
	cr_assert_eq(info.alive, 1);
	cr_assert_eq(info.pid, 1u);
	cr_assert_eq(kill(init, SIGKILL), 0);
	cr_assert(peers_gone(id, 1));
	cr_assert_eq(actor_kill(&a), -SIGKILL);
	slip_peer_leave(&self);
}

/* --- many ------------------------------------------------------------------ */

#define EACH 20
#define MANY 50

static int join_twenty(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer selves[EACH];

	(void)arg;
	if (peers_open(&rg))
		return 1;
	for (int i = 0; i < EACH; i++)
		if (slip_peer_join(&selves[i], &rg))
			return 2;
	actor_stay();
}

static unsigned count_alive(uint32_t max)
{
	unsigned n = 0;

	for (uint32_t id = 1; id <= max; id++)
		n += slip_peer_alive(&peers_rg, id) == 1;
	return n;
}

Test(peer_many, a_thousand)
{
	struct actor a[MANY];
	struct slip_peer self;

	cr_assert_eq(peers_make(MANY * EACH), 0);
	for (int i = 0; i < MANY; i++)
		cr_assert(actor_start(&a[i], join_twenty, NULL));
	cr_assert_eq(count_alive(MANY * EACH), 1000u);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), -EUSERS);
	for (int i = 0; i < MANY; i += 2)
		cr_assert_eq(actor_kill(&a[i]), -SIGKILL);
	cr_assert_eq(count_alive(MANY * EACH), 500u);
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, no_hook), 0);
	cr_assert_eq(slip_peer_recover(&self), 500);
	cr_assert_eq(slip_peer_enter(&self), 0);
	cr_assert_eq(count_alive(MANY * EACH), 501u);
	for (int i = 1; i < MANY; i += 2)
		cr_assert_eq(actor_kill(&a[i]), -SIGKILL);
	cr_assert_eq(slip_peer_recover(&self), 500);
	slip_peer_leave(&self);
}

static int join_at_once(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer self;
	int *gates = arg;
	char go;

	if (peers_open(&rg))
		return 100;
	actor_ready();
	if (read(gates[0], &go, 1) != 1 || slip_peer_join(&self, &rg))
		return 101;
	/* Stays a member until all have joined. */
	if (read(gates[2], &go, 1) != 1)
		return 102;
	return (int)self.id;
}

Test(peer_many, at_once_get_different_ids)
{
	struct actor a[8];
	int gates[4];
	unsigned seen = 0;
	uint64_t deadline = slip_after_ns(UINT64_C(10000000000));

	/* Twice the room: an id being taken by another is skipped. */
	cr_assert_eq(peers_make(16), 0);
	cr_assert_eq(pipe(gates) | pipe(gates + 2), 0);
	for (int i = 0; i < 8; i++)
		cr_assert(actor_start(&a[i], join_at_once, gates));
	cr_assert_eq(write(gates[1], "12345678", 8), 8);
	while (count_alive(16) < 8 && slip_now_ns() < deadline)
		sched_yield();
	cr_assert_eq(count_alive(16), 8u);
	cr_assert_eq(write(gates[3], "12345678", 8), 8);
	for (int i = 0; i < 8; i++) {
		int id = actor_wait(&a[i]);

		cr_assert_geq(id, 1);
		cr_assert_leq(id, 16);
		cr_assert_not(seen & 1u << id, "id %d twice", id);
		seen |= 1u << id;
	}
}
