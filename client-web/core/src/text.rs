//! Makes peers' text harmless to show: names and chat.
//!
//! Does not judge content or look-alike letters; equal names are marked in the roster instead. Rule of use: clean before
//! sending *and* again before showing, for the sender may not have been this program.

use conclave_protocol::limits::{MAX_CHAT, MAX_NAME, MAX_TITLE};

/// What a character becomes that could move, hide or reverse its neighbours.
const INERT: char = '\u{FFFD}';

/// Controls, and the marks that reorder text or make lines: with them a name could show as another, or leave its box.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{180E}' | '\u{2028}' | '\u{2029}' // Arabic letter mark, vowel separator, line and paragraph separators
            | '\u{202A}'..='\u{202E}' // embeddings and overrides
            | '\u{2066}'..='\u{206F}' // isolates, deprecated format characters
            | '\u{FFF9}'..='\u{FFFB}' // interlinear annotation
            | '\u{E0000}'..='\u{E007F}') // invisible tags
}

/// Invisible or direction marks that have no business in a name.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}'
            ..='\u{2064}' | '\u{FEFF}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}'
    )
}

/// A name fit to show: one line, no controls, trimmed, runs of white space made one blank. `None` if nothing is left or it is longer
/// than 64 bytes of UTF-8.
pub(crate) fn clean_name(raw: &str) -> Option<String> {
    clean_line(raw, MAX_NAME)
}

/// A room's title fit to show, by the same rules; its owner wrote it, and whoever has the link may have got it from anybody.
pub(crate) fn clean_title(raw: &str) -> Option<String> {
    // What is dangerous grows by being made visible.
    clean_line(raw, 3 * MAX_TITLE)
}

fn clean_line(raw: &str, most: usize) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    for word in raw.split_whitespace() {
        let word: String = word
            .chars()
            .filter(|c| !is_invisible(*c))
            .map(|c| if is_dangerous(c) { INERT } else { c })
            .collect();
        if !out.is_empty() && !word.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    (!out.is_empty() && out.len() <= most).then_some(out)
}

/// A reaction fit to show: one visible character. Nothing that reorders, hides or breaks the line that it stands in.
pub(crate) fn is_reaction(c: char) -> bool {
    !is_dangerous(c) && !is_invisible(c) && !c.is_whitespace()
}

/// Chat fit to show: line feeds stay, other controls and reordering marks become visible. `None` if empty or above 4,000 bytes.
pub(crate) fn clean_chat(raw: &str) -> Option<String> {
    let out: String = raw
        .chars()
        .filter(|c| *c != '\r')
        .map(|c| {
            if c != '\n' && c != '\t' && is_dangerous(c) {
                INERT
            } else {
                c
            }
        })
        .collect();
    let trimmed = out.trim();
    (!trimmed.is_empty() && trimmed.len() <= MAX_CHAT).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_reorder_or_hide_itself() {
        assert_eq!(clean_name("  Ada \u{200B} Lovelace\n").as_deref(), Some("Ada Lovelace"));
        assert_eq!(clean_name("evil\u{202E}nimda").as_deref(), Some("evil\u{FFFD}nimda"));
        assert_eq!(clean_name("\u{200B}\u{FEFF} \t"), None);
        assert_eq!(clean_name(&"x".repeat(65)), None);
        assert!(clean_name(&"x".repeat(64)).is_some());
        let longest = "\u{61C}".repeat(MAX_TITLE / 2);
        assert_eq!(clean_title(&longest), Some("\u{FFFD}".repeat(MAX_TITLE / 2)));
        assert_eq!(clean_title("Choir \u{2066}").as_deref(), Some("Choir \u{FFFD}"));
    }

    #[test]
    fn a_reaction_is_one_visible_character() {
        for c in ['👍', '❤', '!', 'é'] {
            assert!(is_reaction(c));
        }
        for c in [
            '\u{202E}',
            '\u{200F}',
            '\u{2067}',
            '\n',
            '\u{7}',
            ' ',
            '\u{FEFF}',
            '\u{E0041}',
        ] {
            assert!(!is_reaction(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn chat_keeps_lines_and_loses_controls() {
        assert_eq!(
            clean_chat("a\r\nb\u{7}\u{2066}c").as_deref(),
            Some("a\nb\u{FFFD}\u{FFFD}c")
        );
        assert_eq!(clean_chat(" \n "), None);
        assert_eq!(clean_chat(&"x".repeat(4_001)), None);
    }
}
