//! Rust source as a flat run of tokens, so that no rule mistakes a comment or a string for code.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// One word, sign or literal.
pub(super) struct Token {
    /// As written; `::` is one token, every other sign is one character.
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// Inside an item that only tests compile.
    pub(super) test: bool,
    /// A string, number or character literal.
    pub(super) literal: bool,
}

/// Takes source apart; the error is the parser's.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    // A first line of `#!/...` is no Rust, `#![...]` is.
    let source = if source.starts_with("#!") && !source.starts_with("#![") {
        source.split_once('\n').map_or("", |(_, rest)| rest)
    } else {
        source
    };
    let stream: TokenStream = source
        .parse()
        .map_err(|error: proc_macro2::LexError| format!("{error} at {:?}", error.span().start()))?;
    let mut into = Vec::new();
    flatten(stream, false, &mut into);
    Ok(into)
}

fn flatten(stream: TokenStream, in_test: bool, into: &mut Vec<Token>) {
    let mut item_is_test = false;
    let mut after_hash = false;
    let mut colon = false;
    for tree in stream {
        let line = tree.span().start().line;
        let test = in_test || item_is_test;
        let hash = matches!(&tree, TokenTree::Punct(sign) if sign.as_char() == '#');
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                if after_hash && group.delimiter() == Delimiter::Bracket && for_tests_only(&group.stream()) {
                    item_is_test = true;
                    if let Some(sign) = into.last_mut() {
                        sign.test = true;
                    }
                }
                let test = test || item_is_test;
                let last = group.span_close().start().line;
                into.push(Token { text: open.to_owned(), line, test, literal: false });
                flatten(group.stream(), test, into);
                into.push(Token { text: close.to_owned(), line: last, test, literal: false });
                if group.delimiter() == Delimiter::Brace {
                    item_is_test = false;
                }
                colon = false;
            }
            TokenTree::Punct(sign) => {
                let character = sign.as_char();
                if colon && character == ':' {
                    if let Some(first) = into.last_mut() {
                        first.text.push(':');
                    }
                    colon = false;
                } else {
                    into.push(Token { text: character.to_string(), line, test, literal: false });
                    colon = character == ':' && sign.spacing() == Spacing::Joint;
                }
                if character == ';' {
                    item_is_test = false;
                }
            }
            TokenTree::Ident(word) => {
                into.push(Token { text: word.to_string(), line, test, literal: false });
                colon = false;
            }
            TokenTree::Literal(literal) => {
                into.push(Token { text: literal.to_string(), line, test, literal: true });
                colon = false;
            }
        }
        after_hash = hash;
    }
}

/// `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, ...))]`.
fn for_tests_only(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "test" || text == "tokio::test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Whether `words` stand one after another from `at` on.
pub(super) fn stands(tokens: &[Token], at: usize, words: &[&str]) -> bool {
    words.iter().enumerate().all(|(offset, word)| {
        tokens.get(at + offset).is_some_and(|token| token.text == *word && !token.literal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let tokens = tokens("// std::fs\nfn a() { let b = \"std::fs\"; /* std::fs */ c::d(); }").unwrap();
        assert!(!(0..tokens.len()).any(|at| stands(&tokens, at, &["std", "::", "fs"])));
        assert!((0..tokens.len()).any(|at| stands(&tokens, at, &["c", "::", "d"])));
    }

    #[test]
    fn test_items_are_known_and_end_where_they_end() {
        let tokens =
            tokens("#[cfg(test)]\nmod t { fn inside() {} }\nfn outside() {}\n#[test]\nfn case() {}").unwrap();
        let of =
            |name: &str| tokens.iter().find(|token| token.text == name).map(|token| (token.test, token.line));
        assert_eq!(of("inside"), Some((true, 2)));
        assert_eq!(of("outside"), Some((false, 3)));
        assert_eq!(of("case"), Some((true, 5)));
    }

    #[test]
    fn broken_source_is_an_error() {
        assert!(tokens("fn a( {").is_err());
    }
}
