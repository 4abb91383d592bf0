//! What libFuzzer says of a run, read from its lines.

use std::fmt;

/// Of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub executions: u64,
    pub per_second: u64,
    /// Edges of the instrumented code that the seeds and the corpus reach.
    pub known: u64,
    /// Those that are reached at the end.
    pub covered: u64,
    /// Edges with how often they were taken, by powers of two: at the beginning and at the end.
    pub features: (u64, u64),
}

impl Statistics {
    /// None: they are not there.
    pub fn read(said: &str) -> Option<Statistics> {
        let line = |mark: &str| said.lines().find(|line| line.contains(mark));
        let (begin, end) = (line("INITED")?, line("DONE")?);
        let count = |line: &str, name: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != name);
            words.nth(1).and_then(|word| word.parse().ok())
        };
        Some(Statistics {
            executions: count(line("stat::number_of_executed_units")?, "stat::number_of_executed_units:")?,
            per_second: count(line("stat::average_exec_per_sec")?, "stat::average_exec_per_sec:")?,
            known: count(begin, "cov:")?,
            covered: count(end, "cov:")?,
            features: (count(begin, "ft:")?, count(end, "ft:")?),
        })
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics { executions, per_second, known, covered, features: (few, many) } = self;
        write!(
            f,
            "{executions:>9} executions, {per_second:>6}/s; edges {known} → {covered}, features {few} → {many}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "INFO: seed corpus: files: 12 min: 1b max: 300b total: 999b rss: 30Mb\n\
        #13\tINITED cov: 90 ft: 101 corp: 11/999b exec/s: 0 rss: 31Mb\n\
        #99\tNEW    cov: 91 ft: 103 corp: 12/1b lim: 4 exec/s: 0 rss: 31Mb L: 1/1 MS: 1 ChangeBit-\n\
        #262144\tDONE   cov: 120 ft: 240 corp: 30/2Kb lim: 4096 exec/s: 52428 rss: 40Mb\n\
        Done 262144 runs in 5 second(s)\n\
        stat::number_of_executed_units: 262144\n\
        stat::average_exec_per_sec:     52428\n";

    #[test]
    fn a_run_is_read() {
        let read = Statistics::read(SAID).unwrap();
        let features = (101, 240);
        assert_eq!(
            read,
            Statistics { executions: 262_144, per_second: 52_428, known: 90, covered: 120, features }
        );
        assert!(Statistics::read(&SAID[..200]).is_none());
    }
}
