use proptest::prelude::*;

use super::*;
use crate::model::setting;
use crate::model::spec::{Fixed, Reply, Settings};
use crate::model::url::{Role, Scheme, Url};

fn error(text: &str) -> String {
    parse(text, "config.toml").unwrap_err().to_string()
}

#[test]
fn the_default_file_is_what_runs_by_default() {
    let config = builtin().unwrap();
    assert_eq!(config.limits, Limits::default());
    let want: Vec<_> = [Scheme::Tcp, Scheme::Udp, Scheme::Http, Scheme::Ws, Scheme::Tls]
        .map(|scheme| Spec::new(Role::Listen, Url::parse(&format!("{scheme}://"), Role::Listen).unwrap()))
        .into();
    assert_eq!(config.endpoints, want);
}

/// The names that a table knows, as serde lists them when it meets one it does not know.
fn known(text: &str) -> Vec<String> {
    let message = parse(text, "").unwrap_err().message;
    let names: Vec<_> = message.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(names.len() > 5, "{message}");
    names
}

#[test]
fn the_default_file_explains_every_setting_and_limit() {
    // `reply.text` is a key of `reply`.
    let settings = setting::rows().map(|row| row.name.to_owned()).filter(|name| !name.contains('.'));
    let limits = known("[limits]\nnope = 1");
    for name in settings.chain(limits) {
        let explained = DEFAULT.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{name} = ")));
        assert!(explained, "default.toml has no line \"{name} = \"");
    }
}

#[test]
fn the_commented_lines_of_the_default_file_are_right_too() {
    for line in DEFAULT.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| line.contains(" = ")) {
        let tables = [
            format!("[[endpoint]]\nlisten = 'ws://'\n{line}"),
            format!("[[endpoint]]\nlisten = 'tls://'\n{line}"),
            format!("[[endpoint]]\nlisten = 'tcp://'\n{line}"),
            format!("[[endpoint]]\nlisten = 'http://'\n{line}"),
            format!("[[endpoint]]\nconnect = 'wss://a'\n{line}"),
            format!("[[endpoint]]\nconnect = 'http://a'\n{line}"),
            format!("[[endpoint]]\nconnect = 'udp://a:1'\n{line}"),
            format!("[[endpoint]]\n{line}"),
        ];
        assert!(tables.iter().any(|table| parse(table, "").is_ok()), "{line}: {:?}", parse(&tables[0], ""));
    }
}

