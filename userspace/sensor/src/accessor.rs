//! Where a library keeps a member: read from the instructions of its own accessor function, so that no table of
//! versions is needed and none can be out of date.
//!
//! The instructions are followed as the processor would, under what is assumed of the object (its pointers are not
//! null, and its first word, by which newer libraries tell TLS from QUIC, is zero). An instruction that is not known
//! ends it without an answer.

/// Offsets of the loads that lead from the argument to the result: one for a member, two for a member of what a
/// member points to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Way(pub(crate) Vec<u32>);

/// What a register holds.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Held {
    /// Nothing that matters.
    Other,
    /// What these loads from the argument gave.
    Loaded(Vec<u32>),
}

/// Most instructions that an accessor has on the way to its result.
const LONGEST: usize = 32;
/// Numbers of registers (Intel SDM volume 2, table 2-2): the result, and the first argument of the System V ABI.
const RAX: usize = 0;
const RDI: usize = 7;

/// Follows an x86-64 accessor from its first byte to its result.
pub(crate) fn follow(code: &[u8]) -> Option<Way> {
    let mut registers: [Held; 16] = std::array::from_fn(|_| Held::Other);
    *registers.get_mut(RDI)? = Held::Loaded(Vec::new());
    let mut at = 0_usize;
    // The zero flag, where it is known.
    let mut zero: Option<bool> = None;
    for _ in 0..LONGEST {
        let rest = code.get(at..)?;
        // endbr64
        if rest.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]) {
            at += 4;
            continue;
        }
        let (prefix, rest) = match rest {
            [prefix @ 0x40..=0x4f, rest @ ..] => (Some(*prefix), rest),
            rest => (None, rest),
        };
        let (wide, high, low) = bits(prefix);
        let start = code.len() - rest.len();
        match rest {
            // push r64
            [0x50..=0x57, ..] => at = start + 1,
            // xor r32, r32 of one register with itself
            [0x31, form, ..] if form >> 6 == 3 && register(form >> 3, high) == register(*form, low) => {
                *registers.get_mut(register(*form, low))? = Held::Other;
                at = start + 2;
            }
            // test r, r of one register with itself: a pointer is not null, the object's first word is zero
            [0x85, form, ..] if form >> 6 == 3 && register(form >> 3, high) == register(*form, low) => {
                zero = Some(match registers.get(register(*form, low))? {
                    Held::Loaded(way) if wide => way.len() == 1 && way.first() == Some(&0),
                    Held::Loaded(way) if way.as_slice() == [0] => true,
                    Held::Loaded(_) | Held::Other => return None,
                });
                at = start + 2;
            }
            // cmp dword [r], 0: the object's first word
            [0x83, form, 0, ..] if form >> 3 == 7 && *form & 7 != 4 && *form & 7 != 5 => {
                let Held::Loaded(way) = registers.get(register(*form, low))? else { return None };
                if !way.is_empty() {
                    return None;
                }
                zero = Some(true);
                at = start + 3;
            }
            // je, jne
            [code @ (0x74 | 0x75), by, ..] => {
                let by = isize::from(by.cast_signed());
                at = jump(start + 2, zero? == (*code == 0x74), by)?;
            }
            [0x0f, code @ (0x84 | 0x85), a, b, c, d, ..] => {
                let by = isize::try_from(i32::from_le_bytes([*a, *b, *c, *d])).ok()?;
                at = jump(start + 6, zero? == (*code == 0x84), by)?;
            }
            // mov r, r
            [0x89, form, ..] if form >> 6 == 3 => {
                let from = registers.get(register(form >> 3, high))?.clone();
                *registers.get_mut(register(*form, low))? = from;
                at = start + 2;
            }
            // mov r, [r + offset]
            [0x8b, form, operand @ ..] if form >> 6 < 3 && *form & 7 != 4 => {
                let (offset, bytes) = match (form >> 6, *form & 7, operand) {
                    (0, 5, _) => return None,
                    (0, _, _) => (0, 0),
                    (1, _, [a, ..]) => (i32::from(a.cast_signed()), 1),
                    (2, _, [a, b, c, d, ..]) => (i32::from_le_bytes([*a, *b, *c, *d]), 4),
                    _ => return None,
                };
                let Held::Loaded(mut way) = registers.get(register(*form, low))?.clone() else { return None };
                way.push(u32::try_from(offset).ok()?);
                *registers.get_mut(register(form >> 3, high))? = Held::Loaded(way);
                at = start + 2 + bytes;
            }
            // ret
            [0xc3, ..] => return result(registers.get(RAX)?),
            // call: an accessor that counts a reference first does so on its result, a member of a member. With less than
            // that, the member is another function's.
            [0xe8, ..] => return result(registers.get(RDI)?).filter(|Way(way)| way.len() == 2),
            _ => return None,
        }
    }
    None
}

