/* SPDX-License-Identifier: MIT */
/*
 * What a replay prints: a line for each step. Places in the source come from
 * addr2line, asked once for all; without it they are numbers.
 */
#include <link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime.h"

#define LINES_MAX  6000
#define TEXT_BYTES 168
#define NAMES_MAX  32
#define PLACES_MAX 1024

struct line {
	uint32_t step;
	uint32_t pc;
	int thread;
	char what[TEXT_BYTES];
	char where[48];
};

static struct {
	struct line line[LINES_MAX];
	unsigned lines;
	struct {
		const char *mem;
		size_t bytes;
		const char *name;
	} name[NAMES_MAX];
	unsigned names;
	struct {
		uint32_t pc;
		char text[112];
	} place[PLACES_MAX];
	unsigned places;
} t;

/* The image's own numbering, which debug information uses. */
static uintptr_t image_start(void)
{
	extern const ElfW(Ehdr) __ehdr_start;

	return __ehdr_start.e_type == ET_DYN ? (uintptr_t)&__ehdr_start : 0;
}

/* --- names ----------------------------------------------------------------- */

void x_trace_names(void)
{
	t.names = 0;
}

void x_name(const void *mem, size_t bytes, const char *name)
{
	if (t.names == NAMES_MAX)
		x_fail_text("more than %u names", NAMES_MAX);
	t.name[t.names].mem = mem;
	t.name[t.names].bytes = bytes;
	t.name[t.names++].name = name;
}

const char *x_where(const void *at)
{
	static char text[64];
	const char *p = at;

	for (unsigned i = 0; i < t.names; i++) {
		size_t offset = (size_t)(p - t.name[i].mem);

		if (p < t.name[i].mem || offset >= t.name[i].bytes)
			continue;
		snprintf(text, sizeof(text), "%s+%zu", t.name[i].name, offset);
		return text;
	}
	snprintf(text, sizeof(text), "%p", at);
	return text;
}

const char *x_order_name(int order)
{
	static const char *const names[] = { "relaxed", "consume", "acquire",
					     "release", "acqrel",  "seqcst" };

	return order >= 0 && order < 6 ? names[order] : "?";
}

/* --- places ---------------------------------------------------------------- */

/* The wrappers of atomics/ say nothing: who called them? */
static bool tells(const char *file)
{
	return !strstr(file, "atomics/") && !strstr(file, "/sys.h") &&
	       strncmp(file, "??", 2);
}

/* One answer of addr2line -f -i: functions and files in turn, inner first. */
static void read_place(FILE *in, char *text, size_t bytes)
{
	char function[256];
	char file[512];
	bool done = false;
	int c;

	text[0] = 0;
	while ((c = fgetc(in)) != EOF) {
		ungetc(c, in);
		if (c == '0') /* the next address */
			break;
		if (!fgets(function, sizeof(function), in) ||
		    !fgets(file, sizeof(file), in))
			break;
		function[strcspn(function, "\n")] = 0;
		file[strcspn(file, " \n")] = 0;
		if (done)
			continue;
		done = tells(file);
		snprintf(text, bytes, "%.40s %.60s",
			 strrchr(file, '/') ? strrchr(file, '/') + 1 : file,
			 function);
	}
}

static void ask(const uint32_t *pcs, unsigned n)
{
	static char command[64 + PLACES_MAX * 20];
	size_t used;
	char line[256];
	FILE *in;

	used = (size_t)snprintf(command, sizeof(command),
				"addr2line -a -f -i -e /proc/%ld/exe",
				(long)getpid());
	for (unsigned i = 0; i < n; i++)
		used += (size_t)snprintf(
			command + used, sizeof(command) - used, " 0x%lx",
			/* of the call, not of what comes after it */
			pcs[i] - 1 + (image_start() ? 0 : 0x400000ul));
	snprintf(command + used, sizeof(command) - used, " 2>/dev/null");
	in = popen(command, "r");
	if (!in)
		return;
	for (unsigned i = 0; i < n && fgets(line, sizeof(line), in); i++) {
		t.place[t.places].pc = pcs[i];
		read_place(in, t.place[t.places].text, sizeof(t.place[0].text));
		t.places++;
	}
	pclose(in);
}

static const char *known_place(uint32_t pc)
{
	for (unsigned i = 0; i < t.places; i++)
		if (t.place[i].pc == pc && t.place[i].text[0])
			return t.place[i].text;
	return NULL;
}