#[test]
fn the_nodejs_example_is_the_chapters_pair_of_servers() {
    let config = parse(include_str!("../../../examples/nodejs.toml"), "nodejs.toml").unwrap();
    let [tcp, udp] = config.endpoints.try_into().unwrap();
    assert_eq!(tcp.url.to_string(), "tcp://127.0.0.1:8124");
    assert_eq!(tcp.settings.greet.unwrap().0, "深入浅出Nodejs\n".as_bytes());
    let Reply::Fixed(Fixed { text, status: None, .. }) = tcp.settings.reply else { unreachable!() };
    assert_eq!(text.0, "你好 ;(".as_bytes());
    assert_eq!(udp.url.to_string(), "udp://127.0.0.1:41234");
    assert_eq!(udp.settings.reply, Reply::None);
    assert_eq!(udp.settings.show.as_deref(), Some("server got: {message} from {address}:{port}"));
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn an_error_points_at_its_line_and_column() {
    insta::assert_snapshot!(error("[[endpoint]]\n\nlisten = \"ftp://a\"\n"), @r#"
    config.toml:3:10: "ftp" is no scheme: there are tcp, udp, http, https, ws, wss, tls
      |
    3 | listen = "ftp://a"
      |          ^^^^^^^^^
    "#);
    // The names that fit are listed behind it; the table knows them.
    let unknown = error("[[endpoint]]\nlisten = 'tcp://'\ngreat = 'hi'\n");
    assert!(
        unknown.starts_with("config.toml:3:1: `great` is no setting here: there are `reply`, `reply.text`, `greet`"),
        "{unknown}"
    );
    assert!(unknown.ends_with("3 | great = 'hi'\n  | ^^^^^"), "{unknown}");
    insta::assert_snapshot!(error("[limits]\nmemory = 'lots'\n"), @r#"
    config.toml:2:10: "lots" is not a size: write a whole number and a unit, such as 256MiB or 64kB
      |
    2 | memory = 'lots'
      |          ^^^^^^
    "#);
}

#[test]
fn what_does_not_go_together_is_said_where_it_stands() {
    let cases = [
        ("listen = 'udp://'\ngreet = 'hi'", "config.toml:3:1: greet is for tcp"),
        ("listen = 'http://'\ngreet = 'hi'", "config.toml:3:1: greet is for"),
        ("greet = 'hi'\nconnect = 'tcp://a:1'", "config.toml:3:11: greet is for"),
        ("connect = 'tcp://a:1'\nreply = 'echo'", "config.toml:3:1: reply is what a listener"),
        ("listen = 'tls://'\ninsecure = true", "config.toml:3:1: insecure is for clients over TLS"),
        ("connect = 'ws://a'\nca = 'a.pem'", "config.toml:3:1: ca is for TLS"),
        ("listen = 'tcp://'\nsubprotocols = ['a']", "config.toml:3:1: subprotocols are for ws"),
        ("listen = 'ws://'\nhalf_open = true", "config.toml:3:1: half_open is for tcp and tls"),
        ("listen = 'tcp://'\nconnect = 'tcp://a:1'", "config.toml:3:1: an endpoint does one of"),
        ("reply = 'none'", "config.toml:1:1: an endpoint wants one of listen and connect"),
        ("listen = 'tcp:///a'", "config.toml:2:10: tcp has no path"),
        ("listen = 7", "config.toml:2:10: invalid type: integer `7`, expected a URL"),
        ("listen = 'tcp://'\nreply = { text = 'a', status = 200 }", "config.toml:1:1: a tcp reply has no status"),
        ("listen = 'http://'\nreply = { status = 99 }", "99 is no status"),
        ("listen = 'http://'\nreply = { headers = { 'a b' = 'c' } }", "\"a b\" cannot be sent"),
        ("listen = 'http://'\nreply = { headers = { a = \"b\\nc\" } }", "\"a\" cannot be sent"),
        (
            "listen = 'tcp://'\nreply = 'eko'",
            "config.toml:3:9: invalid value: string \"eko\", expected \"echo\", \"none\"",
        ),
        ("listen = 'tcp://'\ngreet = 'a\\q'", "config.toml:3:9: \\q at column 2 is no escape"),
        ("listen = 'tcp://'\nreply = 'hold'", "a tcp peer waits for no answer"),
        ("listen = 'tcp://'\nrules = [{ path = '/', status = 200 }]", "rules are for http and https"),
        ("listen = 'http://'\nrules = [{ path = 'a', status = 200 }]", "config.toml:3:9: path = \"a\" matches nothing"),
        ("listen = 'http://'\nrules = [{ path = '/', colour = 'red' }]", "unknown field `colour`"),
        ("listen = 'http://'\nrules = '/a hold ; /b'", "rule 2: the rule for /b does nothing"),
        ("listen = 'tcp://'\nlisten = 'tcp://'", "config.toml:3:1: duplicate key"),
        ("listen = ", "config.toml:2:"),
    ];
    for (text, want) in cases {
        let error = error(&format!("[[endpoint]]\n{text}\n"));
        assert!(error.contains(want), "{text}\n{error}\nwanted {want}");
    }
    assert!(error("[limits]\nconnections = 0").contains("limits.connections is 0"));
    assert!(error("endpoints = []").contains("expected `limits` or `endpoint`"));
}

#[test]
fn json_says_the_same_as_toml() {
    let from_json = |text: &str| endpoint_from_json(serde_json::from_str(text).unwrap());
    let toml = "[[endpoint]]\nlisten = 'http://:0/'\nreply = { text = 'a\\n', status = 404, headers = { a = 'b' } }\nshow = 'x'";
    let json = r#"{"reply":{"text":"a\\n","status":404,"headers":{"a":"b"}},"show":"x","listen":"http://:0/"}"#;
    assert_eq!(from_json(json).unwrap(), parse(toml, "").unwrap().endpoints[0]);
    let plain = from_json(r#"{"connect":"wss://a.test","insecure":true}"#).unwrap();
    assert_eq!((plain.role, plain.url.port), (Role::Connect, 443));
    assert_eq!(plain.settings, Settings::default().with("insecure", "yes").unwrap());
    assert!(from_json(r#"{"listen":"nope"}"#).unwrap_err().contains("no scheme"));
    assert!(from_json("[]").unwrap_err().contains("an endpoint: listen or connect"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\[\\[endpoint\\]\\]\n)?((listen|connect|reply|greet|memory|\\[limits\\])( = )?['\"{]?.{0,12}['\"}]?\n){0,4}.{0,20}") {
        if let Err(error) = parse(&text, "config.toml") {
            prop_assert!(error.to_string().starts_with("config.toml:"));
        }
    }

    #[test]
    fn no_json_panics(key in "(listen|connect|reply|x)", value in "[ -~]{0,20}") {
        let _ = endpoint_from_json(serde_json::json!({ key.clone(): value }));
        let _ = endpoint_from_json(serde_json::json!({ "listen": "tcp://", key: [value] }));
    }
}
