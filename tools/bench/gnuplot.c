/* SPDX-License-Identifier: MIT */
/* Runs gnuplot: a script in, a picture out. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/figure.h"

extern char **environ;

/* The script comes from a file: with two pipes both could wait for room. */
static int start(int script, int answer, pid_t *pid)
{
	char name[] = "gnuplot", plain[] = "-d";
	char *argv[] = { name, plain, NULL };
	posix_spawn_file_actions_t moves;
	int rc = posix_spawn_file_actions_init(&moves);

	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_adddup2(&moves, script, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&moves, answer, 1);
	if (!rc)
		rc = posix_spawnp(pid, name, &moves, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&moves);
	return -rc;
}

/* All that comes, as a string. */
static int read_all(int from, char **text)
{
	size_t bytes = 0;
	FILE *out = open_memstream(text, &bytes);
	char part[4096];
	ssize_t n;

	if (!out)
		return -ENOMEM;
	do {
		n = read(from, part, sizeof(part));
		if (n > 0)
			(void)fwrite(part, 1, (size_t)n, out);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return fclose(out) || n < 0 ? -EIO : 0;
}

static int ended_well(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int run(FILE *script, char **svg)
{
	int ends[2];
	pid_t pid;
	int rc, end;

	if (fflush(script) || lseek(fileno(script), 0, SEEK_SET))
		return -EIO;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	rc = start(fileno(script), ends[1], &pid);
	(void)close(ends[1]);
	if (!rc) {
		rc = read_all(ends[0], svg);
		end = ended_well(pid);
		if (!rc)
			rc = end;
		if (!rc && !strstr(*svg, "</svg>"))
			rc = -EIO;
	}
	(void)close(ends[0]);
	return rc;
}

int figure_draw(figure_writer *write, const json_t *what, const json_t *results,
		bool titled, char **svg)
{
	FILE *script = tmpfile();
	int rc = 0;

	*svg = NULL;
	if (!script)
		return -errno;
	(void)fprintf(script, "TITLED = %d\n", titled);
	if (write(script, what, results)) {
		rc = ferror(script) ? -EIO : run(script, svg);
		if (rc) {
			free(*svg);
			*svg = NULL;
		}
	}
	(void)fclose(script);
	return rc;
}
