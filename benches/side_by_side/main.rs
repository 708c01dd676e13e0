//! Watched beside unwatched: for each load the bare library and sockscope take turns (A B A B ...) under the same
//! load generator, and each pair is one ratio. Loopback only.
//!
//! ```text
//! cargo bench --bench side_by_side                                  # everything, a Markdown table
//! cargo bench --bench side_by_side -- tcp ws-32 --seconds 2 --rounds 5
//! cargo bench --bench side_by_side -- --screen                      # the program itself, drawing at 120 x 40
//! cargo bench --bench side_by_side -- idle                          # memory of 9,500 idle connections
//! cargo bench --bench side_by_side -- tcp-32 --peer 'socat=socat TCP-LISTEN:{port},fork,reuseaddr PIPE'
//! ```
//!
//! This binary runs itself for each part: `serve bare tcp PORT` is a server, `load tcp-32 PORT ...` a load. Server and
//! load are processes of their own, and where there are two cores each has one. What lasts on a busy machine is the
//! server's CPU time for one operation; operations a second are only true on a quiet one.

mod bare;
mod choice;
mod hist;
mod load;
mod loads;
mod machine;
mod round;
mod table;
mod watched;

use clap::Parser;

use crate::choice::{Choice, Part};

type Res<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Res<()> {
    machine::many_files()?;
    // Cargo gives every bench this word.
    let args = std::env::args().filter(|arg| arg != "--bench");
    match Choice::parse_from(args) {
        Choice { part: Some(Part::Serve { side, server, port }), .. } => serve(&side, &server, port),
        Choice { part: Some(Part::Load { name, port, server, seconds }), .. } => {
            let load = loads::find(&name)?;
            println!("{}", serde_json::to_string(&load::run(load, port, server, seconds)?)?);
            Ok(())
        }
        choice => round::all(&choice),
    }
}

/// A server until stdin ends.
fn serve(side: &str, server: &str, port: u16) -> Res<()> {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    // The same runtime as the program's own.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match side {
        "bare" => runtime.block_on(bare::serve(server, port)),
        _ => runtime.block_on(watched::serve(server, port)),
    }
}
