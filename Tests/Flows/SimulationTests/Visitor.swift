import Clock

/// A client of the simulation: speaks HTTP/1 and WebSocket by the simplest means, and watches over
/// everything that it hears.
final class Visitor {
    enum Kind: Int, CaseIterable {
        case plain, old, post, chunked, expecting, kept, goes, lone, events, any, stream
        case socket, control, open, first, refresh

        var path: String {
            switch self {
            case .plain, .old: "/plain"
            case .post, .chunked, .expecting: "/post"
            case .kept: "/kept"
            case .goes: "/goes"
            case .lone: "/lone"
            case .events: "/events"
            case .any: "/any"
            case .stream: "/stream"
            case .socket, .control: "/socket"
            case .open: "/open"
            case .first: "/first"
            case .refresh: "/.gateway/refresh"
            }
        }

        var isSocket: Bool {
            switch self {
            case .socket, .control, .open, .first: true
            case _: false
            }
        }

        var hasBody: Bool {
            switch self {
            case .post, .chunked, .expecting, .kept, .refresh: true
            case _: false
            }
        }

        var needsToken: Bool {
            switch self {
            case .kept, .lone, .events, .any, .stream, .socket, .control, .first: true
            case _: false
            }
        }

        /// Once it was let in it goes on, although its body may take its time, or its token end
        /// meanwhile; but it does not wait for a server for longer than its token is good
        /// (`lone`).
        var isJudgedOnce: Bool {
            switch self {
            case .events, .socket, .control, .open, .first, .lone: false
            case _: true
            }
        }

        /// A response of that type is an event stream.
        var mayBeEvents: Bool {
            switch self {
            case .plain, .old, .goes, .lone, .events, .any: true
            case _: false
            }
        }

        /// A token that it brings is looked at.
        var takesToken: Bool { needsToken || hasBody }

        var isIdempotent: Bool { !hasBody }
    }

    let wire: Wire
    private let truth: Truth
    private(set) var asks: [Ask] = []
    private(set) var reader = NaiveMessages(areResponses: true)
    private var frames = NaiveFrames(isMasked: false)
    /// Written, and not on its way yet.
    private var outbox: [UInt8] = []
    private(set) var hasLeft = false
    private var hasClosed = false
    var answersPings = true
    /// Answers, events and messages that were looked at.
    private var checked = 0
    private var checkedEvents = 0
    private var lastNumber = -1
    private var checkedMessages = 0
    /// The name of a session that the gateway has told.
    private(set) var session: String?

    init(_ wire: Wire, _ truth: Truth) {
        self.wire = wire
        self.truth = truth
    }

    var isThere: Bool { !hasLeft && !wire.isClosed }
    private var isInSocket: Bool { asks.last?.kind.isSocket ?? false }
    /// The socket that lives on the connection.
    var socket: Ask? { reader.isTunnel && !hasClosed ? asks.last : nil }

    // MARK: What it says

