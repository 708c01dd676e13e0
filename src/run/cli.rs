//! The command line, and the plan it comes to: which endpoints, which limits, with or without a screen.
//!
//! Reads no file itself and prints nothing: whoever calls it does both.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};

use super::config::{self, Config};
use crate::model::size;
use crate::model::spec::{Limits, Spec};
use crate::model::url::{Role, Url};

/// The exit codes, as the help and the documents give them.
pub mod exit {
    /// Ended as asked.
    pub const DONE: u8 = 0;
    /// Could not run: no terminal, no runtime.
    pub const BROKEN: u8 = 1;
    /// The command line or the configuration is wrong. clap's own number.
    pub const USAGE: u8 = 2;
    /// Headless: no endpoint could start.
    pub const NOTHING_STARTED: u8 = 3;
}

const AFTER: &str = "\
A URL is scheme://[host][:port][/path] with one of tcp, udp, http, https, ws, wss, tls.
No host means loopback, port 0 takes a free one, IPv6 addresses stand in brackets. A listener
without a port takes its scheme's own: tcp 8124, udp 41234, http 8180, https 8543, ws 8181,
wss 8544, tls 8443; a client of http or ws the usual 80 or 443.

Examples:
  sockscope                                      five listeners on loopback, one a protocol
  sockscope -l tcp://:9000 -l udp://:9000        listen on TCP and UDP
  sockscope -c wss://echo.example/chat           talk to a WebSocket server
  sockscope -l http://0.0.0.0:8080 -c tcp://[::1]:5432
  sockscope --print-config > my.toml             then: sockscope --config my.toml
  sockscope --headless -l tcp://:0               events as JSON lines, commands on stdin
  sockscope --demo                               everything alive, for a first look
  sockscope cert for localhost                   a CA, and a certificate by it; see cert --help

Exit codes:
  0  ended as asked
  1  could not run (no terminal, no runtime)
  2  bad command line or configuration
  3  headless only: no endpoint could start";

/// An oscilloscope for sockets: TCP, UDP, HTTP, WebSocket and TLS endpoints live in one terminal.
#[derive(Parser, Clone, Debug)]
#[command(name = "sockscope", version, after_help = AFTER, max_term_width = 100)]
pub struct Cli {
    /// Listen there; can be given again, and mixed with --connect
    #[arg(short, long, value_name = "URL", value_parser = |text: &str| Url::parse(text, Role::Listen))]
    listen: Vec<Url>,

    /// Connect there; can be given again
    #[arg(short, long, value_name = "URL", value_parser = |text: &str| Url::parse(text, Role::Connect))]
    connect: Vec<Url>,

    /// Read endpoints, their behaviour and limits from a TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print the default configuration, with comments, and exit
    #[arg(long)]
    print_config: bool,

    /// No screen: events as JSON lines on stdout, commands as JSON lines on stdin
    #[arg(long)]
    headless: bool,

    /// Let clients of our own talk to five listeners, for a first look
    #[arg(long)]
    demo: bool,

    /// Bytes for all timelines together, such as 64MiB [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = read_memory)]
    memory: Option<u64>,

    /// Write the certificate of the CA made at start there, as PEM, for curl --cacert and the like
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Append the secrets of all TLS connections there, for Wireshark [default: $SSLKEYLOGFILE]
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,

    /// The folder with certificates and CAs [default: the data directory's certs]; see cert --help
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// What -l and -c said, in the order they were given.
    #[arg(skip)]
    typed: Vec<Spec>,
}

/// What to run as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Screen,
    Headless,
    /// Print [`config::DEFAULT`] and exit.
    PrintConfig,
}

/// What to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub mode: Mode,
    /// In the order they were asked for: the file's, then the command line's.
    pub endpoints: Vec<Spec>,
    pub limits: Limits,
    /// Clients of our own talk to the endpoints.
    pub demo: bool,
    /// Where the CA's certificate goes.
    pub ca_file: Option<PathBuf>,
    /// Where TLS secrets go; without it the environment's `SSLKEYLOGFILE` says.
    pub keylog: Option<PathBuf>,
    /// Where certificates are kept, if not where they are by default.
    pub store: Option<PathBuf>,
}

fn read_memory(text: &str) -> Result<u64, String> {
    match size::parse_bytes(text)? {
        0 => Err("0 bytes hold no timeline: write a size such as 64MiB".into()),
        bytes => Ok(bytes),
    }
}

impl Cli {
    /// Reads a command line, program name first.
    ///
    /// # Errors
    /// What clap wants printed, which for `-h` and `-V` is no mistake: `clap::Error` knows its exit code.
    pub fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, clap::Error> {
        let mut matches = Self::command().try_get_matches_from(args)?;
        let mut typed = specs(&matches, "listen", Role::Listen);
        typed.extend(specs(&matches, "connect", Role::Connect));
        typed.sort_by_key(|(index, _)| *index);
        let cli = Self::from_arg_matches_mut(&mut matches)?;
        Ok(Self { typed: typed.into_iter().map(|(_, spec)| spec).collect(), ..cli })
    }

