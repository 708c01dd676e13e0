//! Every colour of the program, as roles. A pane never names a colour, it names what it wants to say.
//!
//! The terminal's own background stays, except under the bars and the selection band: text there has a
//! foreground of its own, so both work on light and on dark terminals.

use ratatui::style::{Color, Modifier, Style};

use crate::model::event::Way;
use crate::model::url::Scheme;

/// How many colours the terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// None: bold, dim, underline and reverse say it all.
    Mono,
    Ansi16,
    Ansi256,
    True,
}

impl Depth {
    /// Reads `NO_COLOR` (<https://no-color.org>), `COLORTERM` and `TERM`.
    pub fn detect(vars: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| vars(name).unwrap_or_default();
        let term = var("TERM");
        if !var("NO_COLOR").is_empty() || term == "dumb" || term.ends_with("-m") {
            Self::Mono
        } else if matches!(var("COLORTERM").as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

/// What the terminal writes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    Dark,
    Light,
}

impl Ground {
    /// Reads `COLORFGBG` (rxvt, Konsole, iTerm2: `15;0`), the only word a terminal gives unasked.
    pub fn detect(vars: impl Fn(&str) -> Option<String>) -> Self {
        let value = vars("COLORFGBG").unwrap_or_default();
        match value.rsplit(';').next().and_then(|ground| ground.parse::<u8>().ok()) {
            Some(7 | 9..=15) => Self::Light,
            _ => Self::Dark,
        }
    }
}

/// The roles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Theme {
    /// What one looks for: names, previews.
    pub bright: Style,
    pub plain: Style,
    /// What repeats: dates, ids, units.
    pub dim: Style,
    /// Borders, and the dots between words.
    pub faint: Style,
    /// The focused border, keys, what is chosen.
    pub accent: Style,
    /// The selection band.
    pub selection: Style,
    /// The band of the header and the footer.
    pub bar: Style,
    pub incoming: Style,
    pub outgoing: Style,
    /// Waiting, half-open, paused.
    pub waiting: Style,
    pub bad: Style,
    pub good: Style,
    pub key: Style,
    pub string: Style,
    pub number: Style,
    pub punct: Style,
    tcp: Style,
    udp: Style,
    http: Style,
    ws: Style,
    tls: Style,
    dim_on_band: Style,
    sky_on_band: Style,
    bright_on_band: Style,
}

/// The hues of one ground and one depth. The band's and the bar's are a pair: text, ground.
struct Hues {
    grey: Color,
    line: Color,
    blue: Color,
    sky: Color,
    green: Color,
    yellow: Color,
    amber: Color,
    orange: Color,
    violet: Color,
    red: Color,
    band: (Color, Color),
    band_grey: Color,
    band_sky: Color,
    bar: (Color, Color),
}

const fn rgb(hex: u32) -> Color {
    Color::Rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const fn index(n: u8) -> Color {
    Color::Indexed(n)
}

const DARK: Hues = Hues {
    grey: rgb(0x73_8296),
    line: rgb(0x2c_3a4d),
    blue: rgb(0x5a_c8fa),
    sky: rgb(0x79_c0ff),
    green: rgb(0x7e_e787),
    yellow: rgb(0xff_d166),
    amber: rgb(0xff_c14f),
    orange: rgb(0xff_a657),
    violet: rgb(0xd2_a8ff),
    red: rgb(0xff_6b6b),
    band: (rgb(0xd9_e2ee), rgb(0x1d_3350)),
    band_grey: rgb(0x93_a7c0),
    band_sky: rgb(0x79_c0ff),
    bar: (rgb(0x9f_b2cb), rgb(0x16_202e)),
};

/// The same hues, dark enough for a white ground. The bands are light here.
const LIGHT: Hues = Hues {
    grey: rgb(0x6e_7781),
    line: rgb(0xc4_cdd6),
    blue: rgb(0x05_6fb5),
    sky: rgb(0x09_69da),
    green: rgb(0x1a_7f37),
    yellow: rgb(0x8a_6300),
    amber: rgb(0x9a_6700),
    orange: rgb(0xbc_4c00),
    violet: rgb(0x82_50df),
    red: rgb(0xcf_222e),
    band: (rgb(0x1f_2328), rgb(0xcf_e4fb)),
    band_grey: rgb(0x57_606a),
    band_sky: rgb(0x09_69da),
    bar: (rgb(0x42_4a53), rgb(0xe7_ecf2)),
};

const DARK_256: Hues = Hues {
    grey: index(245),
    line: index(238),
    blue: index(81),
    sky: index(111),
    green: index(114),
    yellow: index(221),
    amber: index(215),
    orange: index(209),
    violet: index(183),
    red: index(203),
    band: (index(254), index(24)),
    band_grey: index(250),
    band_sky: index(117),
    bar: (index(250), index(235)),
};

const LIGHT_256: Hues = Hues {
    grey: index(243),
    line: index(251),
    blue: index(25),
    sky: index(26),
    green: index(28),
    yellow: index(94),
    amber: index(130),
    orange: index(166),
    violet: index(92),
    red: index(160),
    band: (index(235), index(153)),
    band_grey: index(240),
    band_sky: index(26),
    bar: (index(238), index(254)),
};

/// The sixteen are the person's own choice and fit their ground by themselves.
const ANSI: Hues = Hues {
    grey: Color::DarkGray,
    line: Color::DarkGray,
    blue: Color::Cyan,
    sky: Color::Blue,
    green: Color::Green,
    yellow: Color::Yellow,
    amber: Color::Yellow,
    orange: Color::LightRed,
    violet: Color::Magenta,
    red: Color::Red,
    band: (Color::White, Color::Blue),
    band_grey: Color::Gray,
    band_sky: Color::LightCyan,
    bar: (Color::White, Color::Black),
};

impl Theme {
    /// For a dark ground.
    pub fn new(depth: Depth) -> Self {
        Self::on(depth, Ground::Dark)
    }

    pub fn on(depth: Depth, ground: Ground) -> Self {
        match (depth, ground) {
            (Depth::Mono, _) => Self::mono(),
            (Depth::Ansi16, _) => Self::hued(&ANSI),
            (Depth::Ansi256, Ground::Dark) => Self::hued(&DARK_256),
            (Depth::Ansi256, Ground::Light) => Self::hued(&LIGHT_256),
            (Depth::True, Ground::Dark) => Self::hued(&DARK),
            (Depth::True, Ground::Light) => Self::hued(&LIGHT),
        }
    }

    fn hued(hues: &Hues) -> Self {
        let plain = Style::new();
        let hue = |color| Style::new().fg(color);
        Self {
            bright: plain.add_modifier(Modifier::BOLD),
            plain,
            dim: hue(hues.grey),
            faint: hue(hues.line),
            accent: hue(hues.blue),
            selection: Style::new().fg(hues.band.0).bg(hues.band.1),
            bar: Style::new().fg(hues.bar.0).bg(hues.bar.1),
            incoming: hue(hues.green),
            outgoing: hue(hues.sky),
            waiting: hue(hues.amber),
            bad: hue(hues.red),
            good: hue(hues.green),
            key: hue(hues.violet),
            string: hue(hues.green),
            number: hue(hues.orange),
            punct: hue(hues.grey),
            tcp: hue(hues.blue),
            udp: hue(hues.yellow),
            http: hue(hues.green),
            ws: hue(hues.violet),
            tls: hue(hues.orange),
            dim_on_band: hue(hues.band_grey),
            sky_on_band: hue(hues.band_sky),
            bright_on_band: hue(hues.band.0).add_modifier(Modifier::BOLD),
        }
    }

    fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let reverse = plain.add_modifier(Modifier::REVERSED);
        let underline = plain.add_modifier(Modifier::UNDERLINED);
        Self {
            bright: bold,
            plain,
            dim,
            faint: dim,
            accent: bold,
            selection: reverse,
            bar: reverse,
            incoming: plain,
            outgoing: plain,
            waiting: underline,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            good: plain,
            key: bold,
            string: plain,
            number: plain,
            punct: dim,
            tcp: plain,
            udp: plain,
            http: plain,
            ws: plain,
            tls: plain,
            dim_on_band: plain,
            sky_on_band: plain,
            bright_on_band: bold,
        }
    }

    /// One hue for each protocol, everywhere it is named.
    pub fn scheme(&self, scheme: Scheme) -> Style {
        match scheme {
            Scheme::Tcp => self.tcp,
            Scheme::Udp => self.udp,
            Scheme::Http | Scheme::Https => self.http,
            Scheme::Ws | Scheme::Wss => self.ws,
            Scheme::Tls => self.tls,
        }
    }

    /// A hue at the weight of what one looks for.
    pub fn strong(&self, style: Style) -> Style {
        style.add_modifier(Modifier::BOLD)
    }

    /// The border of a pane: where the keys go is in the accent.
    pub fn edge(&self, focused: bool) -> Style {
        if focused { self.accent } else { self.faint }
    }

    pub fn way(&self, way: Way) -> Style {
        match way {
            Way::In => self.incoming,
            Way::Out => self.outgoing,
        }
    }

    /// The same roles for text on the selection band or a bar: what is dim elsewhere must be read there.
    #[must_use]
    pub fn banded(mut self) -> Self {
        self.bright = self.bright_on_band;
        self.dim = self.dim_on_band;
        self.outgoing = self.sky_on_band;
        self.faint = self.dim_on_band;
        self.punct = self.dim_on_band;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(vars: &[(&str, &str)]) -> Depth {
        Depth::detect(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string()))
    }

    #[test]
    fn no_color_wins_unless_it_is_empty() {
        assert_eq!(depth(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), Depth::Mono);
        assert_eq!(depth(&[("NO_COLOR", ""), ("COLORTERM", "truecolor")]), Depth::True);
    }

    #[test]
    fn the_depth_is_what_the_terminal_says() {
        assert_eq!(depth(&[("TERM", "xterm-256color")]), Depth::Ansi256);
        assert_eq!(depth(&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")]), Depth::True);
        assert_eq!(depth(&[("TERM", "linux")]), Depth::Ansi16);
        assert_eq!(depth(&[("TERM", "dumb")]), Depth::Mono);
        assert_eq!(depth(&[]), Depth::Ansi16);
    }

    #[test]
    fn the_ground_is_light_where_the_terminal_says_so() {
        let ground = |value: &'static str| Ground::detect(|_| Some(value.into()));
        assert_eq!(ground("0;15"), Ground::Light);
        assert_eq!(ground("15;default;0"), Ground::Dark);
        assert_eq!(Ground::detect(|_| None), Ground::Dark);
    }

    #[test]
    fn without_colour_no_role_has_one() {
        let theme = Theme::new(Depth::Mono);
        let styles = [theme.selection, theme.bar, theme.bad, theme.accent, theme.scheme(Scheme::Udp)];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        assert_ne!(theme.selection, theme.plain);
    }

    #[test]
    fn plain_text_keeps_the_terminals_own_colours() {
        for depth in [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::True] {
            let theme = Theme::new(depth);
            assert_eq!((theme.plain.fg, theme.plain.bg, theme.bright.fg), (None, None, None));
        }
    }

    #[test]
    fn a_protocol_has_one_hue_plain_or_over_tls() {
        let theme = Theme::new(Depth::True);
        assert_eq!(theme.scheme(Scheme::Http), theme.scheme(Scheme::Https));
        assert_eq!(theme.scheme(Scheme::Ws), theme.scheme(Scheme::Wss));
    }
}
