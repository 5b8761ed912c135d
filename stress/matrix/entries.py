# SPDX-License-Identifier: MIT
"""The lists beside this file: entries, each with its reason.

	an entry, on one line
		and its reason, indented
	# a comment
"""


def read(path):
    """{entry: reason}. Twice the same, or no reason, is an error."""
    entries = {}
    entry = None
    for line in path.read_text().split("\n"):
        if line.startswith("#") or not line.strip():
            entry = None
        elif not line[0].isspace():
            entry = " ".join(line.split())
            if entry in entries:
                raise ValueError(f"{path.name}: twice: {entry}")
            entries[entry] = ""
        elif entry is None:
            raise ValueError(f"{path.name}: a reason for nothing: {line.strip()}")
        else:
            entries[entry] = f"{entries[entry]} {line.strip()}".strip()
    for entry, reason in entries.items():
        if not reason:
            raise ValueError(f"{path.name}: no reason: {entry}")
    return entries
