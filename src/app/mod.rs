//! What the person is doing. Synchronous and total: a [`Msg`] in, [`Effect`]s out.
//!
//! Knows the model; no hub, no net, no tokio, no ratatui.

pub mod effect;
pub mod key;

pub use effect::{Effect, Msg, Target, Viewport};
pub use key::Key;

/// The panes of the dashboard, in the order Tab visits them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Pane {
    Endpoints,
    Sockets,
    Timeline,
    Inspector,
}

/// How the inspector shows an event's payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Lens {
    /// JSON where it is JSON, else text.
    #[default]
    Text,
    Hex,
}

/// What the picture does while events come in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Follow {
    /// The newest event is always in sight.
    Following,
    /// Scrolled up: the timeline stands still, everything else moves.
    Anchored,
    /// Frozen whole; counting goes on behind it.
    Paused,
}
