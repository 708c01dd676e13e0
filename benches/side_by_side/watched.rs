//! sockscope's endpoints, looked at as a dashboard looks: 30 pictures a second, undrawn.

use std::sync::Arc;
use std::time::Duration;

use sockscope::model::spec::{Escaped, Fixed, Limits, Reply, Spec};
use sockscope::model::url::{Role, Url};
use sockscope::model::view::{ListQuery, Query, Window};
use sockscope::run::session::Session;

use crate::Res;
use crate::bare::BODY;

pub async fn serve(scheme: &str, port: u16) -> Res<()> {
    let session = Arc::new(Session::new(Limits { connections: 20_000, ..Limits::default() })?);
    let mut spec = Spec::new(Role::Listen, Url::parse(&format!("{scheme}://127.0.0.1:{port}"), Role::Listen)?);
    if spec.url.scheme.is_http() {
        // What the bare server answers.
        spec.settings.reply = Reply::Fixed(Fixed { text: Escaped(BODY.into()), ..Fixed::default() });
    }
    session.open(spec);
    let mut subject = None;
    loop {
        let list = ListQuery { filter: String::new(), endpoint: None, around: subject, rows: 40 };
        let picture = session.hub.snapshot(&Query {
            details: false,
            list,
            subject: subject.map(Into::into),
            window: Some(Window::Last { rows: 40 }),
            inspect: Some(u64::MAX),
            until: None,
        });
        subject = subject.filter(|_| picture.socket.is_some()).or_else(|| Some(picture.sockets.rows.first()?.id));
        tokio::time::sleep(Duration::from_millis(33)).await;
        session.hub.changed().await;
    }
}
