//! HTTP by keys: a command of curl is typed and copied, a setting decides what is followed.

use super::support::runner::Runner;

#[tokio::test]
async fn a_curl_command_is_a_request_and_a_request_a_curl_command() {
    // Free a moment ago: the client's URL has to name it.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let mut runner = Runner::new(160, 40).listen(&url).connect(&url).start().await;
    runner.wait_row(&["http", "→", "open"]).await;
    runner.keys("Tab i").await.wait_for("Send → #1 http").await;
    runner.text(&format!("curl -X PUT -u me:x -H 'X-oDD: 1' -d a=1 http://{address}/form?x")).await;
    runner.keys("Enter").await.wait_for("✓ sent PUT /form?x").await.wait_row(&["◀ head", "200 OK"]).await;
    runner.keys("Esc Tab").await.wait_row(&["◇ finish"]).await;
    runner.keys("y").await.wait_for(format!("✓ copied: curl -X PUT 'http://{address}/form?x' -H 'X-oDD: 1'")).await;
    // What is not understood is said, and stays.
    runner.keys("i").await.text("curl -F a=b x").await;
    runner.keys("Enter").await.wait_for("-F makes a body of many parts").await;
    runner.keys("Esc").await;
    runner.quit().await;
}
