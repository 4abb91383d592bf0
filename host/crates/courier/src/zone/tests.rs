//! Edges of the calendar, and days on which clocks are changed.

use super::*;

const HOUR: u64 = 3_600_000;

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

/// An instant by its text in UTC.
fn utc(text: &str) -> Instant {
    let timestamp: Timestamp = text.parse().unwrap();
    instant(Ok(timestamp))
}

fn span(name: &str, calendar: Calendar, at: &str) -> (String, String) {
    let Span { from, until } = zone(name).span(calendar, utc(at));
    (timestamp(from).to_string(), timestamp(until).to_string())
}

fn texts(from: &str, until: &str) -> (String, String) {
    (from.to_owned(), until.to_owned())
}

fn end(name: &str, from: &str, to: &str, at: &str) -> Option<String> {
    let time = |text| TimeOfDay::parse(text).unwrap();
    zone(name).end_of(time(from), time(to), utc(at)).map(|end| timestamp(end).to_string())
}

#[test]
fn a_day_in_shanghai_begins_at_16_hours_utc() {
    let day = texts("2026-11-25T16:00:00Z", "2026-11-26T16:00:00Z");
    assert_eq!(span("Asia/Shanghai", Calendar::Day, "2026-11-25T16:00:00Z"), day);
    assert_eq!(span("Asia/Shanghai", Calendar::Day, "2026-11-26T15:59:59.999Z"), day);
    assert_ne!(span("Asia/Shanghai", Calendar::Day, "2026-11-26T16:00:00Z"), day);
    // A Sunday's last and a Monday's first instant.
    let week = texts("2026-11-22T16:00:00Z", "2026-11-29T16:00:00Z");
    assert_eq!(span("Asia/Shanghai", Calendar::Week, "2026-11-22T16:00:00Z"), week);
    assert_eq!(span("Asia/Shanghai", Calendar::Week, "2026-11-29T15:59:59.999Z"), week);
    let february = texts("2028-01-31T16:00:00Z", "2028-02-29T16:00:00Z");
    assert_eq!(span("Asia/Shanghai", Calendar::Month, "2028-02-29T15:59:59.999Z"), february);
    let december = texts("2026-11-30T16:00:00Z", "2026-12-31T16:00:00Z");
    assert_eq!(span("Asia/Shanghai", Calendar::Month, "2026-12-31T15:00:00Z"), december);
}

