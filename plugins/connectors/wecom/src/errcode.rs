//! The platform's error codes: who must act, and whether to try again.
//!
//! The HTTP status is 200 whatever happened. Only the number counts: `errmsg` is prose that changes.

use heliu_sdk::faults::{Fault, Pause};

/// How long the platform wants to be left alone after its rate limit was passed.
const RATE_LIMIT_MS: u32 = 60_000;
/// After its limit of parallel calls.
const CONCURRENCY_MS: u32 = 1_000;

/// What an error code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The token is spent: take another and try once more.
    Token,
    /// Try again, after so many milliseconds where the platform says so.
    Later(Option<u32>),
    /// An operator must act; what about.
    Operator(&'static str),
    /// She has no tie to anyone whom this app may see.
    NoTie,
    /// This id is wrong, gone or not ours to see.
    Data,
    /// The cursor of a page is not accepted, or another parameter: ours to mend.
    Parameter,
    /// Not in the table.
    Unknown,
}

/// Classes a code. The meanings are those of the platform's page of global error codes.
pub fn class(code: i64) -> Class {
    match code {
        40014 | 42001 => Class::Token,
        -1 | 6000 | 41063 => Class::Later(None),
        45009 => Class::Later(Some(RATE_LIMIT_MS)),
        45033 => Class::Later(Some(CONCURRENCY_MS)),
        40001 => Class::Operator("setting secret is not accepted"),
        40013 => Class::Operator("setting corp_id is not accepted"),
        60020 => Class::Operator("this host's address is not among the app's trusted ones"),
        95011 | 95012 | 95017 => Class::Operator("customer service is set up otherwise, or its API is off"),
        40056 | 43012 | 48001 | 48002 | 48006 | 84074 | 301002 | 301052 => {
            Class::Operator("the app has no right to this")
        }
        40126 => Class::Operator("the corp has as many tags as it may have"),
        701008 => Class::Operator("the licence does not cover it"),
        84061 => Class::NoTie,
        40003 | 40068 | 40071 | 40096 | 40098 | 41048 | 41054 | 41061 | 46004 | 60011 | 60111 | 81013
        | 81017 | 90501 | 610014 => Class::Data,
        // An account of the customer service, a session of it.
        95000 | 95004 | 95013 | 95014 => Class::Data,
        // A welcome's code: too old, used, in use by another app.
        41050 | 41051 | 41096 => Class::Data,
        40058 | 40063 | 41064 | 41088 | 640027 => Class::Parameter,
        _ => Class::Unknown,
    }
}

/// The fault that a code is, where nothing else can be made of it. The host logs why it should try again later, so there
/// the platform's own words, which may name whom it was asked about, are left out.
pub fn fault(code: i64, path: &str, message: &str) -> Fault {
    let said = format!("{path} answered {code}: {message}");
    match class(code) {
        Class::Token => Fault::Unauthorised(format!("{said}, with a fresh token too")),
        Class::Later(retry_after_ms) => {
            Fault::Later(Pause { why: format!("{path} answered {code}"), retry_after_ms })
        }
        Class::Operator(what) => Fault::Misconfigured(format!("{what} ({said})")),
        Class::NoTie | Class::Data | Class::Parameter | Class::Unknown => Fault::Malformed(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that is classed, and what becomes of a call that it answers.
    const TABLE: [(&[i64], Class); 15] = [
        (&[40014, 42001], Class::Token),
        (&[-1, 6000, 41063], Class::Later(None)),
        (&[45009], Class::Later(Some(60_000))),
        (&[45033], Class::Later(Some(1_000))),
        (&[40001], Class::Operator("setting secret is not accepted")),
        (&[40013], Class::Operator("setting corp_id is not accepted")),
        (&[60020], Class::Operator("this host's address is not among the app's trusted ones")),
        (&[95011, 95012, 95017], Class::Operator("customer service is set up otherwise, or its API is off")),
        (
            &[40056, 43012, 48001, 48002, 48006, 84074, 301002, 301052],
            Class::Operator("the app has no right to this"),
        ),
        (&[40126], Class::Operator("the corp has as many tags as it may have")),
        (&[701008], Class::Operator("the licence does not cover it")),
        (&[84061], Class::NoTie),
        (
            &[
                40003, 40068, 40071, 40096, 40098, 41048, 41050, 41051, 41054, 41061, 41096, 46004, 60011,
                60111, 81013, 81017, 90501, 95000, 95004, 95013, 95014, 610014,
            ],
            Class::Data,
        ),
        (&[40058, 40063, 41064, 41088, 640027], Class::Parameter),
        (&[0, 1, 40002, 45010, 99999, i64::MAX, i64::MIN], Class::Unknown),
    ];

    #[test]
    fn every_code_says_who_must_act_and_whether_to_try_again() {
        for (codes, expected) in TABLE {
            for &code in codes {
                assert_eq!(class(code), expected, "{code}");
                let fault = fault(code, "externalcontact/get", "her name, hint: [1]");
                let fits = match (expected, &fault) {
                    (Class::Token, Fault::Unauthorised(why)) => why.contains("fresh token"),
                    // The host logs it, and her name is no business of the log's.
                    (Class::Later(after), Fault::Later(Pause { why, retry_after_ms })) => {
                        *retry_after_ms == after && !why.contains("her name")
                    }
                    (Class::Operator(what), Fault::Misconfigured(why)) => why.starts_with(what),
                    (
                        Class::NoTie | Class::Data | Class::Parameter | Class::Unknown,
                        Fault::Malformed(why),
                    ) => why.contains("her name"),
                    _ => false,
                };
                assert!(fits && fault.why().contains(&code.to_string()), "{code}: {fault:?}");
            }
        }
    }

    #[test]
    fn the_table_has_every_code_that_is_classed() {
        let known: Vec<i64> = TABLE.iter().flat_map(|(codes, _)| codes.iter().copied()).collect();
        let classed = (-100..1_000_000).filter(|code| class(*code) != Class::Unknown);
        let missing: Vec<i64> = classed.filter(|code| !known.contains(code)).collect();
        assert_eq!(missing, [0_i64; 0]);
    }
}
