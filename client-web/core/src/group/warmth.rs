//! How warm the tree is: to how many keys a commit has to seal its path.
//!
//! Does not decide who renews their keys, or when (`call/warming`). A path is sealed to the *resolution* of every node beside it: to one key where somebody below has committed,
//! to one for each leaf where nobody has, and to one more for each leaf that came since. SPEC: RFC 9420 §4.1.1, §7.8.

use openmls::prelude::ParentNode;
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _, VLBytes};

use super::Group;
use crate::limits::COLD_FROM;

/// Leaves are looked at in blocks of 2^this, eight. Smaller blocks would need more commits to warm all of them; larger ones leave more keys in each path of one that is warm.
const BLOCK_LEVEL: usize = 3;

impl Group {
    /// Leaves of those parts of the tree to which paths are sealed at many keys; eight neighbours at a time, first those whose commit saves most.
    pub(crate) fn cold_blocks(&self) -> Vec<Vec<u32>> {
        let tree = self.mls().treesync();
        let leaves: Vec<u32> = tree.full_leaves().map(|(index, _)| index.u32()).collect();
        let parents = tree.full_parents().map(|(index, node)| (index.u32(), unmerged(node)));
        cold_blocks(&leaves, parents)
    }
}

/// The leaves below a parent that do not know its key. The library shows its encoding only.
fn unmerged(node: &ParentNode) -> usize {
    let read = || {
        let bytes = node.tls_serialize_detached().ok()?;
        let (_key, rest) = VLBytes::tls_deserialize_bytes(&bytes).ok()?;
        let (_hash, rest) = VLBytes::tls_deserialize_bytes(rest).ok()?;
        let (leaves, _) = Vec::<u32>::tls_deserialize_bytes(rest).ok()?;
        Some(leaves.len())
    };
    read().unwrap_or(0)
}

/// The same over what is filled: leaves, ascending, and parents with how many leaves do not know their key.
fn cold_blocks(leaves: &[u32], parents: impl Iterator<Item = (u32, usize)>) -> Vec<Vec<u32>> {
    let Some(last) = leaves.last() else { return Vec::new() };
    let width = (*last as usize + 1).next_power_of_two();
    let top = width.trailing_zeros() as usize;
    // By level, from the leaves up to the root: keys that a path beside this node is sealed to.
    let mut keys = vec![vec![0; width]];
    for leaf in leaves {
        if let Some(place) = keys[0].get_mut(*leaf as usize) {
            *place = 1;
        }
    }
    let mut filled = vec![None; width];
    for (index, unmerged) in parents {
        if let Some(place) = filled.get_mut(index as usize) {
            *place = Some(1 + unmerged);
        }
    }
    for level in 1..=top {
        let below = &keys[level - 1];
        let row = below.chunks(2).enumerate().map(|(n, children)| {
            // In the tree's numbers of its parents: the middle of what is below.
            let parent = (n << level) + (1 << (level - 1)) - 1;
            filled
                .get(parent)
                .copied()
                .flatten()
                .unwrap_or_else(|| children.iter().sum())
        });
        let row = row.collect();
        keys.push(row);
    }
    let block = |leaf: u32| leaf as usize >> BLOCK_LEVEL;
    let mut cold: Vec<(Vec<usize>, Vec<u32>)> = leaves
        .chunk_by(|a, b| block(*a) == block(*b))
        .filter_map(|members| {
            let first = *members.first()? as usize;
            // What others save by a commit from here: in the widest part first, but for the root, to which nobody seals anything.
            let saves: Vec<usize> = (BLOCK_LEVEL..top)
                .rev()
                .filter_map(|level| keys.get(level)?.get(first >> level).copied())
                .collect();
            (*saves.last()? > COLD_FROM).then(|| (saves, members.to_vec()))
        })
        .collect();
    cold.sort_by(|(a, _), (b, _)| b.cmp(a));
    cold.into_iter().map(|(_, members)| members).collect()
}

#[cfg(test)]
mod tests {
    use super::super::measure::Crowd;
    use super::*;

    #[test]
    fn blocks_that_nobody_warmed_come_first_by_what_they_weigh() {
        let leaves: Vec<u32> = (0..40).collect();
        let none = cold_blocks(&leaves, std::iter::empty());
        // Of the two halves the first has more leaves; in it, all are alike.
        assert_eq!(none, leaves.chunks(8).map(<[u32]>::to_vec).collect::<Vec<_>>());
        // Somebody in the first block has committed: the parents over it are 0, 1, 3, 7, 15 and the root, 31.
        let once = cold_blocks(&leaves, [0, 1, 3, 7, 15, 31].into_iter().map(|p| (p, 0)));
        let firsts: Vec<u32> = once.iter().map(|block| block[0]).collect();
        assert_eq!(
            firsts,
            [32, 16, 24, 8],
            "the other half, then the other quarter, then its sibling"
        );
    }

    #[test]
    fn a_block_is_cold_by_those_who_came_or_went_since_not_by_one_or_two() {
        let leaves: Vec<u32> = (0..16).collect();
        let with = |unmerged| cold_blocks(&leaves, [(3, unmerged), (11, 0)].into_iter()).len();
        assert_eq!((with(COLD_FROM - 1), with(COLD_FROM)), (0, 1));
        // Its parent is blank since somebody left: four are left in it, then five.
        let few: Vec<u32> = [0, 1, 2, 3].into_iter().chain(8..16).collect();
        assert!(cold_blocks(&few, [(11, 0)].into_iter()).is_empty());
        let more: Vec<u32> = (0..5).chain(8..16).collect();
        assert_eq!(cold_blocks(&more, [(11, 0)].into_iter()), [vec![0, 1, 2, 3, 4]]);
        assert!(cold_blocks(&[], std::iter::empty()).is_empty() && cold_blocks(&[7], std::iter::empty()).is_empty());
    }

    /// What the library says of a real tree.
    #[test]
    fn a_real_tree_is_warm_when_somebody_in_each_block_has_committed() {
        let mut crowd = Crowd::new().unwrap();
        crowd.admit(38).unwrap();
        // The host added them all with a path of its own, and gave them the keys of its block.
        assert_eq!(crowd.cold_leaves(), 32);
        let before = crowd.build_removal().unwrap().commit_bytes();
        crowd.discard().unwrap();
        crowd.warm().unwrap();
        assert_eq!(crowd.cold_leaves(), 0);
        let after = crowd.build_removal().unwrap().commit_bytes();
        assert!(2 * after < before, "{after} of {before} bytes");
    }
}
