//! The instruction sets that the kernel is compiled for.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// A set of vector instructions, the better the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// Those that every processor of the architecture has.
    Portable,
    Avx2,
    Avx512,
}

static MOST: AtomicU8 = AtomicU8::new(Instructions::Avx512 as u8);

impl Instructions {
    pub const ALL: [Instructions; 3] = [Instructions::Portable, Instructions::Avx2, Instructions::Avx512];

    /// The best that this processor has, and that [`use_at_most`](Self::use_at_most) allows.
    pub fn best() -> Instructions {
        let most = MOST.load(Ordering::Relaxed);
        let usable = |instructions: &&Instructions| **instructions as u8 <= most && instructions.are_available();
        Instructions::ALL
            .iter()
            .rev()
            .find(usable)
            .copied()
            .unwrap_or(Instructions::Portable)
    }

    /// Keeps models that are loaded from now on from using better ones, to measure what they are worth: scores are the
    /// same with all.
    pub fn use_at_most(most: Instructions) {
        MOST.store(most as u8, Ordering::Relaxed);
    }

    /// Whether this processor has them.
    pub fn are_available(self) -> bool {
        match self {
            Instructions::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => {
                std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512dq")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Instructions::Avx2 | Instructions::Avx512 => false,
        }
    }
}

/// Instructions that this processor has: who holds one of these may use them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usable(Instructions);

impl Usable {
    pub const PORTABLE: Usable = Usable(Instructions::Portable);

    /// # Safety
    /// The processor must have them.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    #[expect(unsafe_code, reason = "what is not there must not be used")]
    pub unsafe fn assumed(instructions: Instructions) -> Usable {
        Usable(instructions)
    }

    #[inline(always)]
    pub fn instructions(self) -> Instructions {
        self.0
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Instructions::Portable => "portable",
            Instructions::Avx2 => "AVX2",
            Instructions::Avx512 => "AVX-512",
        })
    }
}