const char *x_place(uint32_t pc)
{
	static char text[32];
	const char *known = known_place(pc);

	if (!known && x.tracing && pc && t.places < PLACES_MAX) {
		ask(&pc, 1);
		known = known_place(pc);
	}
	if (known)
		return known;
	snprintf(text, sizeof(text), "pc 0x%x", pc);
	return text;
}

static void ask_all(void)
{
	static uint32_t pcs[PLACES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < t.lines; i++) {
		uint32_t pc = t.line[i].pc;
		unsigned k = 0;

		while (k < n && pcs[k] != pc)
			k++;
		if (pc && k == n && !known_place(pc) &&
		    t.places + n < PLACES_MAX)
			pcs[n++] = pc;
	}
	if (n)
		ask(pcs, n);
}

/* --- lines ----------------------------------------------------------------- */

void x_trace_begin(void)
{
	t.lines = 0;
}

static struct line *new_line(uint32_t pc, const void *at, unsigned bytes)
{
	struct line *l = &t.line[t.lines++];

	l->step = x.steps;
	l->pc = pc;
	l->thread = x.self;
	l->where[0] = 0;
	if (at)
		snprintf(l->where, sizeof(l->where), "%s[%u]", x_where(at),
			 bytes);
	return l;
}

void x_trace(uint32_t pc, const void *at, unsigned bytes, const char *format,
	     ...)
{
	struct line *l;
	va_list args;

	if (t.lines == LINES_MAX)
		return;
	l = new_line(pc, at, bytes);
	va_start(args, format);
	vsnprintf(l->what, sizeof(l->what), format, args);
	va_end(args);
}

void x_note(const char *format, ...)
{
	struct line *l;
	va_list args;

	if (!x.tracing || t.lines == LINES_MAX)
		return;
	l = new_line(0, NULL, 0);
	l->what[0] = '#';
	l->what[1] = ' ';
	va_start(args, format);
	vsnprintf(l->what + 2, sizeof(l->what) - 2, format, args);
	va_end(args);
}

static const char *call_name(long nr, char *text, size_t bytes)
{
	switch (nr) {
	case SYS_futex:
		return "futex";
	case SYS_membarrier:
		return "membarrier";
	case SYS_fcntl:
		return "fcntl";
	case SYS_mmap:
		return "mmap";
	case SYS_munmap:
		return "munmap";
	case SYS_openat:
		return "openat";
	case SYS_close:
		return "close";
	default:
		snprintf(text, bytes, "syscall %ld", nr);
		return text;
	}
}

static const char *futex_name(long op)
{
	static const char *const names[] = {
		"WAIT",	       "WAKE",	      "FD",	     "REQUEUE",
		"CMP_REQUEUE", "WAKE_OP",     "LOCK_PI",     "UNLOCK_PI",
		"TRYLOCK_PI",  "WAIT_BITSET", "WAKE_BITSET",
	};

	return (op & 127) < 11 ? names[op & 127] : "?";
}

void x_trace_call(uint32_t pc, long nr, const long a[6], const long *result)
{
	char number[32];
	const char *name = call_name(nr, number, sizeof(number));

	if (result && nr == SYS_futex)
		x_trace(pc, (void *)a[0], 4, "futex %s -> %ld",
			futex_name(a[1]), *result);
	else if (result)
		x_trace(pc, NULL, 0, "%s -> %ld", name, *result);
	else if (nr == SYS_futex)
		x_trace(pc, (void *)a[0], 4, "futex %s 0x%lx ...",
			futex_name(a[1]), a[2]);
	else
		x_trace(pc, NULL, 0, "%s(0x%lx, 0x%lx, 0x%lx) ...", name, a[0],
			a[1], a[2]);
}

void x_trace_print(FILE *out)
{
	ask_all();
	for (unsigned i = 0; i < t.lines; i++) {
		const struct line *l = &t.line[i];

		fprintf(out, "%5u  ", l->step);
		if (l->thread >= 0)
			fprintf(out, "%*sT%d  ", 4 * l->thread, "", l->thread);
		if (l->where[0])
			fprintf(out, "%s  ", l->where);
		fprintf(out, "%s", l->what);
		if (l->pc)
			fprintf(out, "    @ %s", x_place(l->pc));
		fputc('\n', out);
	}
	if (t.lines == LINES_MAX)
		fprintf(out, "(and more)\n");
}
