//! What a member leaves in memory when it is gone: nothing on the heap, under the allocator that the browser's core worker has, too.
//!
//! Does not look at stacks: what lies there is overwritten by the next calls, and gone with the worker. A positive control shows that the scan works.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_types, reason = "a test may read its own memory")]

mod world;

use std::alloc::System;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use conclave_core::Input;
use world::World;
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// What is looked for is kept under this mask, so that the list does not find itself.
const MASK: u8 = 0xA5;
/// Read at once; longer than anything looked for.
const CHUNK: usize = 1 << 20;

struct Wanted {
    what: &'static str,
    masked: Vec<u8>,
}

fn wanted(what: &'static str, secret: &[u8]) -> Wanted {
    let masked = secret.iter().map(|byte| byte ^ MASK).collect();
    Wanted { what, masked }
}

/// Which of them stand in writable memory outside of the stacks.
fn found(all: &[Wanted]) -> Vec<&'static str> {
    let here = &raw const all as usize;
    let mut maps = String::new();
    File::open("/proc/self/maps")
        .unwrap()
        .read_to_string(&mut maps)
        .unwrap();
    let mut memory = File::open("/proc/self/mem").unwrap();
    let (mut chunk, mut hits) = (vec![0u8; CHUNK], Vec::new());
    let mut scanned = 0;
    for line in maps
        .lines()
        .filter(|line| line.contains(" rw") && !line.contains("[stack]"))
    {
        let (range, _) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let hex = |text| usize::from_str_radix(text, 16).unwrap();
        let (mut at, to) = (hex(from), hex(to));
        if (at..to).contains(&here) {
            continue;
        }
        while at < to {
            let len = CHUNK.min(to - at);
            // INVARIANT: nothing of the chunk before is left in it, or a scan of the buffer's own place would find what was found already.
            chunk.fill(0);
            memory.seek(SeekFrom::Start(at as u64)).unwrap();
            let read = memory.read(&mut chunk[..len]).unwrap_or(0);
            scanned += read;
            for one in all {
                let first = one.masked[0] ^ MASK;
                let is_it = |w: &[u8]| w[0] == first && w.iter().zip(&one.masked).all(|(a, b)| *a ^ MASK == *b);
                if chunk[..read].windows(one.masked.len()).any(is_it) {
                    hits.push(one.what);
                }
            }
            // Overlapping, so that nothing hides on the seam.
            at += if len == CHUNK { CHUNK - 64 } else { len };
        }
    }
    chunk.fill(0);
    assert!(scanned > CHUNK, "hardly any memory was read");
    hits.sort_unstable();
    hits.dedup();
    hits
}

#[test]
fn a_member_that_is_gone_leaves_no_secret_on_the_heap() {
    let mut secrets = Vec::new();
    let mut world = World::new(1);
    let tabs = world.call_of(&["Grace", "Ada"]);
    world.give(
        tabs[0],
        Input::Chat {
            text: "the words of the canary".into(),
        },
    );
    world.run(5_000);
    for key in &world.tabs[tabs[1]].keys {
        secrets.push(wanted("a media key", key.base_key.as_slice()));
    }
    secrets.push(wanted("the link's secret", world.link.link_secret.expose()));
    secrets.push(wanted("what was said", b"the words of the canary"));
    // The record of a place: map head, version, member id, then the leaf's seed.
    let place = world.tabs[tabs[1]].place.clone().unwrap();
    let seeds = place.windows(2).position(|w| w == [0x58, 0x20]).unwrap() + 2;
    secrets.push(wanted("the leaf's key", &place[seeds..seeds + 32]));
    drop(place);
    let before = found(&secrets);
    for what in ["a media key", "the link's secret", "what was said", "the leaf's key"] {
        assert!(
            before.contains(&what),
            "the scan does not find {what} while it is there"
        );
    }
    for tab in tabs {
        world.give(tab, Input::Leave);
    }
    drop(world);
    let after = found(&secrets);
    assert!(after.is_empty(), "left behind: {after:?}");
}