    func ask(_ ask: Ask, session: String?) {
        guard isThere, !isInSocket, asks.last?.isBodyWhole != false else { return }
        asks.append(ask)
        truth.note(ask)
        let kind = ask.kind
        var target = "\(kind.path)?n=\(ask.stream)"
        if let credential = ask.credential { target += "&store=s&client=d\(credential.number % 3)" }
        var head = "\(kind.hasBody ? "POST" : "GET") \(target) HTTP/1.\(kind == .old ? 0 : 1)\r\n"
        head += "Host: a.test\r\n"
        if let credential = ask.credential, kind != .first {
            head += "Authorization: Bearer \(credential.text)\r\n"
        }
        if kind == .events { head += "Accept: text/event-stream\r\n" }
        if kind.isSocket {
            head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            if kind == .control { head += "Sec-WebSocket-Protocol: gateway.v1\r\n" }
        }
        if kind.hasBody { head += bodyFields(ask, session) }
        outbox += Array((head + "\r\n").utf8)
        if kind == .refresh { outbox += ask.body }
        if kind == .first, let credential = ask.credential {
            say(#"{"token":"\#(credential.text)","n":"c\#(ask.stream).0"}"#)
        }
    }

    private func bodyFields(_ ask: Ask, _ session: String?) -> String {
        if ask.kind == .refresh {
            let token = ask.credential?.text ?? "none"
            ask.body = Array(
                #"{"session":"\#(session ?? "none")","token":"\#(token)"}"#.utf8)
            ask.credential = nil
            return "Content-Length: \(ask.body.count)\r\n"
        }
        ask.isBodyWhole = false
        if ask.kind == .chunked { return "Transfer-Encoding: chunked\r\n" }
        let expect = ask.kind == .expecting ? "Expect: 100-continue\r\n" : ""
        return "Content-Length: 60\r\n\(expect)"
    }

    /// Goes on with the body of the request at hand.
    func goOn(isLast: Bool) {
        guard isThere, let ask = asks.last, !ask.isBodyWhole else { return }
        let piece = Array("<c\(ask.stream).\(ask.messageCount)>".utf8)
        ask.messageCount += 1
        if ask.kind == .chunked {
            ask.body += piece
            outbox += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
            if isLast {
                outbox += Array("0\r\n\r\n".utf8)
                ask.isBodyWhole = true
            }
            return
        }
        let room = 60 - ask.body.count
        let padded = isLast ? piece + [UInt8](repeating: 0x2E, count: 60) : piece
        ask.body += padded.prefix(room)
        outbox += padded.prefix(room)
        if ask.body.count == 60 { ask.isBodyWhole = true }
    }

    func say(_ text: String) {
        outbox += NaiveFrames.frame(1, Array(text.utf8), isMasked: true)
    }

    /// A message on the WebSocket that lives.
    func speak() {
        guard isThere, let ask = socket else { return }
        ask.messageCount += 1
        say("<c\(ask.stream).\(ask.messageCount)>")
    }

    func renew(_ credential: Credential) {
        guard isThere, let ask = socket, ask.kind == .control else { return }
        say(#"{"type":"auth.refresh","token":"\#(credential.text)"}"#)
    }

    func closeSocket(properly: Bool) {
        guard isThere, let ask = socket else { return }
        hasClosed = true
        ask.hasClosed = true
        outbox += NaiveFrames.frame(
            properly ? 8 : 3, properly ? [3, 0xE8] : [], isMasked: true)
    }

    /// Some of what was written comes to the gateway.
    func arrive(_ count: Int) {
        guard isThere, wire.incomingEnd == .none else { return }
        let part = outbox.prefix(count)
        wire.incoming += part
        outbox.removeFirst(part.count)
    }

    /// It sends no more.
    func finish() {
        guard isThere, wire.incomingEnd == .none else { return }
        wire.incomingEnd = .finished
    }

    func leave() {
        guard isThere else { return }
        hasLeft = true
        look()
        wire.breakOff()
    }

    // MARK: What it hears

    /// - Returns: true when it has answered a ping.
    @discardableResult
    func look() -> Bool {
        let octets = wire.delivered
        wire.delivered = []
        if !octets.isEmpty {
            reader.take(octets)
            let tunnelled = reader.takeTunnelled()
            if !tunnelled.isEmpty { frames.take(tunnelled) }
        }
        if wire.isOver, !wire.wasReset, !hasLeft { reader.ended() }
        if let fault = reader.fault ?? frames.fault { complain(fault) }
        checkAnswers()
        checkMessages()
        guard answersPings, isThere, wire.incomingEnd == .none else { return false }
        var hasAnswered = false
        for ping in frames.takePings() where !hasClosed && outbox.isEmpty {
            wire.incoming += NaiveFrames.frame(10, ping, isMasked: true)
            hasAnswered = true
        }
        return hasAnswered
    }

    private func complain(_ text: String) {
        truth.house.complain("visitor of \(asks.map { "\($0.kind) \($0.stream)" }): \(text)")
    }

    private func checkAnswers() {
        let answers = reader.messages
        if answers.count > asks.count, answers.last?.status != 408, answers.last?.status != 400 {
            complain("an answer that nobody asked for: \(answers.last?.line ?? "")")
        }
        for index in checked..<answers.count where index < asks.count {
            check(answers[index], to: asks[index])
            if answers[index].isWhole {
                checked = index + 1
                checkedEvents = 0
                lastNumber = -1
            }
        }
    }

    private func check(_ answer: NaiveMessages.Message, to ask: Ask) {
        if let id = answer.fields["x-session-id"] { session = id }
        guard let name = answer.fields["x-from"], name != "gateway" else {
            if answer.text.contains("<o") { complain("an answer of the app's without its name") }
            return
        }
        guard let said = truth.said[name] else { return complain("an answer by nobody") }
        if said.stream != ask.stream {
            complain("what was said to \(said.stream) is heard by \(ask.stream)")
        }
        if answer.status == 101 { return }
        if answer.fields["content-type"] == "text/event-stream",
            ask.kind.mayBeEvents
        {
            return checkEvents(answer, ask)
        }
        if !said.body.starts(with: answer.body) { complain("the body of \(name) was changed") }
        if answer.isWhole, !said.isWhole || said.body.count != answer.body.count {
            complain("what was broken off looks whole: \(name)")
        }
    }

    private func checkEvents(_ answer: NaiveMessages.Message, _ ask: Ask) {
        let events = answer.text.components(of: "\n\n").dropLast()
        for event in events.dropFirst(checkedEvents) {
            let tags = event.tags
            if tags.count > 1 { complain("two events in one: \(event.prefix(80))") }
            for tag in tags { heard(tag, ask) }
        }
        checkedEvents = max(checkedEvents, events.count)
    }

    private func checkMessages() {
        guard let ask = asks.last, reader.isTunnel else { return }
        for message in frames.messages.dropFirst(checkedMessages) {
            for tag in message.tags { heard(tag, ask) }
        }
        checkedMessages = frames.messages.count
    }

    private func heard(_ tag: String, _ ask: Ask) {
        truth.heard(tag)
        let parts = tag.dropFirst().split(separator: ".")
        guard tag.hasPrefix("o"), parts.count == 2, Int(parts[0]) == ask.stream,
            let number = Int(parts[1])
        else { return complain("\(tag) on stream \(ask.stream)") }
        if number != lastNumber + 1 { complain("\(tag) behind number \(lastNumber)") }
        lastNumber = number
    }
}

extension String {
    /// `o12.3` for every `<o12.3>` in it.
    var tags: [String] {
        split(separator: "<").dropFirst(hasPrefix("<") ? 0 : 1).compactMap { part in
            part.firstIndex(of: ">").map { String(part[..<$0]) }
        }
    }

    func components(of separator: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(self)
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
