//! A Socket.IO conversation by hand: events are typed by name, and packets have theirs on the timeline.

use futures_util::{SinkExt, StreamExt};
use sockscope::model::spec::Settings;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::in_time;
use super::support::runner::Runner;

type Client = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn heard(client: &mut Client) -> String {
    let message = in_time("a message", client.next()).await.unwrap().unwrap();
    message.into_text().unwrap().as_str().to_owned()
}

#[tokio::test]
async fn an_event_is_typed_by_its_name_and_its_ack_comes_back() {
    let settings = Settings::default().with("dialect", "socket.io").unwrap();
    let mut runner = Runner::new(120, 40).listen_with("ws://:0", settings).start().await;
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", runner.address(0));
    let (mut client, _) = in_time("the handshake", connect_async(url)).await.unwrap();
    assert!(heard(&mut client).await.starts_with("0{\"sid\":"));
    client.send(Message::text("40")).await.unwrap();
    assert!(heard(&mut client).await.starts_with("40{\"sid\":"));
    runner.wait_row(&["▶ packet", "open"]).await;
    runner.wait_row(&["◀ packet", "connect"]).await;
    // The panel begins with an event, for that is what the peer listens for.
    runner.keys("i").await.wait_for("Socket.IO event").await;
    runner.text("chat hello").await.wait_for("no JSON").await;
    runner.keys("^u").await.text("add? 2 3").await;
    runner.keys("Enter").await.wait_for("✓ sent").await;
    let event = heard(&mut client).await;
    let id = event.strip_prefix("42").and_then(|event| event.strip_suffix("[\"add\",2,3]")).unwrap().to_owned();
    runner.wait_row(&["▶ packet", "event add", &format!("ack {id}?"), "2,3"]).await;
    client.send(Message::text(format!("43{id}[5]"))).await.unwrap();
    runner.wait_row(&["◀ packet", &format!("ack  {id}"), "5"]).await;
    client.send(Message::text("42/nowhere,[\"x\"]")).await.unwrap();
    runner.wait_row(&["✕ error", "Socket.IO: a pa"]).await;
    runner.quit().await;
}

#[tokio::test]
async fn the_details_name_the_session_and_its_namespaces() {
    let settings = Settings::default().with("dialect", "socket.io").unwrap();
    let mut runner = Runner::new(120, 60).listen_with("ws://:0", settings).start().await;
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", runner.address(0));
    let (mut client, _) = in_time("the handshake", connect_async(url)).await.unwrap();
    client.send(Message::text("40/admin,")).await.unwrap();
    runner.wait_row(&["◀ packet", "connect", "/admin"]).await;
    runner.keys("t t").await.wait_row(&["namespaces", "/admin"]).await;
    runner.quit().await;
}
