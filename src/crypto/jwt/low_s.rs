//! The lower of the two values of s that an ES256 signature can have. Whoever sees a token can replace s by n - s, and a verifier that
//! does not look takes both: one token, two texts. Both are public, so that nothing here need take the same time.

use std::cmp::Ordering;

/// The order n of P-256, big-endian (SEC 2, section 2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// True where the s of a signature, r and s of 32 bytes each, is at most n / 2.
pub(super) fn has_low_s(signature: &[u8]) -> bool {
    signature.split_last_chunk::<32>().is_some_and(|(_, s)| s.cmp(&negated(s)) != Ordering::Greater)
}

/// Gives a signature, r and s of 32 bytes each, the lower s.
pub(in crate::crypto) fn lower_s(signature: &mut [u8]) {
    if let Some(s) = signature.last_chunk_mut::<32>() {
        *s = (*s).min(negated(s));
    }
}

/// n - s, for an s below n.
fn negated(s: &[u8; 32]) -> [u8; 32] {
    let mut negated = [0; 32];
    let mut borrow = false;
    for ((to, order), s) in negated.iter_mut().zip(ORDER).zip(s).rev() {
        let (difference, below) = order.overflowing_sub(*s);
        let (difference, again) = difference.overflowing_sub(u8::from(borrow));
        (*to, borrow) = (difference, below || again);
    }
    negated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(s: [u8; 32]) -> [u8; 64] {
        let mut signature = [7; 64];
        signature[32..].copy_from_slice(&s);
        signature
    }

    #[test]
    fn one_of_two_is_the_lower() {
        let mut one = [0; 32];
        one[31] = 1;
        let mut half = ORDER;
        let mut carry = 0;
        for byte in &mut half {
            let next = *byte & 1;
            *byte = *byte >> 1 | carry << 7;
            carry = next;
        }
        for low in [one, half] {
            let high = negated(&low);
            assert!(has_low_s(&signature(low)) && !has_low_s(&signature(high)), "{low:x?}");
            assert_eq!(negated(&high), low);
            for mut either in [signature(low), signature(high)] {
                lower_s(&mut either);
                assert_eq!(either, signature(low), "r stays, s is the lower");
            }
        }
        assert!(!has_low_s(&[0; 31]));
    }
}
