//! The keys and short strings near the top of a JSON text of which only the start may be there.
//!
//! Own code and not a parser library's: those want a whole text. Source: RFC 8259. Escapes are left as they stand.

use zeroize::Zeroizing;

/// Most entries that are kept.
const ENTRIES: usize = 96;
/// Longest key or string that is kept.
const LONGEST: usize = 256;
/// Deepest object whose keys are kept.
const DEPTH: usize = 3;

/// The keys, each under the ones that lead to it (`params>name`), with the string that is its value, if it is one.
/// Wiped when dropped.
#[derive(Default)]
pub(crate) struct Skim(Vec<(Zeroizing<String>, Zeroizing<String>)>);

impl Skim {
    /// Skims over a text. Arrays add nothing to a path; what lies deep is passed over.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut found = Self::default();
        // One element for each open bracket: the path's length before it, and whether it is an object.
        let mut open: Vec<(usize, bool)> = Vec::new();
        let mut path = Zeroizing::new(String::with_capacity(DEPTH * (LONGEST + 1)));
        let mut key: Option<Zeroizing<String>> = None;
        let mut deep = 0_usize;
        let mut at = 0_usize;
        while let Some(byte) = text.get(at).copied() {
            at = at.saturating_add(1);
            match byte {
                b'{' | b'[' if deep > 0 || open.len() >= 8 => deep = deep.saturating_add(1),
                b'}' | b']' if deep > 0 => deep = deep.saturating_sub(1),
                b'{' | b'[' => {
                    open.push((path.len(), byte == b'{'));
                    if let Some(key) = key.take() {
                        found.keep(&path, &key, "");
                        if !path.is_empty() {
                            path.push('>');
                        }
                        path.push_str(&key);
                    }
                }
                b'}' | b']' => {
                    if let Some((length, _)) = open.pop() {
                        path.truncate(length);
                    }
                    key = None;
                }
                b'"' => {
                    let rest = text.get(at..).unwrap_or_default();
                    let Some(length) = string(rest) else { break };
                    let value = rest.get(..length.min(LONGEST)).unwrap_or_default();
                    at = at.saturating_add(length).saturating_add(1);
                    if deep > 0 {
                        continue;
                    }
                    let value = Zeroizing::new(String::from_utf8_lossy(value).into_owned());
                    match (key.take(), open.last()) {
                        (Some(key), _) => found.keep(&path, &key, &value),
                        (None, Some((_, true))) => key = Some(value),
                        (None, Some((_, false)) | None) => {}
                    }
                }
                // A value that is no string: its first sign stands for it.
                b'0'..=b'9' | b'-' | b't' | b'f' | b'n' if deep == 0 => {
                    if let Some(key) = key.take() {
                        found.keep(&path, &key, "");
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn keep(&mut self, path: &str, key: &str, value: &str) {
        let depth = if path.is_empty() { 0 } else { path.matches('>').count().saturating_add(1) };
        // A list of messages or tools must not crowd out what follows it.
        let wanted = depth == 0 || depth < DEPTH && path.starts_with("params");
        if wanted && self.0.len() < ENTRIES {
            let path = if depth == 0 { key.to_owned() } else { format!("{path}>{key}") };
            self.0.push((Zeroizing::new(path), Zeroizing::new(value.to_owned())));
        }
    }

    /// The string at this path; empty when it is another value.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.as_str() == path).map(|(_, value)| value.as_str())
    }

    /// True when one of these keys is there.
    pub(crate) fn any(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.get(path).is_some())
    }
}

/// How long the string is whose opening quote was passed; `None` when its end is not there.
fn string(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::Skim;

    #[test]
    fn keys_near_the_top_are_found_in_a_text_that_is_cut() {
        let text = br#"[{"jsonrpc":"2.0","id":7,"params":{"_meta":{"a/b":"c"},"arguments":{"x":{"y":"z"}},"name":"say \"hi\""},"method":"tools/call","messages":[{"role":"user","content":[1,{"t":"u"}]}],"tools":[{"#;
        let skim = Skim::of(text);
        for (path, value) in [
            ("jsonrpc", "2.0"),
            ("id", ""),
            ("params>_meta>a/b", "c"),
            ("params>name", "say \\\"hi\\\""),
            ("method", "tools/call"),
            ("messages", ""),
            ("tools", ""),
        ] {
            assert_eq!(skim.get(path), Some(value), "{path}");
        }
        assert!(!skim.any(&["role", "messages>role", "params>arguments>x>y", "t"]));
        assert!(Skim::of(br#"{"method":"tools/ca"#).get("method").is_none(), "a string without its end");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\":,a1 \\\\]{0,80}") {
            let _ = Skim::of(text.as_bytes());
        }
    }
}
