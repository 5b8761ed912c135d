/* SPDX-License-Identifier: MIT */
/*
 * The part of Criterion that our tests use, and a stand-in for the places
 * where Criterion cannot run: ThreadSanitizer (it aborts there), AArch64 under
 * an emulator, musl.
 *
 *	Test(suite, behaviour_in_words)	{ ... }
 *	cr_assert(cond, ...)		cr_assert_not(cond, ...)
 *	cr_assert_null(p, ...)		cr_assert_not_null(p, ...)
 *	cr_assert_eq(a, b, ...)		cr_assert_str_eq(a, b, ...)
 *	cr_assert_neq lt leq gt geq
 *	cr_fail(...)			cr_skip(...)
 *
 * The trailing arguments are a printf format and its values, or nothing.
 * One C file of a program includes this header, and gets main() from it.
 * Without SLIP_TEST_PLAIN this is Criterion itself. With it, each test runs in
 * a forked child with 60 seconds to live, in the order written, and the last
 * line is "N passed, N failed" (the line before it says how many were skipped,
 * if any were). An argument runs only the tests whose "suite/name" contains it.
 *
 * A process that a test forks must leave by _exit() and let its parent assert:
 * a failing assertion there hangs Criterion, and here would go unnoticed.
 */
#ifndef SLIP_ATOMICS_TEST_CHECK_H
#define SLIP_ATOMICS_TEST_CHECK_H

#ifndef SLIP_TEST_PLAIN

#include <criterion/criterion.h>

/*
 * Criterion's own main(), but a program in which it finds no test fails: that
 * is how a linker that dropped the test section shows.
 */
int main(int argc, char **argv)
{
	struct criterion_test_set *tests = criterion_initialize();
	int failed = tests->tests == 0;

	if (criterion_handle_args(argc, argv, true))
		failed |= !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return failed;
}

#else

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_SECONDS_	   60
#define CHECK_STATUS_SKIP_ 77

struct check_test {
	const char *suite;
	const char *name;
	void (*body)(void);
	struct check_test *next;
};

static struct check_test *check_first_;
static struct check_test **check_last_ = &check_first_;

#define Test(suite, name)                                                    \
	static void suite##_##name##_body_(void);                            \
	__attribute__((constructor)) static void suite##_##name##_add_(void) \
	{                                                                    \
		static struct check_test check_self_ = {                     \
			#suite, #name, suite##_##name##_body_, NULL          \
		};                                                           \
		*check_last_ = &check_self_;                                 \
		check_last_ = &check_self_.next;                             \
	}                                                                    \
	static void suite##_##name##_body_(void)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/*
 * The callers append one empty string, which makes an absent message a valid
 * format. Formats are checked where the same file is built with Criterion.
 */
__attribute__((noreturn, unused)) static void
check_leave_(int status, const char *file, int line, const char *text,
	     const char *format, ...)
{
	va_list values;

	fprintf(stderr, "%s:%d: %s: ", file, line, text);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fprintf(stderr, "\n");
	exit(status);
}

#pragma GCC diagnostic pop

#define CHECK_FIRST_(first, ...) first
#define CHECK_REST_(first, ...)	 __VA_ARGS__
#define CHECK_TRUE_(cond, text, ...)                                   \
	((cond) ? (void)0                                              \
		: check_leave_(EXIT_FAILURE, __FILE__, __LINE__, text, \
			       __VA_ARGS__))
#define CHECK_TWO_(a, op, text, ...)                      \
	CHECK_TRUE_((a)op(CHECK_FIRST_(__VA_ARGS__, "")), \
		    "not " #a " " #op " " text, CHECK_REST_(__VA_ARGS__, ""))

#define cr_assert(...)                                                  \
	CHECK_TRUE_(CHECK_FIRST_(__VA_ARGS__, ""), "not " #__VA_ARGS__, \
		    CHECK_REST_(__VA_ARGS__, ""))
#define cr_assert_not(...)                                          \
	CHECK_TRUE_(!(CHECK_FIRST_(__VA_ARGS__, "")), #__VA_ARGS__, \
		    CHECK_REST_(__VA_ARGS__, ""))
#define cr_assert_eq(a, ...)  CHECK_TWO_(a, ==, #__VA_ARGS__, __VA_ARGS__)
#define cr_assert_neq(a, ...) CHECK_TWO_(a, !=, #__VA_ARGS__, __VA_ARGS__)
#define cr_assert_lt(a, ...)  CHECK_TWO_(a, <, #__VA_ARGS__, __VA_ARGS__)
#define cr_assert_leq(a, ...) CHECK_TWO_(a, <=, #__VA_ARGS__, __VA_ARGS__)
#define cr_assert_gt(a, ...)  CHECK_TWO_(a, >, #__VA_ARGS__, __VA_ARGS__)
#define cr_assert_geq(a, ...) CHECK_TWO_(a, >=, #__VA_ARGS__, __VA_ARGS__)
#define cr_assert_null(...)                                  \
	CHECK_TRUE_((CHECK_FIRST_(__VA_ARGS__, "")) == NULL, \
		    "not NULL: " #__VA_ARGS__, CHECK_REST_(__VA_ARGS__, ""))
#define cr_assert_not_null(...)                              \
	CHECK_TRUE_((CHECK_FIRST_(__VA_ARGS__, "")) != NULL, \
		    "NULL: " #__VA_ARGS__, CHECK_REST_(__VA_ARGS__, ""))
#define cr_assert_str_eq(a, ...)                                   \
	CHECK_TRUE_(strcmp(a, CHECK_FIRST_(__VA_ARGS__, "")) == 0, \
		    "not equal: " #a ", " #__VA_ARGS__,            \
		    CHECK_REST_(__VA_ARGS__, ""))
#define cr_fail(...) \
	check_leave_(EXIT_FAILURE, __FILE__, __LINE__, "failed", "" __VA_ARGS__)
#define cr_skip(...)                                                    \
	check_leave_(CHECK_STATUS_SKIP_, __FILE__, __LINE__, "skipped", \
		     "" __VA_ARGS__)

/* Returns the child's wait status, or -1. */
static int check_run_(const struct check_test *test)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		alarm(CHECK_SECONDS_);
		test->body();
		/* Not _exit(): the sanitizers report at exit. */
		exit(EXIT_SUCCESS);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0, skipped = 0;

	for (struct check_test *t = check_first_; t != NULL; t = t->next) {
		char name[256];
		int status;

		snprintf(name, sizeof(name), "%s/%s", t->suite, t->name);
		if (argc > 1 && strstr(name, argv[1]) == NULL)
			continue;
		status = check_run_(t);
		if (status == 0) {
			passed++;
		} else if (WIFEXITED(status) &&
			   WEXITSTATUS(status) == CHECK_STATUS_SKIP_) {
			skipped++;
			printf("SKIP %s\n", name);
		} else {
			failed++;
			printf("FAIL %s (wait status %#x%s)\n", name,
			       (unsigned)status,
			       WIFSIGNALED(status) &&
					       WTERMSIG(status) == SIGALRM
				       ? ": out of time"
				       : "");
		}
	}
	if (skipped > 0)
		printf("%u skipped\n", skipped);
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0 || passed + skipped == 0;
}

#endif

#endif
