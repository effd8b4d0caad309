//! "Is this output newer than everything it was made from?", answered by content and not by time.
//!
//! Used only where the tool itself cannot tell (npm, wasm-bindgen, Vite). The hash guards against forgetting, not against
//! an attacker.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::run::{Result, at};

/// One output with its inputs.
pub struct Stamp {
    file: PathBuf,
    now: String,
}

impl Stamp {
    /// Reads all `inputs` (directories with everything in them, but no `node_modules`).
    pub fn of(place: &Place, name: &str, inputs: &[PathBuf]) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for input in inputs {
            add(&mut hasher, input)?;
        }
        let file = place.target.join("x/stamps").join(name);
        Ok(Self {
            file,
            now: format!("{:016x}", hasher.finish()),
        })
    }

    /// True if `output` exists and was made from exactly these inputs.
    pub fn is_fresh(&self, output: &Path) -> bool {
        output.exists() && std::fs::read_to_string(&self.file).is_ok_and(|then| then == self.now)
    }

    /// To be called when the output has been made.
    pub fn set(&self) -> Result<()> {
        if let Some(dir) = self.file.parent() {
            at(dir, std::fs::create_dir_all(dir))?;
        }
        at(&self.file, std::fs::write(&self.file, &self.now))
    }
}

fn add(hasher: &mut DefaultHasher, path: &Path) -> Result<()> {
    if path.is_dir() {
        let mut entries = Vec::new();
        for entry in at(path, std::fs::read_dir(path))? {
            entries.push(at(path, entry)?.path());
        }
        entries.sort();
        for entry in entries {
            if entry.file_name().is_some_and(|name| name != "node_modules") {
                add(hasher, &entry)?;
            }
        }
    } else if path.exists() {
        hasher.write(path.to_string_lossy().as_bytes());
        let bytes = at(path, std::fs::read(path))?;
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_input_makes_the_output_stale() {
        let dir = std::env::temp_dir().join(format!("x-stamp-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("in")).expect("temp dir");
        std::fs::write(dir.join("in/a"), "1").expect("write");
        let place = Place {
            root: dir.clone(),
            target: dir.join("target"),
        };
        let stamp = |()| Stamp::of(&place, "test", &[dir.join("in")]).expect("readable");
        assert!(!stamp(()).is_fresh(&dir.join("in")));
        stamp(()).set().expect("writable");
        assert!(stamp(()).is_fresh(&dir.join("in")));
        assert!(!stamp(()).is_fresh(&dir.join("gone")));
        std::fs::write(dir.join("in/b"), "").expect("write");
        assert!(!stamp(()).is_fresh(&dir.join("in")));
        std::fs::remove_dir_all(&dir).expect("clean up");
    }
}
