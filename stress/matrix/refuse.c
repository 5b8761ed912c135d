/* SPDX-License-Identifier: MIT */
/*
 * Runs a command on a kernel that refuses system calls, as an older one or a
 * container does: by a seccomp filter, which also catches calls that go round
 * libc, and which every child inherits.
 *
 *	refuse --list			name, what refuses like that
 *	refuse NAME[,NAME...] COMMAND	run it so
 *	refuse --check NAME[,NAME...]	is each of them really refused?
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OWN_TROUBLE 125 /* exit status, as that of env(1) */

enum { FUTEX_WAITV = 449, FUTEX_WAKE2 = 454, FUTEX_WAIT2, FUTEX_REQUEUE2 };

/* A call, or one whose argument `arg` (from 1; 0: any) has these bits. */
static const struct refusal {
	const char *name;
	const char *like;
	int nr;
	int error;
	unsigned arg;
	uint32_t mask, bits;
} refusals[] = {
	{ "futex_waitv", "Linux before 5.16", FUTEX_WAITV, ENOSYS, 0, 0, 0 },
	{ "futex_waitv-eperm", "a container", FUTEX_WAITV, EPERM, 0, 0, 0 },
	{ "futex2", "Linux before 6.7", FUTEX_WAKE2, ENOSYS, 0, 0, 0 },
	{ "futex2", NULL, FUTEX_WAIT2, ENOSYS, 0, 0, 0 },
	{ "futex2", NULL, FUTEX_REQUEUE2, ENOSYS, 0, 0, 0 },
	{ "futex2-eperm", "a container", FUTEX_WAKE2, EPERM, 0, 0, 0 },
	{ "futex2-eperm", NULL, FUTEX_WAIT2, EPERM, 0, 0, 0 },
	{ "futex2-eperm", NULL, FUTEX_REQUEUE2, EPERM, 0, 0, 0 },
	{ "lock_pi2", "Linux before 5.14", SYS_futex, ENOSYS, 2, 127, 13 },
	{ "membarrier", "Linux before 4.3, or built without it", SYS_membarrier,
	  ENOSYS, 0, 0, 0 },
	{ "membarrier-eperm", "a container", SYS_membarrier, EPERM, 0, 0, 0 },
	{ "membarrier-expedited", "Linux before 4.16", SYS_membarrier, EINVAL,
	  1, UINT32_MAX, 1 << 1 },
	{ "membarrier-expedited", NULL, SYS_membarrier, EINVAL, 1, UINT32_MAX,
	  1 << 2 },
	{ "tmpfile", "a file system without it", SYS_openat, EOPNOTSUPP, 3,
	  O_TMPFILE, O_TMPFILE },
	{ "tmpfile-eisdir", "Linux before 3.11", SYS_openat, EISDIR, 3,
	  O_TMPFILE, O_TMPFILE },
	{ "noexec-seal", "Linux before 6.3", SYS_memfd_create, EINVAL, 2, 8,
	  8 },
	{ "populate", "Linux before 5.14", SYS_madvise, EINVAL, 3, UINT32_MAX,
	  22 },
	{ "populate", NULL, SYS_madvise, EINVAL, 3, UINT32_MAX, 23 },
	{ "memfd", "a container", SYS_memfd_create, EPERM, 0, 0, 0 },
	{ "wipeonfork", "Linux before 4.14", SYS_madvise, EINVAL, 3, UINT32_MAX,
	  18 },
	{ "statx", "Linux before 4.11", SYS_statx, ENOSYS, 0, 0, 0 },
	{ "ofd-locks", "gVisor", SYS_fcntl, EINVAL, 2, UINT32_MAX, 36 },
	{ "ofd-locks", NULL, SYS_fcntl, EINVAL, 2, UINT32_MAX, 37 },
	{ "getrandom", "Linux before 3.17", SYS_getrandom, ENOSYS, 0, 0, 0 },
};
#define REFUSALS (sizeof(refusals) / sizeof(refusals[0]))

static const struct argp_option options[] = {
	{ "list", 'l', NULL, 0, "Tell the names", 0 },
	{ "check", 'c', NULL, 0, "Make each refused call", 0 },
	{ 0 },
};

