/* SPDX-License-Identifier: MIT */
/*
 * The flags that the measured loops were compiled with, from the program itself:
 * compilers keep them where they are asked to (-frecord-gcc-switches, see
 * BUILD), and what a build says elsewhere may not be what it did.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/engine.h"

static bool read_at(FILE *in, uint64_t at, void *to, size_t bytes)
{
	return !fseek(in, (long)at, SEEK_SET) &&
	       fread(to, 1, bytes, in) == bytes;
}

/* The contents of a section, with a NUL behind them; free() it. */
static char *contents(FILE *in, const ElfW(Shdr) * s)
{
	char *text = malloc(s->sh_size + 1);

	if (text && read_at(in, s->sh_offset, text, s->sh_size)) {
		text[s->sh_size] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static char *find_section(FILE *in, const char *name, size_t *bytes)
{
	ElfW(Ehdr) head;
	ElfW(Shdr) names, s;
	char found[64];

	if (!read_at(in, 0, &head, sizeof(head)) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    !read_at(in, head.e_shoff + head.e_shstrndx * sizeof(s), &names,
		     sizeof(names)))
		return NULL;
	for (unsigned i = 0; i < head.e_shnum; i++) {
		if (!read_at(in, head.e_shoff + i * sizeof(s), &s, sizeof(s)) ||
		    !read_at(in, names.sh_offset + s.sh_name, found,
			     strlen(name) + 1) ||
		    memcmp(found, name, strlen(name) + 1))
			continue;
		*bytes = s.sh_size;
		return contents(in, &s);
	}
	return NULL;
}

/* What changes the code that is made. */
static bool matters(const char *word)
{
	static const char *const starts[] = { "-O", "-m", "-f", "-std",
					      "-g", "-D", "-U" };

	if (!strncmp(word, "-frecord", 8) || !strncmp(word, "-frandom", 8) ||
	    strstr(word, "redacted"))
		return false;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(word, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static void keep_what_matters(char *line, char *text, size_t bytes)
{
	size_t at = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " ", &rest); word && at < bytes;
	     word = strtok_r(NULL, " ", &rest))
		if (matters(word))
			at += (size_t)snprintf(text + at, bytes - at, "%s%s",
					       at ? " " : "", word);
}

/* One line for each file, or one for all that had the same; the C of this
 * bench is what runs the loops. */
const char *bench_flags(char *text, size_t bytes)
{
	FILE *in = fopen("/proc/self/exe", "re");
	size_t size = 0;
	char *lines = in ? find_section(in, ".GCC.command.line", &size) : NULL;
	char *line = lines;

	while (line && line < lines + size && !strstr(line, "-std=c11"))
		line += strlen(line) + 1;
	text[0] = '\0';
	if (line && line < lines + size)
		keep_what_matters(line, text, bytes);
	if (!text[0])
		(void)snprintf(text, bytes, "unknown");
	free(lines);
	if (in)
		(void)fclose(in);
	return text;
}
