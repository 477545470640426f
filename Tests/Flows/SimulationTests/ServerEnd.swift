import Clock

/// A server's end of a connection: reads requests by the simplest means, answers as a history says,
/// and watches over everything that it hears.
final class ServerEnd {
    /// How it answers.
    enum Style: Int, CaseIterable {
        case length, chunked, untilClose, events, early, interim, tunnel, refusal, garbage
        case packed
    }

    let wire: Wire
    private let origin: HouseOrigin
    private unowned let truth: Truth
    private var reader = NaiveMessages(areResponses: false)
    private var frames = NaiveFrames(isMasked: true)
    private var outbox: [UInt8] = []
    private var answered = 0
    private var checked = 0
    private var checkedMessages = 0
    private var lastNumber = 0
    /// What it says at the moment.
    private var said: Said?
    private var style = Style.length
    private var isWithin = false
    private var hasClosed = false

    init(_ origin: HouseOrigin, _ truth: Truth) {
        self.origin = origin
        self.truth = truth
        wire = origin.wire
    }

    private var number: UInt64 { origin.number }

    var isThere: Bool { !wire.isClosed && wire.incomingEnd == .none }

    /// A request waits for its answer.
    var isAsked: Bool { isThere && said == nil && answered < reader.messages.count }

    var isSpeaking: Bool { isThere && said != nil && !hasClosed }

    // MARK: What it hears

    /// - Returns: true when it has answered a ping.
    func look() -> Bool {
        let octets = wire.delivered
        wire.delivered = []
        guard !octets.isEmpty else { return false }
        reader.take(octets)
        let tunnelled = reader.takeTunnelled()
        if !tunnelled.isEmpty { frames.take(tunnelled) }
        if let fault = reader.fault ?? frames.fault { complain(fault) }
        while checked < reader.messages.count {
            let message = reader.messages[checked]
            truth.seen(message.streamNumber, message.line, chosen: origin.begin)
            checked += 1
        }
        for message in reader.messages { checkBody(message) }
        for message in frames.messages.dropFirst(checkedMessages) { heard(message) }
        checkedMessages = frames.messages.count
        var hasAnswered = false
        for ping in frames.takePings() where isThere && !hasClosed && outbox.isEmpty {
            wire.incoming += NaiveFrames.frame(10, ping, isMasked: false)
            hasAnswered = true
        }
        return hasAnswered
    }

    private func complain(_ text: String) {
        truth.house.complain("server connection \(number): \(text)")
    }

    private func checkBody(_ message: NaiveMessages.Message) {
        guard let ask = truth.asks[message.streamNumber] else { return }
        if !ask.body.starts(with: message.body) {
            complain("the body of stream \(ask.stream) was changed")
        }
        if message.isWhole, ask.kind.hasBody,
            !ask.isBodyWhole || ask.body.count != message.body.count
        {
            complain("the body of stream \(ask.stream) looks whole")
        }
    }

    private func heard(_ message: String) {
        guard let stream = reader.messages.last?.streamNumber else { return }
        if message.contains("token\":\"u") { complain("a token came to a server") }
        for tag in message.tags {
            let parts = tag.dropFirst().split(separator: ".")
            guard tag.hasPrefix("c"), parts.count == 2, Int(parts[0]) == stream,
                let count = Int(parts[1])
            else { return complain("\(tag) on stream \(stream)") }
            if count != lastNumber + 1 { complain("\(tag) behind number \(lastNumber)") }
            lastNumber = count
        }
    }

    // MARK: What it says

    /// Begins to answer the request that waits.
    func answer(_ style: Style, isWhole: Bool) {
        guard isAsked else { return }
        let request = reader.messages[answered]
        let stream = request.streamNumber
        if style == .interim {
            outbox += Array("HTTP/1.1 103 Early Hints\r\n\r\n".utf8)
            return
        }
        guard request.isWhole || style == .early else { return }
        answered += 1
        if style == .garbage {
            outbox += Array("what?\r\n\r\n".utf8)
            return
        }
        let said = Said(stream)
        let name = truth.begin(said, on: number)
        self.said = said
        self.style = style
        let isUpgrade = request.fields["upgrade"] != nil
        if isUpgrade, style != .refusal, style != .untilClose { self.style = .tunnel }
        if !isUpgrade, style == .tunnel { self.style = .length }
        // Who asks for events mostly hears some.
        if request.target.hasPrefix("/events"), style == .length || style == .tunnel {
            self.style = .events
        }
        outbox += Array(head(name).utf8)
        if self.style == .tunnel { reader.becomeTunnel() }
        if self.style == .length || self.style == .early || self.style == .refusal {
            say("<o\(stream).0>" + String(repeating: ".", count: 20), said)
            if isWhole { end() }
        }
    }

