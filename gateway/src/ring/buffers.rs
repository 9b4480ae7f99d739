//! Buffers that the kernel picks from when input arrives. So a connection that waits for input holds none.
//!
//! Each is given back as soon as what it holds has been copied, before anything else runs. So a few serve any number of
//! connections, and no connection can keep them from others.

use std::cell::UnsafeCell;
use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;

/// Number of buffers; a power of two. The kernel fills a few dozen before it lets the worker look at them.
const BUFFERS: usize = 64;

/// Bytes of each. What does not fit remains in the socket.
const BUFFER_BYTES: usize = 16 << 10;

/// The name of these buffers in requests.
pub(super) const GROUP: u16 = 0;

/// The memory of one buffer. The kernel writes to it.
type Memory = UnsafeCell<[u8; BUFFER_BYTES]>;

/// `struct io_uring_buf` of the kernel.
#[repr(C)]
struct Offer {
    address: u64,
    bytes: u32,
    number: u16,
    /// Only that of the first one has a meaning: how many offers were ever made (`struct io_uring_buf_ring`).
    made: AtomicU16,
}

/// The offers, where the kernel looks for them. The kernel wants them to begin with a page; no architecture has larger ones.
#[repr(C, align(65536))]
struct Offers([Offer; BUFFERS]);

/// The buffers of one ring.
pub(super) struct Buffers {
    offers: Box<Offers>,
    memory: Box<[Memory]>,
    made: u16,
}

impl Buffers {
    /// Offers buffers to the kernel.
    ///
    /// # Safety
    ///
    /// They must not be dropped before every request that may use them is complete.
    #[allow(unsafe_code)]
    pub(super) unsafe fn offer_to(ring: &IoUring) -> io::Result<Self> {
        let offer = |_| Offer { address: 0, bytes: 0, number: 0, made: AtomicU16::new(0) };
        let offers = Box::new(Offers(std::array::from_fn(offer)));
        let memory = (0..BUFFERS).map(|_| Memory::new([0; BUFFER_BYTES])).collect();
        let mut buffers = Self { offers, memory, made: 0 };
        let address = std::ptr::from_mut(&mut *buffers.offers).expose_provenance() as u64;
        // SAFETY: `BUFFERS` offers are at this address, which is aligned to pages, for as long as the caller says.
        unsafe { ring.submitter().register_buf_ring_with_flags(address, BUFFERS as u16, GROUP, 0)? };
        for number in 0..BUFFERS as u16 {
            buffers.give_back(number);
        }
        Ok(buffers)
    }

    /// Copies the first `bytes` of a buffer, and gives it back to the kernel.
    ///
    /// # Safety
    ///
    /// The kernel has filled this buffer, and it was not given back since.
    #[allow(unsafe_code)]
    pub(super) unsafe fn take(&mut self, number: u16, bytes: usize) -> Vec<u8> {
        // SAFETY: the kernel has written it, and does not before it gets it back.
        let memory: &[u8; BUFFER_BYTES] = unsafe { &*self.memory[usize::from(number)].get() };
        let taken = memory[..bytes].to_vec();
        self.give_back(number);
        taken
    }

    fn give_back(&mut self, number: u16) {
        let place = usize::from(self.made) % BUFFERS;
        let offer = &mut self.offers.0[place];
        offer.address = self.memory[usize::from(number)].get().expose_provenance() as u64;
        offer.bytes = BUFFER_BYTES as u32;
        offer.number = number;
        self.made = self.made.wrapping_add(1);
        // What was written before is there when the kernel sees it.
        self.offers.0[0].made.store(self.made, Ordering::Release);
    }
}