#[test]
fn berlins_days_have_23_and_25_hours_when_clocks_change() {
    let hours = |at| {
        let Span { from, until } = zone("Europe/Berlin").span(Calendar::Day, utc(at));
        (until - from) / HOUR
    };
    assert_eq!(hours("2026-03-29T12:00:00Z"), 23);
    assert_eq!(hours("2026-10-25T12:00:00Z"), 25);
    assert_eq!(hours("2026-10-26T12:00:00Z"), 24);
    let week = texts("2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z");
    assert_eq!(span("Europe/Berlin", Calendar::Week, "2026-10-25T22:59:59Z"), week);
    let march = texts("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
    assert_eq!(span("Europe/Berlin", Calendar::Month, "2026-03-31T21:59:59Z"), march);
}

#[test]
fn a_day_that_has_no_midnight_begins_when_the_clocks_jump() {
    // 2018-11-04: at midnight clocks went on to 01:00.
    let day = texts("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z");
    assert_eq!(span("America/Sao_Paulo", Calendar::Day, "2018-11-04T03:00:00Z"), day);
    let before = texts("2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z");
    assert_eq!(span("America/Sao_Paulo", Calendar::Day, "2018-11-04T02:59:59.999Z"), before);
    // 2018-02-17: at midnight clocks went back to 23:00, so that day had 25 hours.
    let long = texts("2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z");
    for at in ["2018-02-18T01:30:00Z", "2018-02-18T02:30:00Z"] {
        assert_eq!(span("America/Sao_Paulo", Calendar::Day, at), long);
    }
}

#[test]
fn a_second_evening_after_midnight_belongs_to_the_day_that_has_begun() {
    // Until 2011 clocks in St. John's went back at 00:01, to 23:01 of the day before.
    let zone = zone("America/St_Johns");
    let change = utc("2010-11-07T02:31:00Z");
    let sunday = zone.span(Calendar::Day, change - 30_000);
    assert_eq!(zone.span(Calendar::Day, change + HOUR / 2), sunday, "the second 23:31");
    assert_eq!(sunday.until - sunday.from, 25 * HOUR);
}

#[test]
fn quiet_hours_cross_midnight() {
    let night = |at| end("Asia/Shanghai", "22:00", "08:00", at);
    let morning = Some("2026-11-26T00:00:00Z".to_owned());
    assert_eq!(night("2026-11-25T13:59:59.999Z"), None);
    assert_eq!(night("2026-11-25T14:00:00Z"), morning);
    assert_eq!(night("2026-11-25T16:30:00Z"), morning);
    assert_eq!(night("2026-11-25T23:59:59.999Z"), morning);
    assert_eq!(night("2026-11-26T00:00:00Z"), None);
    let noon = |at| end("Asia/Shanghai", "12:00", "14:00", at);
    assert_eq!(noon("2026-11-26T05:00:00Z"), Some("2026-11-26T06:00:00Z".to_owned()));
    assert_eq!(noon("2026-11-26T06:00:00Z"), None);
    let to_midnight = |at| end("Asia/Shanghai", "21:00", "00:00", at);
    assert_eq!(to_midnight("2026-11-26T15:00:00Z"), Some("2026-11-26T16:00:00Z".to_owned()));
    assert_eq!(to_midnight("2026-11-26T16:00:00Z"), None);
}

#[test]
fn quiet_hours_follow_the_clocks() {
    // Berlin: nine hours in the night when clocks go on, eleven when they go back.
    let night = |at| end("Europe/Berlin", "22:00", "08:00", at);
    assert_eq!(night("2026-03-28T21:00:00Z"), Some("2026-03-29T06:00:00Z".to_owned()));
    assert_eq!(night("2026-10-24T20:00:00Z"), Some("2026-10-25T07:00:00Z".to_owned()));
    // 02:30 is skipped: what ends then ends at the jump.
    let skipped = |at| end("Europe/Berlin", "22:00", "02:30", at);
    assert_eq!(skipped("2026-03-29T00:59:00Z"), Some("2026-03-29T01:00:00Z".to_owned()));
    assert_eq!(skipped("2026-03-29T01:00:00Z"), None);
    // 02:30 comes twice: quiet up to the second.
    assert_eq!(skipped("2026-10-25T00:45:00Z"), Some("2026-10-25T01:30:00Z".to_owned()));
    // Both within the jump: there is no such time.
    assert_eq!(end("Europe/Berlin", "02:10", "02:50", "2026-03-29T01:00:00Z"), None);
    // From midnight on, where there is none.
    let early = |at| end("America/Sao_Paulo", "00:00", "06:00", at);
    assert_eq!(early("2018-11-04T03:00:00Z"), Some("2018-11-04T08:00:00Z".to_owned()));
    assert_eq!(early("2018-11-04T02:59:59Z"), None);
}

#[test]
fn days_are_counted_by_midnights() {
    let zone = zone("Asia/Shanghai");
    let days = |from, to| zone.days_between(utc(from), utc(to));
    assert_eq!(days("2026-11-25T15:59:00Z", "2026-11-25T16:00:00Z"), 1);
    assert_eq!(days("2026-11-25T16:00:00Z", "2026-11-26T15:59:00Z"), 0);
    assert_eq!(days("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"), 30);
    assert_eq!(days("2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z"), 0);
    assert_eq!(zone.start_of_day_after(utc("2026-11-25T15:59:00Z"), 2), utc("2026-11-26T16:00:00Z"));
}

#[test]
fn days_are_without_gap_and_overlap_through_every_change_of_the_clocks() {
    for (name, from) in [
        ("Asia/Shanghai", "1991-04-01T00:00:00Z"),
        ("Europe/Berlin", "2026-03-20T00:00:00Z"),
        ("America/Sao_Paulo", "2018-02-01T00:00:00Z"),
        ("America/Sao_Paulo", "2018-10-20T00:00:00Z"),
        ("America/St_Johns", "2010-10-25T00:00:00Z"),
        ("Pacific/Apia", "2011-12-20T00:00:00Z"),
    ] {
        let zone = zone(name);
        let mut span = zone.span(Calendar::Day, utc(from));
        for _ in 0..400 {
            let next = zone.span(Calendar::Day, span.until);
            assert_eq!(next.from, span.until, "{name} {}", zone.say(span.until));
            assert!(next.until > next.from, "{name}");
            for at in [next.from, next.from + (next.until - next.from) / 2, next.until - 1] {
                assert_eq!(zone.span(Calendar::Day, at), next, "{name} {}", zone.say(at));
                let (week, month) = (zone.span(Calendar::Week, at), zone.span(Calendar::Month, at));
                assert!(week.from <= next.from && next.until <= week.until, "{name} {}", zone.say(at));
                assert!(month.from <= next.from && next.until <= month.until, "{name} {}", zone.say(at));
            }
            span = next;
        }
    }
}

#[test]
fn the_ends_of_all_time_are_times_too() {
    let zone = zone("Europe/Berlin");
    for at in [0, u64::MAX, 253_402_207_200_000] {
        for calendar in [Calendar::Day, Calendar::Week, Calendar::Month] {
            assert!(zone.span(calendar, at).from <= at, "{at} {calendar:?}");
        }
        assert!(!zone.say(at).is_empty());
        assert!(zone.start_of_day_after(at, u32::MAX) >= at.min(253_402_207_200_000));
    }
}

#[test]
fn a_zone_that_there_is_not_is_none() {
    assert_eq!(Zone::named("Asia/Beijing"), None);
    assert_eq!(Zone::named(""), None);
    assert_eq!(zone("Asia/Shanghai").name(), "Asia/Shanghai");
}

#[test]
fn a_time_of_day_is_four_digits() {
    assert_eq!(TimeOfDay::parse("09:05").unwrap().to_string(), "09:05");
    for text in ["", "9:00", "24:00", "12:60", "12:5", "+1:00", "12:00:00", "1a:00"] {
        assert_eq!(TimeOfDay::parse(text), None, "{text}");
    }
}

#[test]
fn a_time_is_said_as_the_wall_shows_it() {
    assert_eq!(zone("Asia/Shanghai").say(utc("2026-11-26T00:00:00Z")), "2026-11-26 08:00 in Asia/Shanghai");
    assert_eq!(Zone::utc().say(1_500), "1970-01-01 00:00:01 in UTC");
}