    /// What it comes to. `read_file` fetches the configuration file's text.
    ///
    /// # Errors
    /// A sentence (for a configuration file, with the line it is about); the exit code is [`exit::USAGE`].
    pub fn plan(self, read_file: impl FnOnce(&Path) -> std::io::Result<String>) -> Result<Plan, String> {
        let mode = match (self.print_config, self.headless) {
            (true, _) => Mode::PrintConfig,
            (false, true) => Mode::Headless,
            (false, false) => Mode::Screen,
        };
        let asked = self.config.is_some() || !self.typed.is_empty();
        if self.demo && asked {
            return Err("--demo brings its own endpoints: leave out --listen, --connect and --config".into());
        }
        let mut config = match &self.config {
            Some(path) => {
                let name = path.display().to_string();
                let text = read_file(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
                config::parse(&text, &name).map_err(|error| error.to_string())?
            }
            None if asked => Config::default(),
            None => config::builtin().map_err(|error| error.to_string())?,
        };
        config.endpoints.extend(self.typed);
        config.limits.memory = self.memory.unwrap_or(config.limits.memory);
        let Config { endpoints, limits, .. } = config;
        let Self { demo, ca_file, keylog, store, .. } = self;
        Ok(Plan { mode, endpoints, limits, demo, ca_file, keylog, store })
    }
}

/// The URLs of one option with their places on the command line.
fn specs(matches: &ArgMatches, option: &str, role: Role) -> Vec<(usize, Spec)> {
    let urls = matches.get_many::<Url>(option).unwrap_or_default();
    let places = matches.indices_of(option).unwrap_or_default();
    places.zip(urls).map(|(place, url)| (place, Spec::new(role, url.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan_with(args: &str, file: &str) -> Result<Plan, String> {
        let args = args.split_whitespace().map(Into::into);
        let cli = Cli::read(std::iter::once("sockscope".into()).chain(args)).map_err(|error| error.to_string())?;
        cli.plan(
            |path| {
                if path == Path::new("my.toml") { Ok(file.into()) } else { Err(std::io::ErrorKind::NotFound.into()) }
            },
        )
    }

    fn plan(args: &str) -> Result<Plan, String> {
        plan_with(args, "")
    }

    fn urls(plan: &Plan) -> String {
        plan.endpoints.iter().map(|spec| format!("{} {}\n", spec.role.name(), spec.url)).collect()
    }

    #[test]
    fn no_arguments_run_the_five_defaults() {
        let plan = plan("").unwrap();
        assert_eq!(plan.mode, Mode::Screen);
        assert_eq!(plan.endpoints, config::builtin().unwrap().endpoints);
        assert_eq!(plan.endpoints.len(), 5);
    }

    #[test]
    fn endpoints_keep_the_order_they_were_typed_in() {
        let plan = plan("-c tcp://a:1 -l tcp://:2 --connect=ws://b -l udp://[::1]:0 --headless").unwrap();
        assert_eq!(plan.mode, Mode::Headless);
        assert_eq!(
            urls(&plan),
            "connect tcp://a:1\nlisten tcp://127.0.0.1:2\nconnect ws://b:80\nlisten udp://[::1]:0\n"
        );
    }

    #[test]
    fn a_file_comes_first_and_the_command_line_adds_to_it() {
        let file = "[limits]\nmemory = '1MiB'\npeers = 7\n[[endpoint]]\nlisten = 'tcp://:1'";
        let args = "--config my.toml -l udp://:2 --memory 2MiB --ca-file ca.pem --keylog keys --store certs";
        let plan = plan_with(args, file).unwrap();
        assert_eq!(urls(&plan), "listen tcp://127.0.0.1:1\nlisten udp://127.0.0.1:2\n");
        assert_eq!((plan.limits.memory, plan.limits.peers), (2 << 20, 7));
        assert_eq!(plan.ca_file.as_deref(), Some(Path::new("ca.pem")));
        assert_eq!(plan.keylog.as_deref(), Some(Path::new("keys")));
        assert_eq!(plan.store.as_deref(), Some(Path::new("certs")));
        assert_eq!(plan_with("--config my.toml", "").unwrap().endpoints, []);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("-l ftp://a", "\"ftp\" is no scheme"),
            ("-c tcp://a", "tcp://HOST:PORT"),
            ("--memory lots", "256MiB"),
            ("--memory 0", "0 bytes hold no timeline"),
            ("--demo -l tcp://:1", "--demo brings its own endpoints"),
            ("--demo --config my.toml", "--demo brings its own endpoints"),
            ("--config gone.toml", "gone.toml: cannot be read: "),
            ("--what", "unexpected argument '--what'"),
            ("tcp://:1", "unexpected argument"),
        ];
        for (args, want) in cases {
            let error = plan(args).unwrap_err();
            assert!(error.contains(want), "{args}: {error}");
        }
        assert!(plan_with("--config my.toml", "x").unwrap_err().starts_with("my.toml:1:"));
    }

    #[test]
    fn print_config_wins_over_running() {
        assert_eq!(plan("--print-config --headless").unwrap().mode, Mode::PrintConfig);
        assert!(plan("--demo --headless").unwrap().demo);
    }

    #[test]
    fn a_wrong_command_line_has_its_documented_exit_code() {
        let error = Cli::read(["sockscope", "--what"].map(Into::into)).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(exit::USAGE));
        let help = Cli::read(["sockscope", "-h"].map(Into::into)).unwrap_err();
        assert_eq!(help.exit_code(), i32::from(exit::DONE));
    }

    #[test]
    fn the_help_reads_well_at_a_hundred_columns() {
        let help = Cli::command().term_width(100).render_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        insta::assert_snapshot!(help);
    }

    proptest! {
        #[test]
        fn no_command_line_panics(args in "((-l|-c|--memory|--config|--demo) ?[ -~]{0,12} ?){0,3}") {
            let _ = plan(&args);
        }
    }
}
