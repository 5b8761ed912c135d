# SPDX-License-Identifier: MIT
"""Looks at what page.c and plot.c made, for page_test.sh.

page PAGE SAMPLE     the page as a document: sound, complete, alone
wrap PAGE WIDTH      prints a page that shows it that wide and measures it
png FILE dark|light  a screenshot that is not blank, in that scheme
"""

import html.parser
import json
import re
import struct
import sys
import xml.etree.ElementTree as ET
import zlib

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Document(html.parser.HTMLParser):
    """Its text, its elements, and what does not fit together."""

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.words, self.elements = [], [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> stays open" for tag in self.open]
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        self.words.append(data)


def names(sample):
    """Every text of the results that a reader should find."""
    for case in sample["cases"]:
        yield case["name"]
        for entry in case["entries"]:
            yield entry["name"]
            if entry["error"]:
                yield entry["error"]
    for target in sample["targets"]:
        yield target["line"]
        yield target["verdict"]
    for line in sample["crash"]:
        yield line["name"]
        yield line["event"]
    for slope in sample["slopes"]:
        yield slope["entry"]
    for fact in sample["machine"].values():
        if isinstance(fact, str):
            yield fact
    yield sample["when"]
    yield sample["command"]


def page_faults(text, sample):
    page = Document(text)
    yield from page.faults
    ET.fromstring(text.replace("<!DOCTYPE html>", ""))
    for name in names(sample):
        if " ".join(name.split()) not in page.text:
            yield f"'{name}' is not there"
    for word in ("http:", "https:", "<script", "@import", "src=", "url("):
        if word in text:
            yield f"refers to something: {word}"
    ids = [a["id"] for _, a in page.elements if "id" in a]
    for twice in {i for i in ids if ids.count(i) > 1}:
        yield f"id {twice} is there twice"
    for link in re.findall(r'href=["\']#([^"\']*)', text):
        if link not in ids:
            yield f"#{link} leads nowhere"
    for tag, attributes in page.elements:
        if tag == "th" and "scope" not in attributes:
            yield "a header of a table without a scope"
        if tag == "svg" and not attributes.get("aria-label"):
            yield "a figure without a label"
    if sum(tag == "h1" for tag, _ in page.elements) != 1:
        yield "not one <h1>"


def page(path, sample):
    with open(path, encoding="utf-8") as text, open(sample, encoding="utf-8") as j:
        return list(page_faults(text.read(), json.load(j)))


def wrap(path, width):
    """Any box that sticks out is named, unless it is in one that scrolls."""
    print(
        f"""<!DOCTYPE html><html><body><iframe id="f" src="{path}"
style="border:0;width:{width}px;height:800px"></iframe><p id="said">not loaded</p>
<script>
onload = function () {{
	const d = document.getElementById("f").contentDocument;
	const out = [...d.querySelectorAll("body *")].filter(e =>
		!e.closest(".box") && !e.closest("svg") &&
		e.getBoundingClientRect().right > {width} + 1);
	document.getElementById("said").textContent = "width " +
		Math.max(d.body.scrollWidth, d.documentElement.scrollWidth) +
		" out " + out.length + " " + out.slice(0, 5).map(e =>
		e.tagName + "." + e.className).join(" ");
}};
</script></body></html>"""
    )
    return []


def pixels(path):
    """Rows of (r, g, b) of a PNG of 8 bits a channel."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, width, step = 8, b"", 0, 0
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, step = struct.unpack(">I", body[:4])[0], {2: 3, 6: 4}[body[9]]
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    raw, stride = zlib.decompress(packed), width * step
    before = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        row = bytearray(raw[start + 1 : start + 1 + stride])
        unfilter(raw[start], row, before, step)
        yield [tuple(row[i : i + 3]) for i in range(0, stride, step)]
        before = row


def unfilter(how, row, up, step):
    """The five filters of PNG, undone in place."""
    for i in range(len(row)) if how else ():
        a = row[i - step] if i >= step else 0
        b, c = up[i], up[i - step] if i >= step else 0
        near = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))
        row[i] = (row[i] + (0, a, b, (a + b) // 2, near[2])[how]) & 255


def png(path, scheme):
    rows = list(pixels(path))
    colours = {colour for row in rows for colour in row}
    if len(colours) < 20:
        yield f"blank: {len(colours)} colours"
    if (sum(rows[0][0]) < 3 * 96) != (scheme == "dark"):
        yield f"{rows[0][0]} in the corner is not {scheme}"


if __name__ == "__main__":
    found = list({"page": page, "wrap": wrap, "png": png}[sys.argv[1]](*sys.argv[2:]))
    for fault in found:
        print(fault)
    sys.exit(1 if found else 0)
