//! `conclave disclose`: what this server could be made to produce, and what others hold.

use super::{args::Output, voice};
use crate::{disclose::disclose, error::Error};

const WIDTH: usize = 96;

pub(super) fn run(output: &Output) -> Result<(), Error> {
    let all = disclose(&output.data.folder()?)?;
    if output.json {
        return voice::json(&all);
    }
    voice::result("What this server could be made to produce, and what it could not.");
    heading("On disk: the database");
    for column in &all.database {
        item(
            &column.name,
            column.is.unwrap_or("not described: tell the authors of this program"),
            "",
        );
    }
    heading("On disk: the data folder");
    if all.files.is_empty() {
        paragraph("  ", "(there is none yet, or this user may not read it)");
    }
    for file in &all.files {
        item(
            &file.name,
            file.is.unwrap_or("not made by this program; look at it yourself"),
            "",
        );
    }
    for (title, classes) in [
        ("In memory, by class", &all.memory),
        ("Certificates and keys", &all.keys),
        ("What others hold, whatever this server does", &all.others),
    ] {
        heading(title);
        for class in classes {
            item(class.at, class.what, class.how_long);
        }
    }
    for (title, lines) in [
        ("In the log", &all.log),
        (
            "What it could be made to produce from now on, by changing it",
            &all.from_now_on,
        ),
        ("What cannot be produced, because it is not here", &all.absent),
    ] {
        heading(title);
        for line in lines {
            paragraph("  - ", line);
        }
    }
    Ok(())
}

fn heading(text: &str) {
    voice::result("");
    voice::result(text);
}

fn item(name: &str, what: &str, how_long: &str) {
    voice::result(&format!("  {name}"));
    paragraph("      ", what);
    if !how_long.is_empty() {
        paragraph("      kept: ", how_long);
    }
}

/// Breaks lines between words; later lines stand under the first.
fn paragraph(mark: &str, text: &str) {
    let mut line = mark.to_owned();
    let indent = " ".repeat(mark.len());
    for word in text.split_whitespace() {
        if line.trim_end().len() + 1 + word.len() > WIDTH && line.trim() != mark.trim() {
            voice::result(line.trim_end());
            line.clone_from(&indent);
        }
        line.push_str(word);
        line.push(' ');
    }
    voice::result(line.trim_end());
}
