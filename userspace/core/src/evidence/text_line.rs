//! Lines of text protocols: reading them one by one, three-digit replies, and the words by which they are recognised.
//!
//! Sources: RFC 959 section 4.2 and RFC 5321 section 4.2 (replies).

use zeroize::Zeroizing;

use super::dissector::{Input, Likeness};
use super::resp::Read;

/// Longest line, its end included: what RFC 4954 section 4 asks for.
const LINE: usize = 12_288;
/// How refusals of a wrong proof are worded; any other refusal may have another reason.
const WRONG: &[&str] = &[
    "incorrect",
    "invalid",
    "fail",
    "denied",
    "wrong",
    "bad password",
    "bad login",
    "cannot log in",
    "unable to log",
    "unable to authenticate",
    "not accepted",
    "rejected",
];
/// Words by which such a refusal says that it has another reason.
const ELSE: &[&str] =
    &["too many", "max", "limit", "in use", "lock", "temporar", "host", "address", "anonymous"];

/// Takes the next line, without its end; nothing is taken while the end is not there.
pub(crate) fn take(input: &mut Input<'_>) -> Read<Zeroizing<Vec<u8>>> {
    let Some(end) = input.find(LINE, |bytes, from| byte_after(bytes, from, b'\n')) else {
        return if input.bytes().len() >= LINE { Read::Broken } else { Read::More };
    };
    let line = input.bytes().get(..end).unwrap_or_default();
    let line = Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
    input.read(end.saturating_add(1));
    Read::Got(line)
}

/// Where `byte` first stands at or behind place `from`.
pub(crate) fn byte_after(bytes: &[u8], from: usize, byte: u8) -> Option<usize> {
    let at = bytes.get(from..)?.iter().position(|one| *one == byte)?;
    from.checked_add(at)
}

/// The first word of a line and what follows it.
pub(crate) fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii();
    match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at..).unwrap_or_default().trim_ascii()),
        None => (line, &[]),
    }
}

/// True when `word` is one of `words`, whatever its case.
pub(crate) fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Compares the first word with those that a caller may begin with.
pub(crate) fn begins_with_word(bytes: &[u8], words: &[&str]) -> Likeness {
    match bytes.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')) {
        Some(end) if is_one_of(bytes.get(..end).unwrap_or_default(), words) => Likeness::Like,
        Some(_) => Likeness::Unlike,
        None => {
            let begins = |word: &&str| {
                word.as_bytes().get(..bytes.len()).is_some_and(|start| start.eq_ignore_ascii_case(bytes))
            };
            if words.iter().any(begins) { Likeness::Unsure } else { Likeness::Unlike }
        }
    }
}

/// The most likely of several comparisons, of which at most one can become `Like`.
pub(crate) fn any(of: &[Likeness]) -> Likeness {
    [Likeness::Like, Likeness::Unsure].into_iter().find(|one| of.contains(one)).unwrap_or(Likeness::Unlike)
}

/// A three-digit code that is one of `codes`, and what must follow it.
pub(crate) fn begins_with_code(bytes: &[u8], codes: &[&str]) -> Likeness {
    let starts: Vec<Likeness> =
        codes.iter().map(|code| Likeness::starts_with(bytes, code.as_bytes())).collect();
    match (any(&starts), bytes.get(3)) {
        (Likeness::Like, Some(b' ' | b'-' | b'\r' | b'\n')) => Likeness::Like,
        (Likeness::Like, None) => Likeness::Unsure,
        (Likeness::Like, Some(_)) => Likeness::Unlike,
        (other, _) => other,
    }
}

/// True when a refusal's text says that the proof itself was wrong.
pub(crate) fn says_wrong(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    WRONG.iter().any(|word| text.contains(word)) && !ELSE.iter().any(|word| text.contains(word))
}

/// A reply: its code and the text of its last line.
pub(crate) struct Reply {
    /// 100 to 999.
    pub(crate) code: u16,
    /// What follows the code.
    pub(crate) text: Zeroizing<Vec<u8>>,
}

/// Reads three-digit replies, of one or several lines.
#[derive(Default, Debug)]
pub(crate) struct Replies {
    /// The code of the reply whose last line has not come yet.
    open: Option<u16>,
}

impl Replies {
    /// Reads one line; `None` when it does not end a reply.
    pub(crate) fn next(&mut self, input: &mut Input<'_>) -> Read<Option<Reply>> {
        let line = match take(input) {
            Read::More => return Read::More,
            Read::Broken => return Read::Broken,
            Read::Got(line) => line,
        };
        let code = line
            .get(..3)
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok())
            .filter(|code| *code >= 100);
        let ends = matches!(line.get(3), None | Some(b' '));
        match (self.open, code) {
            (Some(open), Some(code)) if open == code && ends => self.open = None,
            (Some(_), _) => return Read::Got(None),
            (None, Some(_)) if ends => {}
            (None, Some(code)) if line.get(3) == Some(&b'-') => {
                self.open = Some(code);
                return Read::Got(None);
            }
            (None, _) => return Read::Broken,
        }
        let text = Zeroizing::new(line.get(4..).unwrap_or_default().to_vec());
        Read::Got(code.map(|code| Reply { code, text }))
    }
}