/// Width, and the fourth bits of the two registers of an instruction (REX prefix).
fn bits(prefix: Option<u8>) -> (bool, u8, u8) {
    prefix.map_or((false, 0, 0), |prefix| (prefix & 8 != 0, (prefix >> 2) & 1, prefix & 1))
}

fn register(field: u8, fourth: u8) -> usize {
    usize::from(field & 7 | fourth << 3)
}

fn jump(next: usize, taken: bool, by: isize) -> Option<usize> {
    if taken { next.checked_add_signed(by) } else { Some(next) }
}

fn result(held: &Held) -> Option<Way> {
    match held {
        Held::Loaded(way) if !way.is_empty() => Some(Way(way.clone())),
        Held::Loaded(_) | Held::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Way, follow};

    fn way(code: &[u8]) -> Option<Vec<u32>> {
        follow(code).map(|Way(way)| way)
    }

    #[test]
    fn a_member_and_a_member_of_a_member() {
        // OpenSSL 3.0: mov rax, [rdi + 0x9b8]; xor edi, edi; ret
        assert_eq!(way(&[0x48, 0x8b, 0x87, 0xb8, 9, 0, 0, 0x31, 0xff, 0xc3]), Some(vec![0x9b8]));
        // mov eax, [rdi + 0x968]; ret
        assert_eq!(way(&[0x8b, 0x87, 0x68, 9, 0, 0, 0xc3]), Some(vec![0x968]));
        // test rdi, rdi; je; mov rax, [rdi + 0x918]; test rax, rax; je; mov rax, [rax + 0x2b8]; ret
        let code = [
            0x48, 0x85, 0xff, 0x74, 0x19, 0x48, 0x8b, 0x87, 0x18, 9, 0, 0, 0x48, 0x85, 0xc0, 0x74, 0x0d,
            0x48, 0x8b, 0x80, 0xb8, 2, 0, 0, 0xc3,
        ];
        assert_eq!(way(&code), Some(vec![0x918, 0x2b8]));
    }

    #[test]
    fn an_object_that_may_be_quic_is_taken_for_tls() {
        // test rdi, rdi; je; cmp dword [rdi], 0; jne; mov rax, [rdi + 0x10]; ret
        let code = [0x48, 0x85, 0xff, 0x74, 9, 0x83, 0x3f, 0, 0x75, 4, 0x48, 0x8b, 0x47, 0x10, 0xc3];
        assert_eq!(way(&code), Some(vec![0x10]));
        // mov eax, [rdi]; test eax, eax; je over `ret` to mov rax, [rdi + 0x10]; ret
        let code = [0x8b, 0x07, 0x85, 0xc0, 0x74, 1, 0xc3, 0x48, 0x8b, 0x47, 0x10, 0xc3];
        assert_eq!(way(&code), Some(vec![0x10]));
    }

    #[test]
    fn what_is_not_known_is_no_answer() {
        for code in [&[0xc3][..], &[], &[0x48, 0x8b], &[0x0f, 0x05, 0xc3], &[0x74, 0xfe], &[0x31, 0xc0, 0xc3]]
        {
            assert_eq!(way(code), None, "{code:x?}");
        }
        // mov rdi, [rdi + 8]; call: the answer is that of another function
        assert_eq!(way(&[0x48, 0x8b, 0x7f, 8, 0xe8, 0, 0, 0, 0, 0xc3]), None);
        // Around for ever: test rdi, rdi; jne to itself.
        assert_eq!(way(&[0x48, 0x85, 0xff, 0x75, 0xfb]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(code in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = follow(&code);
        }
    }
}
