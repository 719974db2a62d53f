//! A report as one page of HTML that needs nothing beside it: [`Report::page`].

use std::fmt::Write as _;

use crate::figure::figure;
use crate::picture::{Drawing, STYLE, drawings, escape};
use crate::report::{Case, NO_PEERS, Report};

impl Report {
    /// The report as a page. It loads nothing, and is dark where its reader is.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::new();
        let _ = write!(
            page,
            "{HEAD}<style>{STYLE}{PAGE}</style></head><body><main>"
        );
        self.top(&mut page);
        self.nav(&mut page);
        for case in &self.cases {
            self.section(&mut page, case);
        }
        self.goals(&mut page);
        self.who(&mut page);
        self.how(&mut page);
        page.push_str("</main></body></html>\n");
        page
    }

    fn top(&self, page: &mut String) {
        page.push_str("<h1>Credentials under load</h1>");
        if self.partial {
            page.push_str(
                "<p class=\"warn\"><b>Partial.</b> The run was stopped; what is missing was not measured.</p>",
            );
        }
        self.came_for(page);
        let peers = self.subjects.iter().any(|info| info.role.is_peer());
        if !self.better.is_empty() {
            page.push_str("<h2>Where a peer is better</h2><ul>");
            for sentence in &self.better {
                let _ = write!(page, "<li>{}</li>", escape(sentence));
            }
            page.push_str("</ul>");
        } else if peers {
            page.push_str("<p>No peer is better than keytide in what was measured.</p>");
        } else {
            let _ = write!(page, "<p>{NO_PEERS}</p>");
        }
        self.noisy(page);
        let met = self.goals.iter().filter(|goal| goal.met).count();
        if !self.goals.is_empty() {
            let _ = write!(
                page,
                "<p>keytide meets {met} of the {} goals that this run can judge; <a href=\"#goals\">all of them</a>.</p>",
                self.goals.len()
            );
        }
    }

    /// The figures that tell caches apart, and the picture that shows them.
    fn came_for(&self, page: &mut String) {
        if let Some(grid) = self.short() {
            page.push_str("<div class=\"scroll\"><table><thead><tr>");
            for title in &grid.head {
                let _ = write!(page, "<th>{}</th>", escape(title));
            }
            page.push_str("</tr></thead><tbody>");
            for row in &grid.rows {
                let _ = write!(page, "<tr><th>{}</th>", escape(&row[0]));
                for shown in &row[1..] {
                    let _ = write!(page, "<td>{}</td>", escape(shown));
                }
                page.push_str("</tr>");
            }
            page.push_str("</tbody></table></div>");
        }
        if let Some(drawing) = self.foremost() {
            figure_of(page, &drawing);
        }
    }

    fn noisy(&self, page: &mut String) {
        let class = if self.noise.too_noisy { "warn" } else { "note" };
        let _ = write!(
            page,
            "<div class=\"{class}\"><p>{}</p>",
            escape(&self.noise.sentence())
        );
        let lines = self.noise.lines();
        if !lines.is_empty() {
            page.push_str("<ul>");
            for line in lines {
                let _ = write!(page, "<li>{}</li>", escape(&line));
            }
            page.push_str("</ul>");
        }
        page.push_str("</div>");
    }

    fn nav(&self, page: &mut String) {
        page.push_str("<nav>");
        for case in &self.cases {
            let _ = write!(
                page,
                "<a href=\"#{}\">{}</a> ",
                anchor(case),
                escape(&name(case))
            );
        }
        page.push_str("</nav>");
    }

    fn section(&self, page: &mut String, case: &Case) {
        let _ = write!(
            page,
            "<section id=\"{}\"><h2>{}</h2><p class=\"kind\">{}</p><p>{}</p>",
            anchor(case),
            escape(&case.title),
            escape(&name(case)),
            escape(&case.text)
        );
        let foremost = self.foremost().map(|drawing| drawing.name);
        for drawing in drawings(self, case) {
            // That one stands at the top.
            if Some(&drawing.name) != foremost.as_ref() {
                figure_of(page, &drawing);
            }
        }
        self.table(page, case);
        page.push_str("</section>");
    }

    fn table(&self, page: &mut String, case: &Case) {
        let with_best = case.rows.iter().any(|row| row.to_best_peer.is_some());
        page.push_str("<div class=\"scroll\"><table><thead><tr><th>subject</th>");
        for column in &case.columns {
            let _ = write!(page, "<th>{}</th>", escape(&column.title));
        }
        if with_best {
            page.push_str("<th>× best peer</th>");
        }
        page.push_str("</tr></thead><tbody>");
        for row in &case.rows {
            let info = self.subject(&row.subject);
            let title = info.map_or_else(|| row.subject.clone(), |info| info.title());
            let class = info.map_or("", |info| match info.role {
                crate::entrant::Role::Keytide => " class=\"ours\"",
                _ => "",
            });
            let _ = write!(page, "<tr{class}><th>{}", escape(&title));
            if let Some(note) = &row.note {
                let _ = write!(page, "<small>{}</small>", escape(note));
            }
            page.push_str("</th>");
            for column in &case.columns {
                let _ = write!(page, "<td>{}</td>", escape(&row.shown(column)));
            }
            if with_best {
                let ratio = row
                    .to_best_peer
                    .map_or_else(|| "–".to_owned(), |ratio| figure(ratio, "×"));
                let _ = write!(page, "<td>{ratio}</td>");
            }
            page.push_str("</tr>");
        }
        page.push_str("</tbody></table></div>");
    }

    fn goals(&self, page: &mut String) {
        if self.goals.is_empty() {
            return;
        }
        page.push_str(
            "<section id=\"goals\"><h2>Goals of keytide</h2><div class=\"scroll\"><table><thead><tr><th>measure</th><th>goal</th>\
             <th>measured</th><th></th></tr></thead><tbody>",
        );
        for goal in &self.goals {
            let verdict = if goal.met {
                "met"
            } else {
                "<b class=\"miss\">missed</b>"
            };
            let _ = write!(
                page,
                "<tr><th>{}</th><td>{}</td><td>{}</td><td>{verdict}</td></tr>",
                escape(&goal.measure),
                escape(&goal.goal),
                escape(&goal.measured)
            );
        }
        page.push_str("</tbody></table></div></section>");
    }

    fn who(&self, page: &mut String) {
        page.push_str(
            "<section><h2>Who took part, set up how, read how</h2><div class=\"scroll\"><table class=\"text\"><thead><tr>\
             <th>subject</th><th>set up</th><th>read by</th></tr></thead><tbody>",
        );
        for info in &self.subjects {
            let _ = write!(
                page,
                "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
                escape(&info.title()),
                escape(&info.setup),
                escape(&info.path)
            );
        }
        page.push_str("</tbody></table></div></section>");
    }

    fn how(&self, page: &mut String) {
        page.push_str("<section><h2>How it was measured</h2><ul>");
        for line in &self.method {
            let _ = write!(page, "<li>{}</li>", escape(line));
        }
        let _ = write!(page, "</ul><p>{}</p></section>", escape(&self.place()));
    }
}

