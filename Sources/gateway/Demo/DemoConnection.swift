import Bytes
import Clock
import HTTP
import HTTP1
import Transport
import WebSocket

/// One client of the demo: what of it has to do with the socket, with time and with the app. What
/// HTTP/1 allows when, `ServerConnection` knows.
///
///     request -> request …                  (keep-alive)
///     request -> webSocket | events
///     any -> closing -> closed
final class DemoConnection {
    enum Phase {
        /// Waiting for a request, or reading one.
        case request
        case webSocket(DemoSocket)
        case events(DemoEvents)
        /// All is said; what still comes is not looked at.
        case closing
    }

    private static let headTimeout: Duration = .seconds(10)
    private static let bodyTimeout: Duration = .seconds(30)
    private static let idleTimeout: Duration = .seconds(75)
    private static let closingTimeout: Duration = .seconds(5)
    private static let bodyLimit = 1024 * 1024
    /// Octets waiting for a client: beyond the first it is not read from, beyond the second it is
    /// given up.
    private static let pauseSize = 256 * 1024
    private static let queueLimit = 2 * 1024 * 1024

    let token: UInt64
    let stream: Stream
    var phase = Phase.request
    private var http: ServerConnection
    /// The request under way, and octets of its body so far.
    private var incoming: (head: RequestHead, bodySize: Int)?
    private var interest = Readiness.readable
    /// The client finished sending.
    private var hasEnded = false
    /// The connection is broken, or has to look so.
    private var hasFailed = false
    /// For whom the time runs that `deadline` ends; nil when it has to be set anew.
    private var timed: ServerConnection.Waiting?
    /// When the phase has lasted too long; nil when it may last.
    private var deadline: Instant?

    init(token: UInt64, stream: Stream, now: Instant) {
        self.token = token
        self.stream = stream
        http = ServerConnection(limits: .request, unreadSize: Self.bodyLimit)
        deadline = now + Self.idleTimeout
    }

    /// The queue whose updates go here.
    var queueID: String? {
        if case .webSocket(let socket) = phase, case .queue(let id) = socket.channel { return id }
        return nil
    }

    // MARK: Events

    func becameReady(_ readiness: Readiness, in server: DemoServer) {
        if readiness.contains(.broken), !interest.contains(.readable) {
            return server.close(self)
        }
        if readiness.contains(.writable), !stream.flush() { hasFailed = true }
        if interest.contains(.readable), !readiness.isDisjoint(with: [.readable, .broken]) {
            receive(in: server)
        }
        settle(in: server)
    }

    /// Once a second.
    func beat(queueUpdates: [String: [UInt8]], in server: DemoServer) {
        if let deadline, server.now >= deadline { return server.close(self) }
        switch phase {
        case .request, .closing: return
        case .events(var events):
            let event = events.next(server.queue)
            phase = .events(events)
            send(event.span)
        case .webSocket(let socket):
            let update = queueID.flatMap { queueUpdates[$0] }
            guard socket.beat(update, to: stream, now: server.now) else {
                return server.close(self)
            }
        }
        settle(in: server)
    }

    /// The demo ends.
    func sayGoodbye(in server: DemoServer) {
        switch phase {
        case .request, .closing: break
        case .events: endAnswer()
        case .webSocket(let socket): socket.goAway(stream)
        }
        http.finish()
        if http.ending == nil { http.cut() }
        settle(in: server)
    }

    private func receive(in server: DemoServer) {
        let buffer = server.buffer
        switch stream.receive(into: buffer) {
        case .octets: read(buffer.octets, in: server)
        case .end:
            read(buffer.octets, in: server)
            hasEnded = true
            // An event stream, too, ends when its client does.
            if case .events = phase { endAnswer() }
            do throws(RequestError) { try http.inputEnded() } catch { http.cut() }
            if case .webSocket = phase { http.finish() }
        case .failed: hasFailed = true
        }
    }

