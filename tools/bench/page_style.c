/* SPDX-License-Identifier: MIT */
/* How the page looks: narrow and wide, dark and light, on paper. */
#include "tools/bench/page_parts.h"

static const char light[] =
	"--bg:#fbfbfa;--card:#fff;--ink:#1b1f23;--soft:#59636e;--line:#d8dde2;"
	"--ours:#0072b2;--rival:#8b95a0;--limit:#fff;--mark:#b3261e;"
	"--good:#00664b;--goodbg:#e0f3ec;--bad:#9a3412;--badbg:#fdebdd;"
	"--none:#59636e;--nonebg:#eceff2;";
static const char dark[] =
	"--bg:#12161b;--card:#1a2027;--ink:#e8ecf0;--soft:#a3aeb9;"
	"--line:#36414c;--ours:#56b4e9;--rival:#75818d;--limit:#1a2027;"
	"--mark:#ff9b8f;--good:#5fd9ad;--goodbg:#12352a;--bad:#ffab73;"
	"--badbg:#402414;--none:#a3aeb9;--nonebg:#2a323b;";

static const char basics[] =
	"*{box-sizing:border-box}"
	"html{color-scheme:light dark;-webkit-text-size-adjust:100%}"
	"body{margin:0;background:var(--bg);color:var(--ink);"
	"font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
	"main,header,footer{max-width:1120px;margin:auto;padding:0 16px}"
	"h1{font-size:1.9rem;line-height:1.2;margin:32px 0 4px}"
	"h2{font-size:1.4rem;margin:48px 0 12px;padding-top:12px;"
	"border-top:2px solid var(--line)}"
	"h3{font-size:1.05rem;margin:0 0 4px;line-height:1.35}"
	"p{margin:6px 0 12px}a{color:var(--ours)}"
	"nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:8px;padding:0}"
	"nav a{display:block;padding:6px 14px;border:1px solid var(--line);"
	"border-radius:20px;text-decoration:none;background:var(--card)}"
	".soft,small{color:var(--soft)}small{font-size:.82rem}"
	".grid{display:grid;gap:16px;margin:0 0 16px;align-items:start;"
	"grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}"
	".card,figure{background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:14px 16px;margin:0;min-width:0}"
	"figure{padding:10px}figcaption{font-size:.9rem;margin-top:6px}"
	".facts{display:grid;gap:2px 16px;margin:0;"
	"grid-template-columns:repeat(auto-fill,minmax(min(100%,230px),1fr))}"
	".facts div{padding:6px 0}dt{font-size:.8rem;color:var(--soft)}"
	"dd{margin:0;font-weight:600}"
	".warn{border-left:5px solid var(--mark)}.warn ul{margin:4px 0;"
	"padding-left:20px}"
	".sum{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}"
	".sum b{font-size:1.7rem;display:block;line-height:1.15}"
	".sum div{padding:10px 18px;border-radius:10px;min-width:110px}";

static const char tables[] =
	".box{overflow-x:auto;border:1px solid var(--line);margin:14px 0;"
	"border-radius:10px;background:var(--card)}"
	"table{border-collapse:collapse;width:100%;font-size:.9rem;"
	"font-variant-numeric:tabular-nums}"
	"caption{text-align:left;padding:10px 12px 4px;font-weight:600}"
	"th,td{padding:7px 12px;text-align:right;vertical-align:top;"
	"border-top:1px solid var(--line);overflow-wrap:normal}"
	"thead th{border-top:0;vertical-align:bottom;color:var(--soft);"
	"font-size:.82rem;min-width:84px}"
	"tbody th,thead th:first-child,.left{text-align:left}"
	"tbody th{font-weight:600;min-width:150px}"
	"th small{font-weight:400}td small{display:block;white-space:nowrap}"
	".good{color:var(--good)}.bad{color:var(--bad)}"
	".chip{display:inline-block;padding:2px 10px;border-radius:12px;"
	"font-weight:600;white-space:nowrap}"
	".met{color:var(--good);background:var(--goodbg)}"
	".not{color:var(--bad);background:var(--badbg)}"
	".none{color:var(--none);background:var(--nonebg)}";

/* Marks for limits run through all rows of a case; a whisker lies over its
 * bar. Widths are in per cent of the track. */
