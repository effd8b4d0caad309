//! Writes the JavaScript glue for one WebAssembly module: `conclave-glue MODULE.wasm OUT_DIR`.
//!
//! It is wasm-bindgen's own command line without the command line, which takes minutes to install. It does not
//! optimise the module; releases do that as a step of their own.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(out), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: conclave-glue MODULE.wasm OUT_DIR");
        return ExitCode::from(2);
    };
    let made = wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&module)
        .web(true)
        .and_then(|glue| {
            let mut made = glue
                .typescript(true)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate_output()?;
            // A note for linkers, which no browser reads: 300 bytes less for everybody who joins.
            made.wasm_mut().customs.remove_raw("target_features");
            made.emit(&out)
        });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conclave-glue: error: {}: {error:#}", module.display());
            ExitCode::FAILURE
        }
    }
}