    /// Every request is answered at once, but for event streams, which are the last on their
    /// connections: nothing ever has to be kept.
    private func read(_ input: Span<UInt8>, in server: DemoServer) {
        var index = 0
        do throws(RequestError) {
            while let event = try http.receive(input, at: &index) {
                switch event {
                case .head(let head, _):
                    incoming = (head, 0)
                    try wantBody()
                case .data(let range): incoming?.bodySize += range.count
                case .end: answer(in: server)
                case .octets(let range):
                    read(input.extracting(range), ofSocketIn: server)
                }
            }
        } catch {
            respond(.malformed(error))
        }
    }

    private func wantBody() throws(RequestError) {
        try http.wantBody(atMost: Self.bodyLimit)
        var output: [UInt8] = []
        if http.appendContinue(to: &output) { stream.send(output.span) }
    }

    private func read(_ octets: Span<UInt8>, ofSocketIn server: DemoServer) {
        guard case .webSocket(let socket) = phase else { return }
        var index = 0
        if !socket.read(octets, at: &index, to: stream, in: server) { http.finish() }
    }

    /// Closes what is over, and watches for what is still to come.
    private func settle(in server: DemoServer) {
        if http.ending != nil { startClosing(now: server.now) }
        setDeadline(now: server.now)
        let waiting = stream.pendingCount
        let isOver = hasFailed || hasEnded && waiting == 0 || waiting > Self.queueLimit
        if isOver { return server.close(self) }
        var wanted: Readiness = waiting > 0 ? .writable : []
        if !hasEnded, waiting < Self.pauseSize { wanted.insert(.readable) }
        guard wanted != interest else { return }
        interest = wanted
        server.watch(self, for: wanted)
    }

    private func startClosing(now: Instant) {
        if case .closing = phase { return }
        phase = .closing
        stream.finishSending()
        deadline = now + Self.closingTimeout
    }

    private func setDeadline(now: Instant) {
        let waiting = http.waitsFor
        if waiting == timed { return }
        timed = waiting
        switch waiting {
        case .request: deadline = now + Self.idleTimeout
        case .head: deadline = now + Self.headTimeout
        case .body: deadline = now + Self.bodyTimeout
        // An event stream.
        case .answer: deadline = nil
        // WebSockets look after their clients themselves.
        case .nothing: if case .webSocket = phase { deadline = nil }
        }
    }

    // MARK: Answers

    private func answer(in server: DemoServer) {
        guard let (head, bodySize) = incoming else { return }
        incoming = nil
        // From one request to the next there is all the time again.
        timed = nil
        switch DemoRoutes.answer(head, bodySize: bodySize) {
        case .response(let response): respond(response)
        case .events(let events): open(events, for: head)
        case .webSocket(let channel): open(channel, head, in: server)
        }
    }

    private func respond(_ response: DemoResponse) {
        var output: [UInt8] = []
        http.append(response, to: &output)
        stream.send(output.span)
    }

    private func open(_ events: DemoEvents, for head: RequestHead) {
        let isStream = head.method != .head
        if isStream { http.makeLast() }
        var output: [UInt8] = []
        guard http.beginHead(status: 200, to: &output) else { return }
        DemoEvents.appendFields(to: &output)
        http.endHead(length: nil, to: &output)
        stream.send(output.span)
        guard isStream else { return endAnswer() }
        phase = .events(events)
        send(events.opening().span)
    }

    private func open(_ channel: DemoChannel, _ head: RequestHead, in server: DemoServer) {
        var (output, fields): ([UInt8], [UInt8]) = ([], [])
        do {
            try DemoSocket.appendFields(answering: head, to: &fields)
        } catch let error as HandshakeError {
            return respond(.refused(error))
        } catch {
            return respond(.text("No handshake can be made.", status: 500))
        }
        guard http.beginHead(status: 101, to: &output) else { return respond(.upgradeRequired) }
        output += fields
        http.endHead(length: nil, to: &output)
        stream.send(output.span)
        let socket = DemoSocket(channel, now: server.now)
        phase = .webSocket(socket)
        socket.greet(DemoVisitor(head), stream)
    }

    /// Sends data of the current answer.
    private func send(_ data: Span<UInt8>) {
        var output: [UInt8] = []
        http.send(data, to: &output)
        stream.send(output.span)
    }

    private func endAnswer() {
        var output: [UInt8] = []
        http.end(to: &output)
        stream.send(output.span)
    }
}
