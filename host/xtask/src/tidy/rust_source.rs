//! A Rust file without what would mislead a search: comments, the insides of literals, tests.
//!
//! This is no parser. It knows where literals and comments end and how braces nest, which is what the rules ask.

use std::ops::Range;

use super::tree::File;

/// A Rust file, its code apart from its text.
pub struct RustSource<'a> {
    pub file: &'a File,
    /// The text with comments and the insides of literals blanked, byte for byte as long as the text.
    pub code: String,
    /// Byte ranges of `#[cfg(test)] mod … { … }`.
    tests: Vec<Range<usize>>,
}

/// A function with a body.
pub struct Function {
    pub name: String,
    /// Lines from `fn` to the closing brace, both counted, from 1.
    pub first_line: usize,
    pub last_line: usize,
}

impl<'a> RustSource<'a> {
    pub fn new(file: &'a File) -> Self {
        let code = blanked(&file.text);
        let tests = test_modules(&code);
        Self { file, code, tests }
    }

    /// Whether the whole file serves tests: it is not below a `src` folder, or it is a module of tests.
    pub fn is_test(&self) -> bool {
        let path = &self.file.path;
        let Some((_, below)) = path.rsplit_once("src/") else { return true };
        below == "tests.rs"
            || below.ends_with("/tests.rs")
            || below.starts_with("tests/")
            || below.contains("/tests/")
    }

    pub fn in_tests(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    /// How many lines there are outside of test modules.
    pub fn production_lines(&self) -> usize {
        let in_tests: usize =
            self.tests.iter().map(|range| self.file.text[range.clone()].lines().count()).sum();
        self.file.text.lines().count() - in_tests
    }

    pub fn line_at(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Where this stands in code, tests left out.
    pub fn find(&self, needle: &str) -> Vec<usize> {
        let found = self.code.match_indices(needle).map(|(at, _)| at);
        found.filter(|at| !self.in_tests(*at)).collect()
    }

    /// The names that follow this keyword in code, tests left out, each with its place.
    pub fn declared(&self, keyword: &str) -> Vec<(usize, &str)> {
        let found = self.find(&format!("{keyword} ")).into_iter().filter(|at| starts_word(&self.code, *at));
        found
            .map(|at| {
                let start = at + keyword.len() + 1;
                (at, word_at(&self.code, start))
            })
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }

    pub fn functions(&self) -> Vec<Function> {
        let bodies = self.declared("fn").into_iter().filter_map(|(at, name)| {
            let open = body_start(&self.code[at..])? + at;
            let close = closing(&self.code, open)?;
            Some(Function {
                name: name.to_owned(),
                first_line: self.line_at(at),
                last_line: self.line_at(close),
            })
        });
        bodies.collect()
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn starts_word(code: &str, at: usize) -> bool {
    at == 0 || !is_word(code.as_bytes()[at - 1])
}

fn word_at(code: &str, start: usize) -> &str {
    let length = code[start..].bytes().take_while(|byte| is_word(*byte)).count();
    &code[start..start + length]
}

/// Where a function's body opens; none where it is only declared.
fn body_start(signature: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in signature.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Where the brace that opens here is closed.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn test_modules(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]").map(|(at, mark)| (at, at + mark.len()));
    let modules = marks.filter_map(|(start, behind)| {
        let item = code[behind..].trim_start();
        let item = item.strip_prefix("pub(crate) ").or_else(|| item.strip_prefix("pub ")).unwrap_or(item);
        item.strip_prefix("mod ")?;
        let open = body_start(&code[behind..])? + behind;
        Some(start..closing(code, open)? + 1)
    });
    modules.collect()
}

/// The text with comments and the insides of literals replaced by blanks. Line ends stay.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match literal_or_comment(text, at) {
            Some(end) => end.min(bytes.len()),
            None => {
                at += 1;
                continue;
            }
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    // Only whole literals and comments were blanked, so what is left is whole characters.
    String::from_utf8(code).unwrap_or_default()
}

/// Where the comment or literal that begins here ends.
fn literal_or_comment(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    let length = match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest),
        [b'r', b'"' | b'#', ..] if starts_literal(text, at) => raw_string(rest)?,
        [b'\'', ..] => character(rest)?,
        _ => return None,
    };
    Some(at + length)
}

/// An `r` begins a raw string where no word, or only the `b` or `c` of `br"…"`, stands before it.
fn starts_literal(text: &str, at: usize) -> bool {
    let before = text.as_bytes()[..at].iter().rev().take_while(|byte| is_word(**byte)).count();
    before == 0 || (before == 1 && matches!(text.as_bytes()[at - 1], b'b' | b'c'))
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`; none for a raw identifier such as `r#type`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    let open = 1 + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let behind = rest[open + 1..].windows(end.len()).position(|window| window == end);
    Some(behind.map_or(rest.len(), |at| open + 1 + at + end.len()))
}

/// `'x'` or `'\n'`; none for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(3 + end + 1);
    }
    // One character of up to four bytes, then the closing quote.
    let length = rest.get(1).map(|first| match first {
        0x00..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    })?;
    (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: "host/src/x.rs".into(), text: text.into() }
    }

    #[test]
    fn comments_and_literals_are_blanked_and_nothing_else() {
        let text = r####"a("}"); // }
b('}', '\'', b'{', '合'); /* { /* } */ { */ c::<'x>(r#"" { "#, r#type, br"\", "\"{");"####;
        let code = blanked(text);
        assert_eq!(code.len(), text.len());
        let words: Vec<_> = code.split_whitespace().collect();
        assert_eq!(words.join(" "), "a( ); b( , , b , ); c::<'x>( , r#type, b , );");
    }

    #[test]
    fn a_function_is_measured_from_its_keyword_to_its_brace() {
        let source = file(
            "trait T {\n    fn declared(&self) -> [u8; 3];\n}\nfn long<T>(\n    x: [u8; 2],\n) -> u8 {\n    \"}\";\n    0\n}\n",
        );
        let functions = RustSource::new(&source).functions();
        let found: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.first_line, f.last_line)).collect();
        assert_eq!(found, [("long", 4, 9)]);
    }

    #[test]
    fn test_modules_are_no_production_code() {
        let source =
            file("fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() { x.unwrap() }\n}\nfn c() {}\n");
        let source = RustSource::new(&source);
        let names: Vec<_> = source.functions().into_iter().map(|function| function.name).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(source.production_lines(), 3);
        assert!(source.find(".unwrap()").is_empty());
    }
}
