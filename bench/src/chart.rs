//! The chart: one bar for each figure with a ratio to Health/Check, its ceiling above it where it has one.

use std::fmt::Write as _;

use crate::report::Report;

const LEFT: u32 = 230;
const WIDTH: u32 = 430;
const LINE: u32 = 28;

/// An SVG of the ratios in a report, readable on a light and on a dark ground.
pub(crate) fn svg(report: &Report) -> String {
    let bars: Vec<(&str, f64, f64)> =
        report.rows.iter().filter_map(|row| Some((row.name.as_str(), row.to_health?, row.per_second))).collect();
    let most = bars.iter().map(|(_, ratio, _)| *ratio).fold(1.0, f64::max);
    let height = 74 + LINE * u32::try_from(bars.len()).unwrap_or(0);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" width="820" height="{height}" role="img" aria-label="Calls a second of each rpc over those of Health/Check">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #1f2328; }}
.note {{ fill: #59636e; font-size: 12px; }}
.bar {{ fill: #0969da; }}
.ceiling {{ fill: #afb8c1; }}
.rule {{ stroke: #d1d9e0; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #f0f6fc; }}
.note {{ fill: #9198a1; }}
.bar {{ fill: #4493f8; }}
.ceiling {{ fill: #656c76; }}
.rule {{ stroke: #3d444d; }}
}}
</style>
<text x="12" y="24">Calls a second over Health/Check on the same server</text>
<text x="12" y="42" class="note">grey: what a bare tonic server reaches that does only this</text>
"#
    );
    let scale = |ratio: f64| f64::from(WIDTH) * ratio / most;
    for tenth in [0.25_f64, 0.5, 0.75, 1.0] {
        let x = f64::from(LEFT) + scale(tenth);
        // Writing to a String cannot fail.
        let _ = writeln!(svg, r#"<line class="rule" x1="{x:.1}" y1="52" x2="{x:.1}" y2="{}"/>"#, height - 12);
    }
    let mut y = 56;
    for (name, ratio, rate) in bars {
        let class = if name.starts_with("ceiling") { "ceiling" } else { "bar" };
        let width = scale(ratio).max(1.0);
        let end = f64::from(LEFT) + width + 8.0;
        let baseline = y + 15;
        let _ = writeln!(
            svg,
            r#"<text x="12" y="{baseline}">{name}</text><rect class="{class}" x="{LEFT}" y="{y}" width="{width:.1}" height="20" rx="3"/><text class="note" x="{end:.1}" y="{baseline}">{ratio:.2} ({rate:.0}/s)</text>"#,
        );
        y += LINE;
    }
    svg.push_str("</svg>\n");
    svg
}
