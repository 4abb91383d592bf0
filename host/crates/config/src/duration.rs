//! Durations as a person writes them: `500ms`, `30s`, `5m`, `12h`, `7d`.

use std::time::Duration;

/// A number and its unit. Zero is no duration: whatever waits for it would never rest.
///
/// # Errors
/// What was written instead, and what is expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("\"{text}\" is not a duration: write a number and ms, s, m, h or d, like \"5m\"");
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()].parse().map_err(|_| expected())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    match number.checked_mul(unit_ms) {
        Some(0) => Err(format!("\"{text}\" is no time at all")),
        Some(ms) => Ok(Duration::from_millis(ms)),
        None => Err(format!("\"{text}\" is too long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_read() {
        for (text, ms) in
            [("1ms", 1), ("2s", 2_000), ("5m", 300_000), ("1h", 3_600_000), ("30d", 2_592_000_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_text() {
        for text in
            ["", "5", "m", "5 m", "-5m", "1.5h", "5M", "0s", "99999999999999999999s", "9999999999999999d"]
        {
            let reason = parse(text).unwrap_err();
            assert!(reason.starts_with(&format!("\"{text}\" ")), "{reason}");
        }
    }
}