    private func head(_ name: String) -> String {
        let from = "X-From: \(name)\r\n"
        switch style {
        case .length, .early, .interim, .garbage:
            return "HTTP/1.1 200 OK\r\n\(from)Content-Length: 60\r\n\r\n"
        case .refusal:
            // One of them is of those that another server is asked after.
            let status = (said?.stream ?? 0) % 2 == 0 ? 404 : 503
            return "HTTP/1.1 \(status) No\r\n\(from)Content-Length: 60\r\n\r\n"
        case .chunked: return "HTTP/1.1 200 OK\r\n\(from)Transfer-Encoding: chunked\r\n\r\n"
        case .untilClose: return "HTTP/1.1 200 OK\r\n\(from)\r\n"
        case .events, .packed:
            let coding = style == .packed ? "Content-Encoding: gzip\r\n" : ""
            return "HTTP/1.1 200 OK\r\n\(from)Content-Type: text/event-stream\r\n\(coding)"
                + "Transfer-Encoding: chunked\r\n\r\n"
        case .tunnel:
            return "HTTP/1.1 101 Go\r\n\(from)Upgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        }
    }

    /// Goes on with what it has begun to say.
    ///
    /// - Parameter size: octets that are said besides.
    func goOn(isTorn: Bool, size: Int) {
        guard isSpeaking, let said else { return }
        let tag = "o\(said.stream).\(said.count)"
        let filling = String(repeating: "x", count: size)
        switch style {
        case .length, .early, .refusal:
            if said.body.count < 60 { say("<\(tag)>" + String(repeating: ".", count: 12), said) }
        case .chunked, .untilClose: say("<\(tag)>\(filling)", said)
        case .events, .packed:
            if isWithin {
                isWithin = false
                return say("\n\n", said)
            }
            truth.note(tag, of: said.stream)
            said.count += 1
            isWithin = isTorn
            say("data: <\(tag)>\(filling)" + (isTorn ? "" : "\n\n"), said)
        case .tunnel:
            if isWithin {
                isWithin = false
                outbox += NaiveFrames.frame(0, [], isMasked: false)
                return
            }
            truth.note(tag, of: said.stream)
            said.count += 1
            isWithin = isTorn
            outbox += NaiveFrames.frame(
                1, Array("<\(tag)>\(filling)".utf8), isFinal: !isTorn, isMasked: false)
        case .interim, .garbage: break
        }
    }

    private func say(_ text: String, _ said: Said) {
        var octets = Array(text.utf8)
        switch style {
        case .chunked, .events, .packed:
            said.body += octets
            outbox += Array("\(String(octets.count, radix: 16))\r\n".utf8) + octets + [13, 10]
        case .length, .early, .refusal:
            octets = Array(octets.prefix(60 - said.body.count))
            said.body += octets
            outbox += octets
            if said.body.count == 60 {
                said.isWhole = true
                self.said = nil
            }
        case .untilClose, .tunnel, .interim, .garbage:
            said.body += octets
            outbox += octets
        }
    }

    /// Comes to the end of what it says.
    func end() {
        guard isSpeaking, let said else { return }
        switch style {
        case .chunked, .events, .packed: outbox += Array("0\r\n\r\n".utf8)
        case .length, .early, .refusal:
            return say(String(repeating: ".", count: 60), said)
        case .untilClose:
            arrive(.max)
            return finish()
        case .tunnel:
            hasClosed = true
            outbox += NaiveFrames.frame(8, [3, 0xE8], isMasked: false)
        case .interim, .garbage: break
        }
        said.isWhole = true
        isWithin = false
        if style != .tunnel { self.said = nil }
    }

    /// Octets that nobody asked for.
    func sayTooMuch() {
        guard isThere, said == nil, answered == reader.messages.count else { return }
        outbox += Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
    }

    /// Some of what was said comes to the gateway.
    func arrive(_ count: Int) {
        guard isThere else { return }
        let part = outbox.prefix(count)
        wire.incoming += part
        if !part.isEmpty, let said { truth.asks[said.stream]?.isAnswered = true }
        outbox.removeFirst(part.count)
    }

    func finish() {
        guard isThere else { return }
        wire.incomingEnd = .finished
        guard let said, style == .untilClose, outbox.count <= said.body.count else { return }
        // The end of the connection is the end of the response.
        said.body.removeLast(outbox.count)
        said.isWhole = true
    }

    func breakOff() { if isThere { wire.breakOff() } }
}

extension NaiveMessages.Message {
    /// The number of the stream of a request.
    var streamNumber: Int {
        let part = target.split(separator: "?").last?.split(separator: "&").first {
            $0.hasPrefix("n=")
        }
        return part.flatMap { Int($0.dropFirst(2)) } ?? -1
    }
}
