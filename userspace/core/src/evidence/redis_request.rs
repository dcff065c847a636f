//! Requests of a Redis client: how they are recognised, and reading them without keeping more than names and proofs.

use zeroize::Zeroizing;

use super::dissector::{Input, Likeness};
use super::resp::{self, Read};

/// Longest line with a count or a length.
const HEAD: usize = 32;
/// Longest inline request by which the protocol is recognised.
const INLINE_LINE: usize = 4096;
/// Most bytes of an argument that is looked at.
const ARGUMENT: u64 = 1024;
/// Commands by which an inline request is recognised; requests in array form are recognised by their framing.
const INLINE: &[&str] = &[
    "PING",
    "AUTH",
    "HELLO",
    "QUIT",
    "INFO",
    "GET",
    "SET",
    "DEL",
    "EXISTS",
    "EXPIRE",
    "TTL",
    "INCR",
    "DECR",
    "KEYS",
    "SCAN",
    "DBSIZE",
    "SELECT",
    "CONFIG",
    "CLIENT",
    "COMMAND",
    "ECHO",
    "TIME",
    "TYPE",
    "MGET",
    "MSET",
    "LPUSH",
    "RPUSH",
    "LRANGE",
    "HGET",
    "HSET",
    "HGETALL",
    "SADD",
    "SMEMBERS",
    "ZADD",
    "ZRANGE",
    "PUBLISH",
    "SUBSCRIBE",
    "MONITOR",
    "FLUSHALL",
    "FLUSHDB",
    "SAVE",
    "BGSAVE",
    "SLAVEOF",
    "REPLICAOF",
    "ROLE",
    "PSYNC",
    "SYNC",
    "REPLCONF",
    "SHUTDOWN",
    "DEBUG",
    "OBJECT",
    "MEMORY",
    "LATENCY",
    "SLOWLOG",
    "ACL",
    "EVAL",
    "WAIT",
    "RESET",
    "STRLEN",
    "APPEND",
];

/// An array of bulk strings whose first is a word, or an inline request with a known word.
pub(crate) fn likeness(bytes: &[u8]) -> Likeness {
    if bytes.first() != Some(&b'*') {
        return inline_likeness(bytes);
    }
    let (head, read) = match resp::line_within(bytes, HEAD) {
        Read::Got(found) => found,
        Read::More => return Likeness::Unsure,
        Read::Broken => return Likeness::Unlike,
    };
    let count = head.get(1..).and_then(resp::number);
    if !count.is_some_and(|count| (1..=1_048_576).contains(&count)) {
        return Likeness::Unlike;
    }
    let rest = bytes.get(read..).unwrap_or_default();
    let (head, read) = match resp::line_within(rest, HEAD) {
        Read::Got(found) => found,
        Read::More => return Likeness::Unsure,
        Read::Broken => return Likeness::Unlike,
    };
    let length = match head.split_first() {
        Some((b'$', digits)) => resp::number(digits).and_then(|length| usize::try_from(length).ok()),
        Some(_) | None => None,
    };
    let Some(length) = length.filter(|length| (1..=64).contains(length)) else { return Likeness::Unlike };
    let word = rest.get(read..).unwrap_or_default();
    let there = word.get(..length.min(word.len())).unwrap_or_default();
    if !there.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        Likeness::Unlike
    } else if there.len() < length {
        Likeness::Unsure
    } else {
        Likeness::Like
    }
}

fn inline_likeness(bytes: &[u8]) -> Likeness {
    let end = bytes.iter().position(|byte| !byte.is_ascii_alphabetic());
    let word = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let known = |whole: bool| {
        INLINE.iter().any(|name| {
            let name = name.as_bytes();
            if whole {
                name.eq_ignore_ascii_case(word)
            } else {
                name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            }
        })
    };
    match (end, resp::line_within(bytes, INLINE_LINE)) {
        (None, _) if known(false) => Likeness::Unsure,
        (Some(_), _) if !known(true) => Likeness::Unlike,
        // An HTTP request line also begins with a word; it is told by its end.
        (Some(_), Read::Got((line, _))) if !line.windows(5).any(|part| part == b"HTTP/") => Likeness::Like,
        (Some(_), Read::More) => Likeness::Unsure,
        (_, _) => Likeness::Unlike,
    }
}

/// The request that is being read.
#[derive(Default, Debug)]
pub(crate) struct Request {
    /// Arguments still to come, when the request is an array.
    left: Option<u64>,
    /// Arguments kept so far: the name, and for AUTH and HELLO the rest. Wiped when dropped.
    kept: Vec<Zeroizing<Vec<u8>>>,
    /// Arguments seen so far, kept or not.
    seen: u64,
}

impl Request {
    /// Reads one whole request.
    pub(crate) fn next(&mut self, input: &mut Input<'_>) -> Read<Vec<Zeroizing<Vec<u8>>>> {
        loop {
            let bytes = input.bytes();
            let Some(left) = self.left else {
                let Some((head, read)) = resp::line(bytes) else { return Read::More };
                match head.split_first() {
                    Some((b'*', digits)) => match resp::number(digits) {
                        Some(count) if count <= 1_048_576 => {
                            self.left = Some(count.max(0).unsigned_abs());
                            self.kept = Vec::new();
                            self.seen = 0;
                            input.read(read);
                        }
                        Some(_) | None => return Read::Broken,
                    },
                    Some(_) | None => {
                        let words =
                            head.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
                        let words: Vec<_> =
                            words.take(8).map(|word| Zeroizing::new(unquoted(word).to_vec())).collect();
                        input.read(read);
                        return Read::Got(words);
                    }
                }
                continue;
            };
            if left == 0 {
                self.left = None;
                return Read::Got(std::mem::take(&mut self.kept));
            }
            let (head, read) = match resp::line_within(bytes, HEAD) {
                Read::Got(found) => found,
                Read::More => return Read::More,
                Read::Broken => return Read::Broken,
            };
            let length = match head.split_first() {
                Some((b'$', digits)) => resp::number(digits).and_then(|length| u64::try_from(length).ok()),
                Some(_) | None => None,
            };
            let Some(length) = length.filter(|length| *length <= 1 << 30) else { return Read::Broken };
            if self.seen < 8 && length <= ARGUMENT && self.wanted() {
                let end = read.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                let Some(argument) = bytes.get(read..end) else { return Read::More };
                self.kept.push(Zeroizing::new(argument.to_vec()));
            }
            input.skip((read as u64).saturating_add(length).saturating_add(2));
            self.seen = self.seen.saturating_add(1);
            self.left = Some(left.saturating_sub(1));
        }
    }

    /// Only the name, the arguments of AUTH and HELLO, and the subcommand of CLIENT are looked at.
    fn wanted(&self) -> bool {
        match self.kept.first() {
            None => self.seen == 0,
            Some(name) => {
                ["AUTH", "HELLO", "CLIENT"].iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            }
        }
    }
}

fn unquoted(word: &[u8]) -> &[u8] {
    match word {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => word,
    }
}