fn figure_of(page: &mut String, drawing: &Drawing) {
    let _ = write!(
        page,
        "<figure><div class=\"wide\">{}</div><div class=\"narrow\">{}</div><figcaption>{}</figcaption></figure>",
        drawing.wide.inline(),
        drawing.narrow.inline(),
        escape(&drawing.about)
    );
}

fn name(case: &Case) -> String {
    format!("{} {}", case.scenario, case.case).trim().to_owned()
}

fn anchor(case: &Case) -> String {
    escape(&name(case).replace([' ', ','], "-"))
}

const HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
<title>keytide bench</title>";

const PAGE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--tint:#f6f8fa;--ours:#0060b9;--bad:#c4320a}\
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#30363d;--tint:#151b23;--ours:#58a6ff;--bad:#ff8866}}\
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}\
main{max-width:900px;margin:0 auto;padding:24px 16px 64px}h1{font-size:28px;line-height:1.2;margin:8px 0 16px}\
h2{font-size:20px;line-height:1.3;margin:0 0 4px}section{margin-top:44px;padding-top:20px;border-top:1px solid var(--line)}\
p{margin:8px 0}a{color:var(--ours)}.kind{color:var(--soft);font-size:14px;margin:0}\
.warn,.note{border-left:4px solid var(--bad);background:var(--tint);padding:10px 14px;border-radius:0 6px 6px 0}.note{border-color:var(--ours)}\
nav{display:flex;flex-wrap:wrap;gap:4px 14px;margin-top:16px;font-size:15px}\
figure{margin:20px 0}figure svg{display:block;width:100%;height:auto}figcaption{color:var(--soft);font-size:14px;margin-top:4px}\
.narrow{display:none}@media (max-width:640px){.wide{display:none}.narrow{display:block}main{padding:12px 12px 48px}tbody th{white-space:normal;min-width:130px}}\
.scroll{overflow-x:auto;margin-top:12px}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;width:100%}\
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child{text-align:left}\
thead th{color:var(--soft);font-weight:600;vertical-align:bottom;white-space:normal;min-width:72px}tbody th{font-weight:400}\
.ours th,.ours td{color:var(--ours);font-weight:600}small{display:block;color:var(--soft);font-weight:400;white-space:normal;max-width:340px}\
.text td,.text th{text-align:left;white-space:normal;vertical-align:top;min-width:180px}.miss{color:var(--bad)}";
