//! What can be chosen on the command line.

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "side_by_side", about = "sockscope beside the bare libraries, under the same load")]
pub struct Choice {
    /// Loads whose names contain one of these words; none is all of them.
    pub only: Vec<String>,
    /// Loads of exactly these names.
    #[arg(long)]
    pub exact: bool,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
    /// Pairs of measurements.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// sockscope's side is the program with its dashboard, in a pseudo-terminal of 120 x 40.
    #[arg(long)]
    pub screen: bool,
    /// A tool in sockscope's place: NAME=COMMAND, with {port} where the port goes.
    #[arg(long, value_name = "NAME=COMMAND")]
    pub peer: Option<String>,
    /// Rows alone, without what stands around them: to be added to a table.
    #[arg(long)]
    pub rows: bool,
    #[command(subcommand)]
    pub part: Option<Part>,
}

/// What this binary runs itself as.
#[derive(Subcommand)]
pub enum Part {
    #[command(hide = true)]
    Serve { side: String, server: String, port: u16 },
    #[command(hide = true)]
    Load { name: String, port: u16, server: i32, seconds: f64 },
}
