//! Bars in SVG: drawn here, so that the page needs nothing from anywhere.

use std::fmt::Write as _;

use super::page::escape;

/// Bars of one chart, at most: the rest stands in the table.
pub(super) const BARS_MAX: usize = 40;

const WIDTH: f64 = 640.0;
const LABEL: f64 = 220.0;
const ROW: f64 = 22.0;

/// What grows to the right of a middle line, and what to the left.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) gained: u64,
    pub(super) lost: u64,
}

/// Gains to the right, losses to the left, on one scale.
pub(super) fn gains(title: &str, bars: &[Bar]) -> String {
    let bars = &bars[..bars.len().min(BARS_MAX)];
    let most = bars.iter().map(|bar| bar.gained.max(bar.lost)).max().unwrap_or(0).max(1) as f64;
    let half = (WIDTH - LABEL) / 2.0 - 40.0;
    let middle = LABEL + (WIDTH - LABEL) / 2.0;
    let height = ROW * bars.len() as f64 + 10.0;
    let mut svg = open(title, height);
    for (place, bar) in bars.iter().enumerate() {
        let y = ROW * place as f64 + 5.0;
        let (right, left) = (half * bar.gained as f64 / most, half * bar.lost as f64 / most);
        let base = y + ROW * 0.68;
        let _ = write!(
            svg,
            r#"<text x="{}" y="{base}" text-anchor="end">{}</text>"#,
            LABEL - 8.0,
            escape(&bar.label)
        );
        let _ = write!(
            svg,
            r#"<rect class="gain" x="{middle}" y="{y}" width="{right:.1}" height="16"/><rect class="loss" x="{:.1}" y="{y}" width="{left:.1}" height="16"/>"#,
            middle - left
        );
        if bar.gained > 0 {
            let _ = write!(svg, r#"<text x="{:.1}" y="{base}">+{}</text>"#, middle + right + 4.0, bar.gained);
        }
        if bar.lost > 0 {
            let x = middle - left - 4.0;
            let _ = write!(svg, r#"<text x="{x:.1}" y="{base}" text-anchor="end">-{}</text>"#, bar.lost);
        }
    }
    let _ = write!(svg, r#"<line x1="{middle}" y1="0" x2="{middle}" y2="{height}"/></svg>"#);
    svg
}

/// Two columns for each day: before and after.
pub(super) fn days(title: &str, days: &[(String, u64, u64)]) -> String {
    const HEIGHT: f64 = 160.0;
    let most = days.iter().map(|(_, before, after)| *before.max(after)).max().unwrap_or(0).max(1) as f64;
    let wide = (WIDTH - 40.0) / days.len().max(1) as f64;
    let mut svg = open(title, HEIGHT + 30.0);
    for (place, (day, before, after)) in days.iter().enumerate() {
        let x = 30.0 + wide * place as f64;
        for (class, shift, count) in [("was", 0.0, before), ("gain", 0.45, after)] {
            let tall = HEIGHT * *count as f64 / most;
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{tall:.1}"><title>{}: {count}</title></rect>"#,
                x + wide * shift,
                HEIGHT - tall + 5.0,
                wide * 0.4,
                escape(day)
            );
        }
    }
    if let (Some((first, _, _)), Some((last, _, _))) = (days.first(), days.last()) {
        let y = HEIGHT + 22.0;
        let _ = write!(
            svg,
            r#"<text x="30" y="{y}">{}</text><text x="{}" y="{y}" text-anchor="end">{}</text><text x="26" y="14" text-anchor="end">{most}</text>"#,
            escape(first),
            WIDTH - 10.0,
            escape(last)
        );
    }
    svg.push_str("</svg>");
    svg
}

fn open(title: &str, height: f64) -> String {
    format!(
        r#"<svg role="img" aria-label="{}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">"#,
        escape(title)
    )
}
