//! Every `unsafe` says why it is sound.

use super::Offence;
use super::tokens::stands;
use super::tree::{File, Tree};

/// How far above an `unsafe` its reason may begin, in lines of code of the same statement.
const STATEMENT: usize = 4;

/// `// SAFETY:` above a block or an `unsafe impl`; `# Safety` in the docs of an `unsafe fn`. Also where clippy does
/// not look: the kernel side and the fuzz targets stand outside the workspace.
pub(super) fn safety_comments(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust() {
        for (at, token) in file.tokens.iter().enumerate() {
            // `#[unsafe(no_mangle)]` is an attribute, `unsafe_code` another word.
            if token.text != "unsafe" || token.literal || stands(&file.tokens, at + 1, &["("]) {
                continue;
            }
            let promises = stands(&file.tokens, at + 1, &["fn"]) || stands(&file.tokens, at + 1, &["extern"]);
            if !explained(file, token.line, promises) {
                let says =
                    "`unsafe` without its reason; write `// SAFETY: why this is sound` on the line above";
                offences.push(Offence::new(&file.path, token.line, says));
            }
        }
    }
    offences
}

fn explained(file: &File, line: usize, promises: bool) -> bool {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut code = 0;
    for index in (0..line).rev() {
        let text = lines.get(index).map_or("", |text| text.trim());
        if text.contains("SAFETY:") || (promises && text.contains("# Safety")) {
            return true;
        }
        let comment = text.starts_with("//") || text.starts_with('#');
        // A statement ends above this one: what stands there explains another.
        if index + 1 < line && !comment {
            code += 1;
            if code > STATEMENT || text.is_empty() || text.ends_with([';', '{', '}']) {
                return false;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> usize {
        safety_comments(&Tree::of(&[("ebpf/src/a.rs", source)])).len()
    }

    #[test]
    fn a_block_without_its_reason_is_found() {
        assert_eq!(found("fn a() {\n    unsafe { b() }\n}\n"), 1);
        assert_eq!(found("fn a() {\n    // SAFETY: of another\n    let c = 1;\n    unsafe { b() }\n}\n"), 1);
        assert_eq!(found("unsafe impl Send for A {}\n"), 1);
        assert_eq!(found("/// Docs.\nunsafe fn a() {}\n"), 1);
    }

    #[test]
    fn a_reason_is_seen_where_it_stands() {
        assert_eq!(found("fn a() {\n    // SAFETY: b has no state\n    unsafe { b() }\n}\n"), 0);
        assert_eq!(
            found(
                "fn a() {\n    // SAFETY: two lines\n    // of it\n    let c =\n        unsafe { b() };\n}\n"
            ),
            0
        );
        assert_eq!(found("/// Docs.\n///\n/// # Safety\n/// Never.\n#[inline]\nunsafe fn a() {}\n"), 0);
        assert_eq!(found("#[unsafe(no_mangle)]\nstatic A: u8 = 0; // unsafe { } in words\n"), 0);
    }
}
