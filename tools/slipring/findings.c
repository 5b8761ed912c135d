/* SPDX-License-Identifier: MIT */
#include "tools/slipring/findings.h"

#include <stdarg.h>
#include <stdio.h>

void add(struct findings *r, const char *what, enum grade grade,
	 const char *cost, const char *format, ...)
{
	struct finding *f = &r->list[r->used++];
	va_list args;

	f->what = what;
	f->grade = grade;
	f->cost = grade == GOOD || grade == FACT ? NULL : cost;
	va_start(args, format);
	(void)vsnprintf(f->value, sizeof(f->value), format, args);
	va_end(args);
}

bool findings_are_well(const struct findings *r)
{
	bool well = true;

	for (size_t i = 0; i < r->used; i++)
		well = well && r->list[i].grade != MUST;
	return well;
}

void findings_print(const struct findings *r)
{
	static const char marks[] = { '+', ' ', '-', '!' };

	for (size_t i = 0; i < r->used; i++) {
		const struct finding *f = &r->list[i];

		(void)printf("%c %-16s %s\n", marks[f->grade], f->what,
			     f->value);
		if (f->cost)
			(void)printf("  %-16s so: %s\n", "", f->cost);
	}
}

json_t *findings_json(const struct findings *r)
{
	static const char *const grades[] = { "ok", "fact", "lack", "fatal" };
	json_t *list = json_array();

	for (size_t i = 0; i < r->used; i++) {
		const struct finding *f = &r->list[i];

		json_array_append_new(
			list, json_pack("{ss ss ss ss*}", "check", f->what,
					"grade", grades[f->grade], "value",
					f->value, "cost", f->cost));
	}
	return list;
}
