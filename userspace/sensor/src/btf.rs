//! Offsets of structure members from the running kernel's type information (Documentation/bpf/btf.rst).
//!
//! Only what is needed for that is read; anything malformed reads as "absent".

/// Kinds of types (include/uapi/linux/btf.h).
const INT: u32 = 1;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// Deepest nesting that is followed.
const DEPTH: u32 = 16;

/// Type information, indexed.
pub(crate) struct Types<'a> {
    strings: &'a [u8],
    /// By type id; id 0 is `void`.
    types: Vec<Type<'a>>,
}

#[derive(Clone, Copy, Default)]
struct Type<'a> {
    name: u32,
    kind: u32,
    flag: bool,
    /// Size, or the type that this one refers to.
    size_or_type: u32,
    /// What follows the fixed part.
    tail: &'a [u8],
}

impl<'a> Types<'a> {
    /// Indexes the content of `/sys/kernel/btf/vmlinux`; `None` where it is not that.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if u16_at(bytes, 0)? != 0xeb9f {
            return None;
        }
        let header = bytes.get(4..)?;
        let header_bytes = usize_at(header, 0)?;
        let body = bytes.get(header_bytes..)?;
        let part = |offset: usize, length: usize| body.get(offset..offset.checked_add(length)?);
        let mut rest = part(usize_at(header, 4)?, usize_at(header, 8)?)?;
        let strings = part(usize_at(header, 12)?, usize_at(header, 16)?)?;
        let mut types = vec![Type::default()];
        while !rest.is_empty() {
            let (name, word, size_or_type) = (u32_at(rest, 0)?, u32_at(rest, 4)?, u32_at(rest, 8)?);
            let (kind, count) = ((word >> 24) & 0x1f, usize::from(u16_at(rest, 4)?));
            let tail_bytes = match kind {
                INT | VAR | DECL_TAG => 4,
                ARRAY => 12,
                STRUCT | UNION | DATASEC | ENUM64 => count.checked_mul(12)?,
                ENUM | FUNC_PROTO => count.checked_mul(8)?,
                _ => 0,
            };
            let (tail, after) = rest.get(12..)?.split_at_checked(tail_bytes)?;
            types.push(Type { name, kind, flag: word >> 31 == 1, size_or_type, tail });
            rest = after;
        }
        Some(Self { strings, types })
    }

    /// Offset in bytes of a member, `None` where the structure or the member does not exist. Members of anonymous
    /// structures and unions are found as C finds them; dots go into embedded structures.
    pub(crate) fn offset(&self, structure: &str, path: &str) -> Option<u32> {
        let mut current = self
            .types
            .iter()
            .find(|t| matches!(t.kind, STRUCT | UNION) && self.is_named(t.name, structure))
            .copied()?;
        let mut bits = 0_u32;
        for member in path.split('.') {
            current = self.resolve(current)?;
            let (at, member_type) = self.member(current, member, DEPTH)?;
            bits = bits.checked_add(at)?;
            current = self.by_id(member_type)?;
        }
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// Offset in bits and type of a member.
    fn member(&self, structure: Type<'a>, name: &str, depth: u32) -> Option<(u32, u32)> {
        if !matches!(structure.kind, STRUCT | UNION) || depth == 0 {
            return None;
        }
        for member in structure.tail.chunks_exact(12) {
            let (member_name, id, offset) = (u32_at(member, 0)?, u32_at(member, 4)?, u32_at(member, 8)?);
            let offset = if structure.flag { offset & 0x00ff_ffff } else { offset };
            if self.is_named(member_name, name) {
                return Some((offset, id));
            }
            if self.is_named(member_name, "") {
                let inner = self.by_id(id).and_then(|inner| self.resolve(inner));
                if let Some((at, id)) = inner.and_then(|inner| self.member(inner, name, depth - 1)) {
                    return Some((offset.checked_add(at)?, id));
                }
            }
        }
        None
    }

    fn by_id(&self, id: u32) -> Option<Type<'a>> {
        self.types.get(usize::try_from(id).ok()?).copied()
    }

    /// Follows names and qualifiers to the type itself.
    fn resolve(&self, mut current: Type<'a>) -> Option<Type<'a>> {
        for _ in 0..DEPTH {
            match current.kind {
                TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => {
                    current = self.by_id(current.size_or_type)?;
                }
                _ => return Some(current),
            }
        }
        None
    }

    fn is_named(&self, offset: u32, name: &str) -> bool {
        let found = usize::try_from(offset).ok().and_then(|offset| self.strings.get(offset..));
        found.is_some_and(|text| {
            text.get(..name.len()) == Some(name.as_bytes()) && text.get(name.len()) == Some(&0)
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_ne_bytes)
}

fn usize_at(bytes: &[u8], at: usize) -> Option<usize> {
    u32_at(bytes, at).and_then(|value| usize::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tiny blob: `struct in { int x; }`, `typedef struct in in_t`, `struct outer { int a; struct { in_t b; }; }`.
    fn blob() -> Vec<u8> {
        let strings = b"\0int\0in\0x\0in_t\0outer\0a\0b\0";
        let at = |name: &str| {
            let needle = [b"\0", name.as_bytes(), b"\0"].concat();
            u32::try_from(strings.windows(needle.len()).position(|w| w == needle).unwrap() + 1).unwrap()
        };
        let mut types: Vec<u32> = Vec::new();
        types.extend([at("int"), INT << 24, 4, 32]); // 1
        types.extend([at("in"), STRUCT << 24 | 1, 4, at("x"), 1, 0]); // 2
        types.extend([at("in_t"), TYPEDEF << 24, 2]); // 3
        types.extend([0, STRUCT << 24 | 1, 4, at("b"), 3, 0]); // 4, anonymous
        types.extend([at("outer"), STRUCT << 24 | 2, 8, at("a"), 1, 0, 0, 4, 32]); // 5
        let types: Vec<u8> = types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        let lengths = [24, 0, types.len(), types.len(), strings.len()];
        blob.extend(lengths.iter().flat_map(|word| u32::try_from(*word).unwrap().to_ne_bytes()));
        blob.extend(types);
        blob.extend(strings);
        blob
    }

    #[test]
    fn members_are_found_through_anonymous_structures_and_names() {
        let blob = blob();
        let types = Types::parse(&blob).unwrap();
        assert_eq!(types.offset("outer", "a"), Some(0));
        assert_eq!(types.offset("outer", "b"), Some(4));
        assert_eq!(types.offset("outer", "b.x"), Some(4));
        assert_eq!(types.offset("outer", "c"), None);
        assert_eq!(types.offset("none", "a"), None);
    }

    #[test]
    fn any_cut_of_the_blob_is_total() {
        let blob = blob();
        for end in 0..blob.len() {
            if let Some(types) = Types::parse(&blob[..end]) {
                assert_eq!(types.offset("outer", "nothing"), None);
            }
        }
    }

    #[test]
    fn this_kernel_has_what_the_programs_need() {
        let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            println!("skipped: this kernel has no /sys/kernel/btf/vmlinux");
            return;
        };
        let types = Types::parse(&bytes).expect("the kernel's own type information");
        for structure in ["task_struct", "sock", "tcp_sock", "mm_struct"] {
            assert!(tierzero_maps::offset::WANTED.iter().any(|wanted| wanted.structure == structure));
        }
        let missing: Vec<_> = tierzero_maps::offset::WANTED
            .iter()
            .filter(|wanted| types.offset(wanted.structure, wanted.member).is_none())
            .map(|wanted| format!("{}.{}", wanted.structure, wanted.member))
            .collect();
        println!("absent in this kernel: {missing:?}");
        assert!(types.offset("task_struct", "start_boottime").is_some());
    }
}