static struct {
	bool list, check;
	const char *names;
	char **command;
} asked;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'l':
		asked.list = true;
		return 0;
	case 'c':
		asked.check = true;
		return 0;
	case ARGP_KEY_ARG:
		if (asked.names)
			return ARGP_ERR_UNKNOWN;
		asked.names = arg;
		asked.command = state->argv + state->next;
		if (!asked.check)
			state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (!asked.list &&
		    (!asked.names || (!asked.check && !*asked.command)))
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

__attribute__((noreturn)) static void die(const char *what, int error)
{
	fprintf(stderr, "refuse: %s: %s\n", what, strerror(error));
	exit(OWN_TROUBLE);
}

/* Is it among the names, which commas part? */
static bool named(const struct refusal *r)
{
	size_t n = strlen(r->name);

	for (const char *at = asked.names; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, r->name, n) == 0 && (!at[n] || at[n] == ','))
			return true;
	}
	return false;
}

/* Each name must mean something. */
static void check_names(void)
{
	size_t commas = 1, known = 0;

	for (const char *at = asked.names; *at; at++)
		commas += *at == ',';
	for (size_t i = 0; i < REFUSALS; i++)
		known += refusals[i].like && named(&refusals[i]);
	if (known != commas)
		die(asked.names, EINVAL);
}

static void install(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < REFUSALS && !rc; i++) {
		const struct refusal *r = &refusals[i];
		struct scmp_arg_cmp bits = { r->arg - 1, SCMP_CMP_MASKED_EQ,
					     r->mask, r->bits };

		if (named(r))
			rc = seccomp_rule_add_array(
				filter, SCMP_ACT_ERRNO((uint16_t)r->error),
				r->nr, r->arg ? 1 : 0, &bits);
	}
	if (!rc)
		rc = seccomp_load(filter);
	if (rc)
		die("seccomp", -rc);
	seccomp_release(filter);
}

/* The call itself, with arguments that would do no harm. Result or -errno. */
static long make(const struct refusal *r)
{
	long arg[6] = { 0 };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long rc;

	if (r->nr == SYS_openat || r->nr == SYS_statx) {
		arg[0] = AT_FDCWD;
		arg[1] = (long)"/dev/shm";
		arg[2] = r->nr == SYS_openat ? O_RDWR : 0;
		arg[4] = (long)page;
	} else if (r->nr == SYS_madvise || r->nr == SYS_getrandom) {
		arg[0] = (long)page;
		arg[1] = 4096;
	} else if (r->nr == SYS_memfd_create) {
		arg[0] = (long)"refuse";
	}
	if (r->arg)
		arg[r->arg - 1] |= (long)r->bits;
	rc = syscall(r->nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	return rc == -1 ? -errno : rc;
}

/* Before and after: 0 if all that was named is refused, by whomever. */
static int check(void)
{
	long before[REFUSALS];
	int wrong = 0;

	for (size_t i = 0; i < REFUSALS; i++)
		before[i] = make(&refusals[i]);
	install();
	for (size_t i = 0; i < REFUSALS; i++) {
		const struct refusal *r = &refusals[i];
		long after = make(r);

		if (!named(r))
			continue;
		printf("%s: call %d gave %ld, gives %ld%s\n", r->name, r->nr,
		       before[i], after,
		       after == -r->error ? "" : ": NOT REFUSED");
		wrong += after != -r->error;
	}
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"NAME[,NAME...] COMMAND...",
		"Run a command on a kernel that refuses system calls.",
		NULL,
		NULL,
		NULL
	};

	argp_err_exit_status = OWN_TROUBLE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
	for (size_t i = 0; asked.list && i < REFUSALS; i++)
		if (refusals[i].like)
			printf("%s\t%s\n", refusals[i].name, refusals[i].like);
	if (asked.list)
		return EXIT_SUCCESS;
	check_names();
	if (asked.check)
		return check();
	install();
	execvp(asked.command[0], asked.command);
	die(asked.command[0], errno);
}