static const char bars[] =
	".bars{list-style:none;margin:8px 0 0;padding:0}"
	".bars li{display:flex;flex-wrap:wrap;gap:0 10px;"
	"align-items:baseline;padding-bottom:7px}"
	".name{font-size:.88rem}.value{font-size:.88rem;margin-left:auto;"
	"font-variant-numeric:tabular-nums;white-space:nowrap}"
	".ours .name{font-weight:700}"
	".track{flex:0 0 100%;position:relative;height:18px;"
	"background:linear-gradient(var(--line),var(--line)) bottom/100% 1px "
	"no-repeat}"
	".track i{position:absolute;display:block}"
	".bar{left:0;top:2px;height:14px;min-width:2px;"
	"background:var(--rival);border-radius:0 3px 3px 0}"
	".ours .bar{background:var(--ours)}"
	".limit .bar{background:repeating-linear-gradient(135deg,"
	"var(--rival) 0 2px,var(--limit) 2px 6px);"
	"border:1px solid var(--rival)}"
	".range{top:5px;height:8px;border:solid var(--ink);border-width:0 2px;"
	"background:linear-gradient(var(--ink),var(--ink)) center/100% 2px "
	"no-repeat}"
	".range.over{border-right:0}"
	".range.over::after{content:'';position:absolute;right:-1px;top:0;"
	"border:4px solid transparent;border-left:6px solid var(--ink);"
	"border-right:0}"
	".mark{top:-3px;height:24px;border-left:2px dashed var(--mark)}"
	".limit .name::before{content:'\\2506\\00a0';color:var(--mark);"
	"font-weight:700}"
	".absent{color:var(--soft);font-style:italic;white-space:normal}"
	".track,.chip,.sum div,.card{-webkit-print-color-adjust:exact;"
	"print-color-adjust:exact;forced-color-adjust:none}"
	".key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:.85rem}"
	".key .track{display:inline-block;width:44px;vertical-align:middle;"
	"margin-right:6px}";

static const char plots[] =
	".plot{display:block;width:100%;height:auto;max-width:640px;"
	"margin:auto;color:var(--ink);font-family:system-ui,sans-serif}"
	".plot text{stroke:none}";

static const char paper[] =
	"@media print{body{font-size:10pt}nav{display:none}"
	"h2{break-before:page;border-top:0}h2.stay{break-before:auto}"
	"h3{break-after:avoid}figure,.card,tr{break-inside:avoid}"
	".grid{grid-template-columns:1fr 1fr}.box{overflow:visible}"
	"table{font-size:8pt}th,td{padding:3px 5px}"
	"thead th,tbody th{min-width:0}}@page{margin:14mm}";

static void put_colours(FILE *to, bool is_dark)
{
	for (size_t i = 0; i < FIGURE_COLOURS; i++)
		(void)fprintf(to, "--s%zu:#%06x;", i,
			      is_dark ? figure_colours[i].dark
				      : figure_colours[i].light);
}

/* gnuplot writes a colour as rgb( 12,  3,  4) into attributes: they are given
 * the page's instead. */
static void put_lines(FILE *to)
{
	for (size_t i = 0; i < FIGURE_COLOURS; i++) {
		uint32_t c = figure_colours[i].light;
		char rgb[32];

		(void)snprintf(rgb, sizeof(rgb), "rgb(%3u, %3u, %3u)", c >> 16,
			       c >> 8 & 0xff, c & 0xff);
		(void)fprintf(to,
			      ".plot [stroke='%s']{stroke:var(--s%zu)}"
			      ".plot [color='%s']{color:var(--s%zu)}\n",
			      rgb, i, rgb, i);
	}
}

void page_style(struct page *p)
{
	(void)fprintf(p->to, "<style>\n:root{%s", light);
	put_colours(p->to, false);
	/* On paper it is light, whatever the screen is. */
	(void)fprintf(p->to,
		      "}\n@media screen and (prefers-color-scheme:dark)"
		      "{:root{%s",
		      dark);
	put_colours(p->to, true);
	(void)fprintf(p->to, "}}\n%s\n%s\n%s\n%s\n", basics, tables, bars,
		      plots);
	put_lines(p->to);
	(void)fprintf(p->to, "%s\n</style>\n", paper);
}
