//! Exchanges held on a real connection, answered by hand.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;
use crate::model::draft::{Draft, Shape};
use crate::model::end::{End, Party};
use crate::model::event::{Event, Kind};
use crate::model::id::EndpointId;
use crate::model::spec::{Limits, Reply};
use crate::model::waiting::Waiting;
use crate::net::http::stage::{Stage, ask, hear, hear_until, told};
use crate::net::{Command, Payload};

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

fn typed(shape: Shape, text: &str) -> Vec<Step> {
    compose(&Draft { text: text.into(), shape, ..Draft::default() }).unwrap()
}

struct Hall {
    stage: Stage,
    id: EndpointId,
    stream: TcpStream,
}

impl Hall {
    /// A listener that holds, and a peer that has said something to it.
    async fn new(text: &str) -> Self {
        let stage = Stage::new(Limits::default());
        let (id, at) = stage.listen(Reply::Hold).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        Self { stage, id, stream }
    }

    async fn waiting(&self, number: u32) -> Waiting {
        let find = |waiting: Vec<Waiting>| waiting.into_iter().find(|row| row.exchange.number == number);
        self.stage.until(|seen| find(seen.waiting.clone()).filter(|row| row.exchange.phase != Phase::Queued)).await
    }

    async fn answer(&self, number: u32, shape: Shape, text: &str) -> Result<String, String> {
        let socket = self.stage.socket(self.id).await.id;
        let steps = typed(shape, text);
        self.stage.endpoints.answer(socket, Some(number), &steps).map_err(|rejection| rejection.0)
    }
}

