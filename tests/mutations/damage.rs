//! Damage from a seed.

use base::Dice;

/// Bytes that mean something in one of the languages.
const TELLING: &[u8] = b"\0\r\n\t \"\\<>{}:;,=@?%/[]()*0-9+e\x7f\x80\xc0\xc3\xff";

/// The longest input, in bytes: that of a datagram.
const LONGEST: usize = 65_535;

/// One of `examples`, with up to four kinds of damage.
pub fn damage(dice: &mut Dice, examples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pick(dice, examples).clone();
    for _ in 0..=dice.below(4) {
        damage_once(dice, &mut bytes, examples);
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Flips, puts in, takes out, doubles, or swaps some bytes for another example's.
fn damage_once(dice: &mut Dice, bytes: &mut Vec<u8>, examples: &[Vec<u8>]) {
    let at = below(dice, bytes.len());
    let end = (at + below(dice, 12)).min(bytes.len());
    match dice.below(7) {
        _ if bytes.is_empty() => bytes.push(b' '),
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = *pick(dice, TELLING),
        2 => bytes.insert(at, *pick(dice, TELLING)),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => {
            let other = pick(dice, examples);
            let from = below(dice, other.len());
            let to = (from + below(dice, 40)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        _ => bytes.truncate(at),
    }
}

fn pick<'a, T>(dice: &mut Dice, of: &'a [T]) -> &'a T {
    &of[below(dice, of.len())]
}

fn below(dice: &mut Dice, end: usize) -> usize {
    dice.below(u32::try_from(end).unwrap_or(u32::MAX)) as usize
}
