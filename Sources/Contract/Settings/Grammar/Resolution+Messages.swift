/// What a route says about the messages of its WebSockets, beside what else it says.
extension Document {
    /// Only a WebSocket has a first message. What comes from `defaults` falls away elsewhere.
    func checkFirstMessage(
        _ draft: RouteDraft, _ route: inout RouteSettings, _ reading: inout Reading
    ) {
        let places = route.auth.flatMap { tokens[$0].settings.from }
        let readsMessages = places.contains(where: \.isMessage)
        if !route.subprotocols.isEmpty, !readsMessages || route.kind == .events {
            if draft.own.contains("subprotocols"), let word = draft.subprotocols {
                reading.error(
                    "'subprotocols' needs 'auth NAME' with 'from message:PATH' beside it: without"
                        + " it, the app chooses",
                    at: word)
            }
            route.subprotocols = []
        }
        guard readsMessages, route.kind == .events, let word = draft.auth.first else { return }
        if !places.allSatisfy(\.isMessage) { return }
        reading.error(
            "\(word.shown) looks for tokens in the first message of a WebSocket only, but an event"
                + " stream has none", at: word)
    }

    /// Only an app has WebSockets, and an event stream is none.
    func checkSocketIO(
        _ draft: RouteDraft, _ route: RouteSettings, _ reading: inout Reading
    ) {
        guard let word = draft.socketIO else {
            return warnAboutSilence(draft, route, &reading)
        }
        if route.kind == .events || route.kind == .stream {
            reading.error(
                "'socketio' is for WebSockets, but a route with '\(draft.kind?.text ?? "events")'"
                    + " has none", at: word)
        }
        if case .answer? = draft.destination {
            reading.error("'socketio' needs 'backend NAME': an app that speaks it", at: word)
        }
    }

    /// A server of Socket.IO speaks first: its clients bring no token before they have heard of a
    /// session.
    private func warnAboutSilence(
        _ draft: RouteDraft, _ route: RouteSettings, _ reading: inout Reading
    ) {
        let isServed = route.kind == .any || route.kind == .webSocket
        let readsMessages = route.auth.contains { index in
            tokens[index].settings.from.contains(where: \.isMessage)
        }
        guard isServed, readsMessages, route.path.segments.contains(.literal("socket.io")) else {
            return
        }
        reading.warn(
            "clients of Socket.IO send nothing before a server has opened their session: with"
                + " 'socketio' the gateway opens it, and finds the token in their 'auth'",
            at: draft.word.location)
    }
}

extension TokenSettings.Place {
    fileprivate var isMessage: Bool { if case .message = self { true } else { false } }
}
