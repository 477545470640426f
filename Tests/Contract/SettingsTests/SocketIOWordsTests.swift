import Settings
import Testing

@Suite("The words of Socket.IO")
struct SocketIOWordsTests {
    @Test(
        "What clients are told",
        arguments: [
            ("socketio", 25, 20), ("socketio {}", 25, 20),
            ("socketio { ping_interval 60s }", 60, 20),
            ("socketio {\nping_timeout 1m\nping_interval 1s\n}", 1, 60),
        ])
    func times(text: String, interval: Int, timeout: Int) throws {
        let settings = try #require(Bench.route.settings(with: text))
        let told = try #require(settings.routes[1].socketIO)
        #expect(told.pingInterval == .seconds(interval))
        #expect(told.pingTimeout == .seconds(timeout))
        #expect(settings.routes[0].socketIO == nil)
    }

    @Test(
        "Where clients would wait for ever to be spoken to",
        arguments: [
            ("route /socket.io/ { auth m; backend app }", true),
            ("route /chat/socket.io/ { websocket; auth m; backend app }", true),
            ("route /socket.io/ { auth m; socketio; backend app }", false),
            ("route /socket.io/ { auth app; backend app }", false),
            ("route /socket.io/ { auth m; stream; backend app }", false),
            ("route /socket { auth m; backend app }", false),
        ])
    func silence(text: String, isWarnedAbout: Bool) {
        let block =
            "jwt m { secret env:JWT_SECRET; algorithms HS256; audience a;"
            + " from bearer message:token }\n"
        let complaints = complaints(prelude + block + text)
        #expect(complaints.contains("with 'socketio' the gateway opens it") == isWarnedAbout)
    }

    static let mistakes: [Mistake] = [
        .init(
            .route, "socketio on",
            "10: unexpected 'on' after 'socketio' (it takes no value: leave it out to switch it"
                + " off)"
        ),
        .init(
            .route, "events; socketio",
            "9: 'socketio' is for WebSockets, but a route with 'events' has none"),
        .init(
            .route, "socketio { ping_interval 1s }; stream",
            "1: 'socketio' is for WebSockets, but a route with 'stream' has none"),
        .init(
            .bareRoute, "socketio; respond 200",
            "1: 'socketio' needs 'backend NAME': an app that speaks it"),
        .init(.socketio, "ping_interval 0", "15: '0' is not a duration (did you mean '0s'?)"),
        .init(.socketio, "ping_timeout 25h", "14: '25h' is out of range (1s to 1d)"),
        .init(
            .socketio, "ping_intervall 1s",
            "1: unknown directive 'ping_intervall' in 'socketio' (did you mean "
                + "'ping_interval'?)"),
        .init(
            .socketio, "ping_interval 1s; ping_interval 2s",
            "19: 'ping_interval' is set twice (first set at line 3)"),
        .init(
            .route, "ping_interval 1s",
            "1: unknown directive 'ping_interval' in 'route' (it belongs in 'socketio')"),
        .init(
            .defaults, "socketio",
            "1: unknown directive 'socketio' in 'defaults' (it belongs in 'route')"),
    ]

    @Test("What makes no sense", arguments: mistakes)
    func complaining(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }
}
