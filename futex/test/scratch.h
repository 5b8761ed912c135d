/* SPDX-License-Identifier: MIT */
/*
 * A directory of one's own in /dev/shm, and other processes to play with.
 *
 *	scratch_path("a")	"/dev/shm/sliptest.XXXXXX/a"; good for eight
 *				names at a time
 *	scratch_files()		how many files are in the directory
 *	scratch_clear()		removes them
 *	scratch_fds()		how many descriptors this process has open
 *	actor_start(&a, body, arg)	runs body(arg) in a forked child and
 *				returns when it has called actor_ready()
 *	actor_wait(&a)		its exit status, or -signal
 *	actor_kill(&a)		SIGKILL, and wait
 *
 * The directory goes when the test exits. Should it crash, a janitor does it,
 * who waits for the end of a pipe that nobody writes to. An actor that is left
 * behind is killed with its parent.
 */
#ifndef SLIP_FUTEX_TEST_SCRATCH_H
#define SLIP_FUTEX_TEST_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch_dir_[64];
static pid_t scratch_owner_;

/* Counts the entries of a directory; -1 if there is none. */
static inline int scratch_count(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Empties the directory. */
static inline void scratch_clear(void)
{
	DIR *dir = opendir(scratch_dir_);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static inline void scratch_at_exit_(void)
{
	if (getpid() != scratch_owner_)
		return;
	scratch_clear();
	rmdir(scratch_dir_);
}

static inline void scratch_janitor_(void)
{
	int life[2];
	char byte;

	if (pipe(life))
		abort();
	if (fork()) {
		close(life[0]);
		return;
	}
	/* Not in the way of whoever waits for our output or our group. */
	setsid();
	for (int fd = 0; fd < 256; fd++)
		if (fd != life[0])
			close(fd);
	while (read(life[0], &byte, 1) > 0)
		continue;
	scratch_clear();
	rmdir(scratch_dir_);
	_exit(0);
}

static inline const char *scratch_dir(void)
{
	if (scratch_dir_[0])
		return scratch_dir_;
	strcpy(scratch_dir_, "/dev/shm/sliptest.XXXXXX");
	if (!mkdtemp(scratch_dir_) || chmod(scratch_dir_, 0777))
		abort();
	scratch_owner_ = getpid();
	if (atexit(scratch_at_exit_))
		abort();
	scratch_janitor_();
	return scratch_dir_;
}

static inline const char *scratch_path(const char *name)
{
	static char paths[8][128];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch_dir(), name);
	return path;
}

static inline int scratch_files(void)
{
	return scratch_count(scratch_dir()) - 2;
}

static inline int scratch_fds(void)
{
	/* "." and "..", and the one that is reading */
	return scratch_count("/proc/self/fd") - 3;
}

struct actor {
	pid_t pid;
	int ready;
};

static int actor_ready_ = -1;

static inline void actor_ready(void)
{
	if (write(actor_ready_, "r", 1) != 1)
		_exit(99);
}

/* For a body that has done its part and now only exists. */
__attribute__((noreturn)) static inline int actor_stay(void)
{
	actor_ready();
	for (;;)
		pause();
}

/* False if the child ended without saying that it is ready. */
static inline bool actor_start(struct actor *a, int (*body)(void *), void *arg)
{
	int ends[2];
	char byte;
	bool ready;

	if (pipe(ends))
		abort();
	fflush(NULL);
	a->pid = fork();
	if (a->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		actor_ready_ = ends[1];
		_exit(body(arg));
	}
	close(ends[1]);
	ready = read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	return ready;
}

static inline int actor_wait(struct actor *a)
{
	int status;

	if (waitpid(a->pid, &status, 0) != a->pid)
		return -1000;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int actor_kill(struct actor *a)
{
	kill(a->pid, SIGKILL);
	return actor_wait(a);
}

/* Runs body(arg) in a child to its end. */
static inline int actor_run(int (*body)(void *), void *arg)
{
	struct actor a;

	(void)actor_start(&a, body, arg);
	return actor_wait(&a);
}

#endif