#[tokio::test]
async fn an_exchange_is_answered_in_three_steps_and_each_leaves_at_once() {
    let mut hall = Hall::new(GET).await;
    let row = hall.waiting(1).await;
    assert_eq!((&*row.exchange.method, &*row.exchange.target, row.exchange.phase), ("GET", "/a", Phase::Waiting));
    hall.answer(1, Shape::Head, "X-Early: 1").await.unwrap();
    let done = hall.answer(1, Shape::Head, "201 Made by hand\nX-Late: 2\nTrailer: x-sum").await.unwrap();
    assert_eq!(done, "exchange 1: head 201 left");
    let head = hear_until(&mut hall.stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 201 Made by hand\r\n"), "{head}");
    for part in ["X-Early: 1\r\n", "X-Late: 2\r\n", "Transfer-Encoding: chunked\r\n"] {
        assert!(head.contains(part), "{head}");
    }
    let refused = hall.answer(1, Shape::Head, "200").await.unwrap_err();
    assert!(refused.starts_with("headers already sent"), "{refused}");
    assert!(hall.answer(1, Shape::Head, "X-Late: 3").await.unwrap_err().starts_with("headers already sent"));
    assert_eq!(hall.waiting(1).await.exchange.phase, Phase::HeadSent(201));
    hall.answer(1, Shape::Body, "hello").await.unwrap();
    assert_eq!(hear_until(&mut hall.stream, "hello\r\n").await, "5\r\nhello\r\n");
    hall.answer(1, Shape::Push, "tick").await.unwrap();
    assert_eq!(hear_until(&mut hall.stream, "\n\n\r\n").await, "C\r\ndata: tick\n\n\r\n");
    hall.answer(1, Shape::End, "X-Sum: 7").await.unwrap();
    assert_eq!(hear_until(&mut hall.stream, "\r\n\r\n").await, "0\r\nx-sum: 7\r\n\r\n");
    hall.stage.event(hall.id, "finish").await;
    hall.stage.until(|seen| seen.waiting.is_empty().then_some(())).await;
    assert!(hall.answer(1, Shape::Body, "more").await.unwrap_err().contains("whole answer already"));
    // The connection goes on.
    hall.stream.write_all(GET.as_bytes()).await.unwrap();
    hall.waiting(2).await;
    hall.answer(2, Shape::Answer, "bye").await.unwrap();
    assert!(hear_until(&mut hall.stream, "bye").await.contains("Content-Length: 3\r\n"));
    drop(hall.stream);
    let (row, events) = hall.stage.closed(hall.id).await;
    let want = [
        "in request 1",
        "held 1",
        "out head 1",
        "out body 1",
        "out chunk 1",
        "out trailers 1",
        "finish 1",
        "in request 2",
        "held 2",
        "out head 2",
        "out body 2",
        "finish 2",
    ];
    assert_eq!(told(&events)[..want.len()], want);
    assert_eq!(row.count.errors, 0);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let mut hall = Hall::new(&format!("{GET}GET /b HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    hall.waiting(1).await;
    let rows = hall.stage.until(|seen| Some(seen.waiting.clone()).filter(|rows| rows.len() == 2)).await;
    assert_eq!((rows[1].exchange.phase, &*rows[1].exchange.target), (Phase::Queued, "/b"));
    let refused = hall.answer(2, Shape::Answer, "second").await.unwrap_err();
    assert_eq!(refused, "exchange 2 waits behind 1: HTTP/1.1 answers in order");
    hall.answer(1, Shape::Head, "200").await.unwrap();
    // A chunk leaves although another request waits behind it.
    hall.answer(1, Shape::Body, "first").await.unwrap();
    hear_until(&mut hall.stream, "first\r\n").await;
    hall.answer(1, Shape::End, "").await.unwrap();
    hear_until(&mut hall.stream, "0\r\n\r\n").await;
    hall.waiting(2).await;
    hall.answer(2, Shape::Answer, "second").await.unwrap();
    assert!(hear_until(&mut hall.stream, "second").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_peer_that_gives_up_is_seen_before_and_behind_the_head() {
    for steps in [&[][..], &[(Shape::Head, "200"), (Shape::Body, "x")]] {
        for resets in [false, true] {
            let mut hall = Hall::new(GET).await;
            hall.waiting(1).await;
            for (shape, text) in steps {
                hall.answer(1, *shape, text).await.unwrap();
            }
            if !steps.is_empty() {
                hear_until(&mut hall.stream, "1\r\nx\r\n").await;
            }
            if resets {
                hall.stream.set_zero_linger().unwrap();
            }
            drop(hall.stream);
            let (row, events) = hall.stage.closed(hall.id).await;
            let gave_up = events.iter().filter(|event| matches!(event.kind, Kind::Aborted { exchange: 1, .. })).count();
            assert_eq!(gave_up, 1, "{steps:?} {resets}: {:?}", told(&events));
            let end = if resets { End::Reset { by: Party::Peer } } else { End::Finished { first: Party::Peer } };
            assert_eq!(row.end.as_deref(), Some(&end), "{steps:?}: {:?}", told(&events));
            assert!(hall.stage.hub.waiting().is_empty());
        }
    }
}

#[tokio::test]
async fn what_we_cut_ourselves_we_gave_up() {
    for command in [Some(Command::Close), Some(Command::Reset), None] {
        let hall = Hall::new(GET).await;
        let socket = hall.waiting(1).await.socket;
        match command {
            Some(command) => hall.stage.endpoints.command(socket, command).unwrap(),
            None => hall.stage.endpoints.stop(hall.id),
        }
        let (_, events) = hall.stage.closed(hall.id).await;
        let ours = |event: &Event| matches!(event.kind, Kind::Aborted { exchange: 1, by: Party::Us, .. });
        assert_eq!(events.iter().filter(|event| ours(event)).count(), 1, "{:?}", told(&events));
        assert!(hall.stage.endpoints.answer(socket, None, &typed(Shape::End, "")).is_err());
    }
}

#[tokio::test]
async fn what_waits_goes_on_waiting_when_the_reply_changes() {
    let mut hall = Hall::new(GET).await;
    hall.waiting(1).await;
    let fixed = crate::model::spec::Fixed { text: crate::model::spec::Escaped("fixed".into()), ..Default::default() };
    let reply = Payload::Reply(Box::new(fixed));
    hall.stage.endpoints.broadcast(hall.id, &reply).unwrap();
    hall.stream.write_all(GET.as_bytes()).await.unwrap();
    hall.stage.until(|seen| (seen.waiting.len() == 2).then_some(())).await;
    hall.answer(1, Shape::Answer, "by hand").await.unwrap();
    let heard = hear_until(&mut hall.stream, "fixed").await;
    assert!(heard.contains("by hand"), "{heard}");
}

#[tokio::test]
async fn a_body_is_taken_in_while_its_answer_waits() {
    let head = "POST /up HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 300000\r\n\r\n";
    let mut hall = Hall::new(head).await;
    hear_until(&mut hall.stream, "100 Continue\r\n\r\n").await;
    hall.waiting(1).await;
    hall.stream.write_all(&vec![b'x'; 300_000]).await.unwrap();
    let whole = (head.len() + 300_000) as u64;
    hall.stage.until(|seen| (seen.sockets.rows[0].count.received.bytes == whole).then_some(())).await;
    hall.answer(1, Shape::Answer, "thanks").await.unwrap();
    hear_until(&mut hall.stream, "thanks").await;
}

#[tokio::test]
async fn head_and_http_1_0_get_what_they_can_take() {
    let mut hall = Hall::new("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    hall.waiting(1).await;
    hall.answer(1, Shape::Head, "200\ncontent-length: 12").await.unwrap();
    let head = hear_until(&mut hall.stream, "\r\n\r\n").await;
    assert!(head.contains("content-length: 12\r\n"), "{head}");
    hall.stage.event(hall.id, "finish").await;
    let mut hall = Hall::new("GET /a HTTP/1.0\r\n\r\n").await;
    hall.waiting(1).await;
    hall.answer(1, Shape::Head, "200").await.unwrap();
    hall.answer(1, Shape::Body, "old").await.unwrap();
    hall.answer(1, Shape::End, "").await.unwrap();
    assert!(hear(&mut hall.stream).await.ends_with("\r\n\r\nold"));
}

#[tokio::test]
async fn a_peer_that_does_not_read_fills_the_queue_and_no_more() {
    let hall = Hall::new(GET).await;
    hall.waiting(1).await;
    hall.answer(1, Shape::Head, "200").await.unwrap();
    let chunk = "x".repeat(1 << 20);
    let refused = loop {
        match hall.answer(1, Shape::Body, &chunk).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert!(refused.contains("the peer does not read"), "{refused}");
}

#[tokio::test]
async fn more_than_can_be_held_are_answered_503() {
    let stage = Stage::new(Limits::default());
    let (id, at) = stage.listen(Reply::Hold).await;
    let holds = Holds::default();
    holds.0.held.store(MOST, Relaxed);
    let heads = Arc::new(Heads::default());
    let clock = stage.hub.clock();
    let shelf = Shelf::new(SocketId(1), clock, holds.clone(), heads);
    let asked = |number| Request {
        number,
        method: Method::GET,
        target: "/".into(),
        version: Version::HTTP_11,
        since: clock.now(),
    };
    assert!(!shelf.put(&asked(1)));
    holds.0.held.store(MOST - 1, Relaxed);
    assert!(shelf.put(&asked(1)));
    assert!(!shelf.put(&asked(2)));
    shelf.take(1, Fate::Done);
    assert!(shelf.put(&asked(3)));
    // A peer that never waits for its answer leaves nothing on the shelf.
    assert_eq!(ask(at, GET.as_bytes()).await, "");
    stage.closed(id).await;
    assert!(stage.hub.waiting().is_empty());
}

#[tokio::test]
async fn a_word_before_the_head_leaves_at_once_and_the_head_is_still_to_come() {
    let mut hall = Hall::new(GET).await;
    hall.waiting(1).await;
    hall.answer(1, Shape::Head, "X-Early: 1").await.unwrap();
    let done = hall.answer(1, Shape::Head, "103 Early Hints\nlink: </a.css>; rel=preload").await.unwrap();
    assert_eq!(done, "exchange 1: 103 left");
    let said = hear_until(&mut hall.stream, "\r\n\r\n").await;
    assert_eq!(said, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n");
    hall.answer(1, Shape::Head, "102").await.unwrap();
    assert_eq!(hear_until(&mut hall.stream, "\r\n\r\n").await, "HTTP/1.1 102 Processing\r\n\r\n");
    assert!(hall.answer(1, Shape::Head, "103\nContent-Length: 3").await.unwrap_err().contains("has no body"));
    assert_eq!(hall.waiting(1).await.exchange.phase, Phase::Waiting);
    // Together with what follows it: the steps of one answer.
    let socket = hall.stage.socket(hall.id).await.id;
    let steps = [typed(Shape::Head, "103\nLink: </b.css>"), typed(Shape::Answer, "201\nX-B: 2\n\nbody")].concat();
    hall.stage.endpoints.answer(socket, Some(1), &steps).unwrap();
    let said = hear_until(&mut hall.stream, "body").await;
    assert!(said.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\nHTTP/1.1 201 Created\r\n"), "{said}");
    assert!(said.contains("X-Early: 1\r\n") && !said.contains("a.css"), "{said}");
    drop(hall.stream);
    let (_, events) = hall.stage.closed(hall.id).await;
    let names: Vec<_> = told(&events).into_iter().filter(|word| word.starts_with("out ")).collect();
    let three = ["out information 1"; 3].map(String::from);
    assert_eq!(names[..4], [&three[..], &["out head 1".into()]].concat());
}

#[tokio::test]
async fn a_word_before_the_head_comes_too_late_behind_it_and_too_early_for_http_1_0() {
    let hall = Hall::new(GET).await;
    hall.waiting(1).await;
    hall.answer(1, Shape::Head, "200").await.unwrap();
    assert!(hall.answer(1, Shape::Head, "103\nLink: </a>").await.unwrap_err().starts_with("headers already sent"));
    let hall = Hall::new("GET / HTTP/1.0\r\n\r\n").await;
    hall.waiting(1).await;
    assert!(hall.answer(1, Shape::Head, "103\nLink: </a>").await.unwrap_err().contains("HTTP/1.0 knows no 1xx"));
}

#[tokio::test]
async fn a_head_that_comes_with_its_first_event_says_what_follows() {
    let mut hall = Hall::new(GET).await;
    hall.waiting(1).await;
    let socket = hall.stage.socket(hall.id).await.id;
    let steps = [typed(Shape::Head, "200\nX-A: b"), typed(Shape::Push, "one")].concat();
    hall.stage.endpoints.answer(socket, Some(1), &steps).unwrap();
    let said = hear_until(&mut hall.stream, "data: one\n\n").await;
    assert!(said.contains("Content-Type: text/event-stream\r\n") && said.contains("X-A: b\r\n"), "{said}");
}
